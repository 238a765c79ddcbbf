"""TID 1500 measurement reports, their content by highdicom's templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom import sr
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage

from builders.common import Series, Study, item, uid
from builders.content_items import SCHEME, document

LUNG = Code("39607008", "SCT", "Lung")
LIVER = Code("10200004", "SCT", "Liver")
BREAST = Code("76752008", "SCT", "Breast")
NODULE = Code("27925004", "SCT", "Nodule")
MASS = Code("4147007", "SCT", "Mass")
RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")
PRIVATE_FINDING = Code("SHADOW", SCHEME, "Synthetic shadow")
MILLIMETRE = Code("mm", "UCUM", "millimeter")
SQUARE_MILLIMETRE = Code("mm2", "UCUM", "square millimeter")
CUBIC_MILLIMETRE = Code("mm3", "UCUM", "cubic millimeter")
CENTIMETRE = Code("cm", "UCUM", "centimeter")
LENGTH = Code("410668003", "SCT", "Length")
AREA = Code("42798000", "SCT", "Area")
VOLUME = Code("118565006", "SCT", "Volume")
DIAMETER = Code("81827009", "SCT", "Diameter")

Shape2D = sr.GraphicTypeValues
Shape3D = sr.GraphicTypeValues3D


def _tracking(study: Study, name: str) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(uid=uid(f"{study.name}/tracking/{name}"), identifier=name)


def _observers(study: Study) -> sr.ObservationContext:
    return sr.ObservationContext(
        observer_person_context=sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
                name="Synthetic^Reader", login_name="reader1", organization_name="Synthetic Hospital"
            ),
        ),
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=uid(f"{study.name}/device"),
                name="Synthetic workstation",
                manufacturer_name="imgsel test data",
                model_name="reader",
                serial_number="7",
            ),
        ),
    )


def _report(
    series: Series,
    sop_class_uid: str,
    name: str,
    number: int,
    groups: Sequence[Any],
    referenced: Sequence[Dataset],
    **stated: str,
) -> Dataset:
    # The template describes an image by attributes that multi-frame images have in functional groups.
    library = [each for each in referenced if "PixelSpacing" in each]
    content = sr.MeasurementReport(
        observation_context=_observers(series.study),
        procedure_reported=Code("25045-6", "LN", "CT unspecified body region"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=library,
    )
    return document(series, sop_class_uid, name, number, content[0], referenced, **stated)


def _image(of: Dataset, frames: Sequence[int] | None = None) -> sr.SourceImageForRegion:
    return sr.SourceImageForRegion(of.SOPClassUID, of.SOPInstanceUID, frames)


def _region(graphic_type: sr.GraphicTypeValues, points: Sequence[Sequence[float]], of: Dataset) -> sr.ImageRegion:
    return sr.ImageRegion(graphic_type, np.array(points, dtype=np.float32), _image(of))


def _coordinates(
    graphic_type: sr.GraphicTypeValues, points: Sequence[Sequence[float]], of: Dataset
) -> sr.CoordinatesForMeasurement:
    return sr.CoordinatesForMeasurement(graphic_type, np.array(points, dtype=np.float32), _image(of))


def _length(value: float, of: sr.CoordinatesForMeasurement | sr.CoordinatesForMeasurement3D) -> sr.Measurement:
    return sr.Measurement(name=LENGTH, value=value, unit=MILLIMETRE, referenced_coordinates=[of])


def _volume_region(
    graphic_type: sr.GraphicTypeValues3D, points: Sequence[Sequence[float]], study: Study
) -> sr.ImageRegion3D:
    return sr.ImageRegion3D(graphic_type, np.array(points, dtype=np.float64), study.frame_of_reference_uid)


def regions_2d(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Planar regions of every SCOORD graphic type, finding sites with sides, a private finding; verified."""
    study = series.study
    groups = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "nodule 1"),
            referenced_region=_region(Shape2D.CIRCLE, [[20.5, 30.25], [24.5, 30.25]], ct[1]),
            finding_type=NODULE,
            finding_sites=[sr.FindingSite(anatomic_location=LUNG, laterality=RIGHT)],
            measurements=[sr.Measurement(name=DIAMETER, value=40.0, unit=MILLIMETRE)],
            qualitative_evaluations=[
                sr.QualitativeEvaluation(Code("300842002", "SCT", "Shape"), Code("42700002", "SCT", "Round"))
            ],
        ),
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "mass 1"),
            referenced_region=_region(
                Shape2D.POLYLINE, [[40.0, 20.0], [48.0, 20.0], [48.0, 26.0], [40.0, 26.0], [40.0, 20.0]], ct[2]
            ),
            finding_type=MASS,
            finding_sites=[sr.FindingSite(anatomic_location=LUNG, laterality=LEFT)],
            measurements=[sr.Measurement(name=AREA, value=1200.0, unit=SQUARE_MILLIMETRE)],
        ),
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "ellipse 1"),
            referenced_region=_region(Shape2D.ELLIPSE, [[30.0, 40.0], [42.0, 40.0], [36.0, 37.0], [36.0, 43.0]], ct[3]),
            finding_type=PRIVATE_FINDING,
            finding_sites=[sr.FindingSite(anatomic_location=LIVER)],
        ),
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "point 1"),
            referenced_region=_region(Shape2D.POINT, [[10.125, 12.875]], ct[4]),
            finding_type=NODULE,
        ),
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "length 1"),
            finding_type=NODULE,
            measurements=[
                _length(40.0, _coordinates(Shape2D.POLYLINE, [[16.5, 30.25], [24.5, 30.25]], ct[1])),
                _length(80.0, _coordinates(Shape2D.MULTIPOINT, [[16.5, 31.5], [20.5, 31.5], [32.5, 31.5]], ct[1])),
            ],
        ),
    ]
    dataset = _report(series, ComprehensiveSRStorage, "2d", 1, groups, ct, verified_by="Synthetic^Verifier")
    dataset.ReferencedRequestSequence = [_request(study)]
    return dataset


def _request(study: Study) -> Dataset:
    return item(
        AccessionNumber=study.accession_number,
        ReferencedStudySequence=[],
        StudyInstanceUID=study.study_instance_uid,
        RequestedProcedureDescription="CT of the chest",
        RequestedProcedureCodeSequence=[],
        RequestedProcedureID="1",
        PlacerOrderNumberImagingServiceRequest="PLACER-1",
        FillerOrderNumberImagingServiceRequest="FILLER-1",
    )


def regions_3d(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Regions in space of every SCOORD3D graphic type, in planar and volumetric groups."""
    study = series.study
    ellipsoid = [
        *([-20.0, 0.0, 10.0], [20.0, 0.0, 10.0]),
        *([0.0, -15.0, 10.0], [0.0, 15.0, 10.0]),
        *([0.0, 0.0, 2.5], [0.0, 0.0, 17.5]),
    ]
    square = [[10.0, 10.0, 5.0], [30.0, 10.0, 5.0], [30.0, 30.0, 5.0], [10.0, 30.0, 5.0], [10.0, 10.0, 5.0]]
    path = [[-50.0, -50.0, 5.0], [-40.0, -45.0, 5.0], [-30.5, -42.25, 5.0]]
    surface = sr.VolumeSurface(
        Shape3D.ELLIPSOID,
        np.array([ellipsoid]),
        study.frame_of_reference_uid,
        source_images=[sr.SourceImageForSegmentation(each.SOPClassUID, each.SOPInstanceUID) for each in ct[1:4]],
    )
    groups = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "polygon 1"),
            referenced_region=_volume_region(Shape3D.POLYGON, square, study),
            finding_type=MASS,
            finding_sites=[sr.FindingSite(anatomic_location=LUNG, laterality=LEFT)],
        ),
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "ellipse in space 1"),
            referenced_region=_volume_region(
                Shape3D.ELLIPSE,
                [[-30.0, 0.0, 15.0], [-10.0, 0.0, 15.0], [-20.0, -5.0, 15.0], [-20.0, 5.0, 15.0]],
                study,
            ),
            finding_type=NODULE,
        ),
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "point in space 1"),
            referenced_region=_volume_region(Shape3D.POINT, [[12.5, -7.25, 20.0]], study),
            finding_type=NODULE,
        ),
        sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "ellipsoid 1"),
            referenced_volume_surface=surface,
            finding_type=MASS,
            measurements=[sr.Measurement(name=VOLUME, value=9424.8, unit=CUBIC_MILLIMETRE)],
        ),
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "path 1"),
            finding_type=NODULE,
            measurements=[
                _length(21.1, _space_coordinates(Shape3D.POLYLINE, path, study)),
                _length(21.2, _space_coordinates(Shape3D.MULTIPOINT, path, study)),
            ],
        ),
    ]
    return _report(series, Comprehensive3DSRStorage, "3d", 2, groups, ct)


def _space_coordinates(
    graphic_type: sr.GraphicTypeValues3D, points: Sequence[Sequence[float]], study: Study
) -> sr.CoordinatesForMeasurement3D:
    return sr.CoordinatesForMeasurement3D(graphic_type, np.array(points), study.frame_of_reference_uid)


def volumetric(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A volume by its contours on three slices, and measurements of whole images."""
    study = series.study
    contours = [
        _region(Shape2D.POLYLINE, [[20.0, y], [28.0, y], [28.0, y + 6.0], [20.0, y + 6.0], [20.0, y]], each)
        for y, each in zip((20.0, 20.5, 21.0), ct[1:4], strict=True)
    ]
    groups = [
        sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "volume 1"),
            referenced_regions=contours,
            finding_type=NODULE,
            finding_sites=[sr.FindingSite(anatomic_location=LUNG, laterality=RIGHT)],
            measurements=[sr.Measurement(name=VOLUME, value=18000.0, unit=CUBIC_MILLIMETRE)],
        ),
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "image 1"),
            finding_type=Code("17621005", "SCT", "Normal"),
            measurements=[
                sr.Measurement(
                    name=DIAMETER,
                    value=3.25,
                    unit=CENTIMETRE,
                    referenced_images=[sr.SourceImageForMeasurement(ct[0].SOPClassUID, ct[0].SOPInstanceUID)],
                )
            ],
            source_images=[sr.SourceImageForMeasurementGroup(ct[5].SOPClassUID, ct[5].SOPInstanceUID)],
        ),
    ]
    return _report(series, ComprehensiveSRStorage, "volumetric", 3, groups, ct)


def segments(series: Series, mr: Dataset, segmentation: Dataset) -> Dataset:
    """A segment in one frame of a segmentation, and a whole segment, of a multi-frame image."""
    study = series.study
    groups = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "segment frame 1"),
            referenced_segment=sr.ReferencedSegmentationFrame(
                segmentation.SOPClassUID,
                segmentation.SOPInstanceUID,
                frame_number=2,
                segment_number=1,
                source_image=sr.SourceImageForSegmentation(mr.SOPClassUID, mr.SOPInstanceUID, [3]),
            ),
            finding_type=MASS,
            finding_sites=[sr.FindingSite(anatomic_location=BREAST, laterality=LEFT)],
            measurements=[sr.Measurement(name=AREA, value=448.0, unit=SQUARE_MILLIMETRE)],
        ),
        sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(study, "segment 2"),
            referenced_segment=sr.ReferencedSegment(
                segmentation.SOPClassUID,
                segmentation.SOPInstanceUID,
                segment_number=2,
                source_series=sr.SourceSeriesForSegmentation(mr.SeriesInstanceUID),
            ),
            finding_type=MASS,
            measurements=[sr.Measurement(name=VOLUME, value=1344.0, unit=CUBIC_MILLIMETRE)],
        ),
    ]
    return _report(series, Comprehensive3DSRStorage, "segments", 1, groups, [mr, segmentation])
