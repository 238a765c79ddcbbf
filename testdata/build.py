"""Build the synthetic studies: `python testdata/build.py [OUT]`, by default into the folder of this script.

No real patient is in them. Every byte is stated by the builders, so a rebuild gives the same files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from builders import (
    bulk_annotations,
    cad_reports,
    images,
    key_objects,
    measurement_reports,
    other_images,
    other_reports,
    other_states,
    presentation_states,
    procedure_logs,
    segmentations,
    slides,
    spatial,
    structure_sets,
    value_mappings,
    volumetric_states,
)
from builders.common import Series, Study, code, save
from builders.graphics import Display
from pydicom import Dataset

Files = Iterator[tuple[str, Dataset]]

CT_CHEST = Study("ct-chest", "Synthetic^Chest", issuer="oid", timezone="+0100")
MR_BREAST = Study("mr-breast", "Synthetic^Breast", issuer="text", timezone="-0500")
MR_HEAD = Study("mr-head", "Synthetic^Head", timezone="+0200")
SM_SLIDE = Study("sm-slide", "Synthetic^Slide")
ECG_REST = Study("ecg-rest", "Synthetic^Heart", issuer="uuid", timezone="+0000")
XA_CORONARY = Study("xa-coronary", "Synthetic^Coronary", timezone="+0100")
MG_SCREENING = Study("mg-screening", "Synthetic^Screening", issuer="oid", timezone="+0100")
CT_COLON = Study("ct-colon", "Synthetic^Colon")
VL_SKIN = Study("vl-skin", "Synthetic^Skin")


def ct_chest() -> Files:
    """Yield a CT of the chest and one of each annotation object that single-frame images have."""
    ct = images.ct_series(Series(CT_CHEST, "ct", 1, "CT", "Axial chest"), 6, "CHEST")
    lung = images.ct_series(Series(CT_CHEST, "lung", 2, "CT", "Axial right lung"), 2, "LUNG", laterality="R")
    yield from ((f"ct-{number}", each) for number, each in enumerate(ct, start=1))
    yield from ((f"ct-right-lung-{number}", each) for number, each in enumerate(lung, start=1))
    states = list(_ct_presentation_states(ct))
    yield from states
    yield from _ct_blended_states(ct, lung)
    reports = Series(CT_CHEST, "sr", 20, "SR", "Reports")
    yield "sr-tid1500-regions-2d", measurement_reports.regions_2d(reports, ct)
    yield "sr-tid1500-regions-3d", measurement_reports.regions_3d(reports, ct)
    yield "sr-tid1500-volumetric", measurement_reports.volumetric(reports, ct)
    by_reference = other_reports.by_reference_items(reports, ct)
    yield "sr-items-by-reference", by_reference
    yield "sr-basic-text-images", other_reports.basic_text(reports, ct, states[0][1])
    segmented = Series(CT_CHEST, "seg", 30, "SEG", "Segmentations")
    two_segments = segmentations.binary(segmented, ct)
    yield "seg-binary-two-segments", two_segments
    yield "seg-fractional", segmentations.fractional(segmented, ct)
    yield "seg-label-map", segmentations.label_map(segmented, ct)
    yield "seg-with-holes", segmentations.with_holes(segmented, ct)
    keys = Series(CT_CHEST, "ko", 40, "KO", "Key objects")
    yield "ko-best-in-set-two-series", key_objects.best_in_set(keys, ct, lung, states[0][1])
    yield "ko-rejection-note", key_objects.rejected(keys, ct)
    yield "rtstruct-contours", structure_sets.contours(Series(CT_CHEST, "rtstruct", 50, "RTSTRUCT"), ct)
    yield "fid-landmarks", spatial.fiducials(Series(CT_CHEST, "fid", 60, "FID"), ct)
    yield "surface-heart", spatial.surface(segmented, ct)
    yield "rwv-hounsfield", value_mappings.hounsfield(Series(CT_CHEST, "rwv", 70, "RWV"), ct, lung)
    yield "sr-chest-cad", cad_reports.chest(reports, ct)
    yield from _ct_volumetric_states(ct, lung, by_reference, two_segments)


def _ct_presentation_states(ct: list[Dataset]) -> Files:
    series = Series(CT_CHEST, "pr", 10, "PR", "Presentation states")
    flipped = Display(11, 5, 50, 34, rotation=90, flipped=True)
    turned = Display(11, 5, 50, 34, rotation=270)
    yield "pr-pixel-units", presentation_states.pixel_units(series, ct)
    name = "rotated 90 flipped"
    yield "pr-display-units-rotated-90-flipped", presentation_states.display_units(series, ct, flipped, name, 2)
    yield "pr-display-units-rotated-270", presentation_states.display_units(series, ct, turned, "rotated 270", 3)
    yield "pr-interpolated", presentation_states.interpolated(series, ct)
    yield "pr-compound-graphics", presentation_states.compound_graphics(series, ct)


def _ct_blended_states(ct: list[Dataset], lung: list[Dataset]) -> Files:
    series = Series(CT_CHEST, "pr", 10, "PR", "Presentation states")
    yield "pr-pseudo-color", other_states.pseudo_color(series, ct)
    yield "pr-variable-modality-lut", other_states.variable_modality_lut(series, ct)
    yield "pr-blending", other_states.blending(series, ct[:3], lung)
    yield "pr-advanced-blending", other_states.advanced_blending(series, ct[:3], lung)


def _ct_volumetric_states(ct: list[Dataset], lung: list[Dataset], report: Dataset, segmentation: Dataset) -> Files:
    series = Series(CT_CHEST, "views", 11, "PR", "Views of volumes")
    screenshot = other_images.rendered_view(Series(CT_CHEST, "screenshots", 3, "OT", "Screenshots"))
    yield "sc-rendered-view", screenshot
    # The length that the report states: its item 1.3.1.
    observation_uid = report.ContentSequence[2].ContentSequence[0].ObservationUID
    yield "pr-planar-mpr", volumetric_states.planar(series, ct, report, observation_uid)
    yield "pr-compositing-mpr", volumetric_states.composited(series, ct, lung)
    yield "pr-volume-rendering", volumetric_states.rendered(series, ct)
    yield "pr-segmented-rendering", volumetric_states.segmented(series, ct, segmentation)
    yield "pr-multiple-rendering", volumetric_states.multiple(series, ct, lung, screenshot)


def mr_breast() -> Files:
    """Yield an enhanced MR image and the annotation objects that name its frames."""
    mr = images.enhanced_mr(Series(MR_BREAST, "mr", 1, "MR", "Left breast"))
    state = presentation_states.frames(Series(MR_BREAST, "pr", 10, "PR"), mr)
    segmentation = segmentations.of_frames(Series(MR_BREAST, "seg", 30, "SEG"), mr)
    reports = Series(MR_BREAST, "sr", 20, "SR")
    measured = measurement_reports.segments(reports, mr, segmentation)
    yield "mr-enhanced-5-frames", mr
    yield "pr-frames", state
    yield "seg-of-frames", segmentation
    yield "sr-tid1500-segments", measured
    yield "sr-enhanced-frames", other_reports.enhanced_frames(reports, mr, measured)
    yield "ko-frames", key_objects.frames(Series(MR_BREAST, "ko", 40, "KO"), mr, state, measured)
    yield "fid-frames", spatial.fiducials_on_frames(Series(MR_BREAST, "fid", 60, "FID"), mr)
    yield "rwv-frames", value_mappings.of_frames(Series(MR_BREAST, "rwv", 70, "RWV"), mr)


def mr_head() -> Files:
    """Yield two slices of a head and the tracks found on them."""
    mr = images.mr_slices(Series(MR_HEAD, "mr", 1, "MR"), 2)
    yield from ((f"mr-{number}", each) for number, each in enumerate(mr, start=1))
    yield "tract-cingulum", spatial.tracks(Series(MR_HEAD, "tract", 10, "MR"), mr)


def sm_slide() -> Files:
    """Yield whole slide images in 2 x 2 and in sparse tiles, and what selects from them."""
    slide = images.slide(Series(SM_SLIDE, "sm", 1, "SM"))
    yield "sm-2x2-tiles", slide
    yield "seg-tiled", segmentations.tiled(Series(SM_SLIDE, "seg", 30, "SEG"), slide)
    sparse = slides.sparse(Series(SM_SLIDE, "sm", 1, "SM"))
    yield "sm-sparse", sparse
    yield "pr-matrix-units", slides.matrix_units(Series(SM_SLIDE, "pr", 10, "PR"), slide, sparse)
    yield "sr-slide-regions", slides.regions(Series(SM_SLIDE, "sr", 20, "SR"), slide, sparse)
    annotations = Series(SM_SLIDE, "ann", 80, "ANN")
    yield "ann-total-pixel-matrix", bulk_annotations.total_pixel_matrix(annotations, slide)
    yield "ann-slide-coordinates", bulk_annotations.slide_coordinates(annotations, slide)
    yield "ann-frame", bulk_annotations.frame(annotations, slide)


def ecg_rest() -> Files:
    """Yield an ECG, what selects from its channels, and an ECG with annotations of its own."""
    series = Series(ECG_REST, "ecg", 1, "ECG")
    ecg = images.ecg(series)
    yield "ecg-2-multiplex-groups", ecg
    yield "ecg-annotated", images.annotated_ecg(series)
    yield "sr-waveform-channels", other_reports.ecg_findings(Series(ECG_REST, "sr", 20, "SR"), ecg)
    yield "ko-waveform", key_objects.waveform(Series(ECG_REST, "ko", 40, "KO"), ecg)


def xa_coronary() -> Files:
    """Yield a run of angiography, its presentation state, and the log of the procedure."""
    run = other_images.angiogram(Series(XA_CORONARY, "xa", 1, "XA"))
    yield "xa-8-frames", run
    yield "pr-angiography", other_states.angiography(Series(XA_CORONARY, "pr", 10, "PR"), run)
    yield "sr-procedure-log", procedure_logs.catheterization(Series(XA_CORONARY, "sr", 20, "SR"), run)


def mg_screening() -> Files:
    """Yield views of both breasts, and what computer-aided detection found."""
    series = Series(MG_SCREENING, "mg", 1, "MG")
    cranio_caudal, oblique = ("399162004", "SCT", "cranio-caudal"), ("399368009", "SCT", "medio-lateral oblique")
    right = [other_images.mammogram(series, n, "R", code(*view)) for n, view in ((1, cranio_caudal), (2, oblique))]
    left = other_images.mammogram(series, 3, "L", code(*cranio_caudal))
    yield "mg-right-cc", right[0]
    yield "mg-right-mlo", right[1]
    yield "mg-left-cc", left
    yield "sr-mammography-cad", cad_reports.mammography(Series(MG_SCREENING, "sr", 20, "SR"), right, left)


def ct_colon() -> Files:
    """Yield two series of the colon, and the polyp that computer-aided detection found in both."""
    supine = other_images.colon_ct(Series(CT_COLON, "supine", 1, "CT", "Supine"), 2)
    prone = other_images.colon_ct(Series(CT_COLON, "prone", 2, "CT", "Prone"), 2)
    yield from ((f"ct-supine-{number}", each) for number, each in enumerate(supine, start=1))
    yield from ((f"ct-prone-{number}", each) for number, each in enumerate(prone, start=1))
    yield "sr-colon-cad", cad_reports.colon(Series(CT_COLON, "sr", 20, "SR"), supine, prone)


def vl_skin() -> Files:
    """Yield a photograph in colour and its presentation state."""
    photo = other_images.photograph(Series(VL_SKIN, "photo", 1, "XC"))
    yield "vl-photograph", photo
    yield "pr-color", other_states.color(Series(VL_SKIN, "pr", 10, "PR"), photo)


def build(out: Path) -> None:
    """Write every study into its own folder below `out`."""
    studies = (
        *((CT_CHEST, ct_chest), (MR_BREAST, mr_breast), (MR_HEAD, mr_head), (SM_SLIDE, sm_slide), (ECG_REST, ecg_rest)),
        *((XA_CORONARY, xa_coronary), (MG_SCREENING, mg_screening), (CT_COLON, ct_colon), (VL_SKIN, vl_skin)),
    )
    for study, files in studies:
        for name, dataset in files():
            save(dataset, out / study.name / f"{name}.dcm")


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
