"""The images and the waveform that the annotation objects select from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    GeneralECGWaveformStorage,
    MRImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from builders.common import DATE, Series, code, instance, item, uid

CT_SIZE = 64
CT_SPACING = 5.0
MR_SIZE = 32
MR_FRAMES = 5
TILE = 32


def ct_series(series: Series, count: int, body_part: str, laterality: str = "") -> list[Dataset]:
    """Return `count` axial slices, 64 x 64 pixels of 5 mm, 5 mm apart, the first centred on the origin."""
    return [_ct_slice(series, number, body_part, laterality) for number in range(1, count + 1)]


def _ct_slice(series: Series, number: int, body_part: str, laterality: str) -> Dataset:
    dataset = instance(series, CTImageStorage, f"image {number}", number)
    corner = -CT_SPACING * (CT_SIZE - 1) / 2
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            ContentDate=DATE,
            ContentTime="102000",
            BodyPartExamined=body_part,
            PatientPosition="HFS",
            KVP="120",
            SliceThickness="5",
            AcquisitionNumber=1,
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            ImagePositionPatient=[corner, corner, 5.0 * (number - 1)],
            ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            PixelSpacing=[CT_SPACING, CT_SPACING],
            RescaleIntercept="-1024",
            RescaleSlope="1",
            RescaleType="HU",
        )
    )
    if laterality:
        dataset.Laterality = laterality
    pixels = np.where(disc(CT_SIZE, 20 + number), 1064, 24).astype("<u2")
    _state_pixels(dataset, pixels, bits=16)
    return dataset


def disc(size: int, radius: int) -> NDArray[np.bool_]:
    """Return a centred disc of `radius` pixels in a square of `size`, in whole numbers only."""
    rows, columns = np.mgrid[0:size, 0:size]
    inside: NDArray[np.bool_] = (2 * rows - size + 1) ** 2 + (2 * columns - size + 1) ** 2 <= (2 * radius) ** 2
    return inside


def _state_pixels(dataset: Dataset, pixels: NDArray[Any], *, bits: int) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = bits
    dataset.BitsStored = bits if bits == 8 else 12
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.tobytes()


def mr_slices(series: Series, count: int) -> list[Dataset]:
    """Return `count` axial slices of a head, 32 x 32 pixels of 4 mm, 4 mm apart."""
    return [_mr_slice(series, number) for number in range(1, count + 1)]


def _mr_slice(series: Series, number: int) -> Dataset:
    dataset = instance(series, MRImageStorage, f"image {number}", number)
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "OTHER"],
            ContentDate=DATE,
            ContentTime="102000",
            BodyPartExamined="BRAIN",
            PatientPosition="HFS",
            ScanningSequence="EP",
            SequenceVariant="NONE",
            ScanOptions="",
            MRAcquisitionType="2D",
            RepetitionTime="8000",
            EchoTime="90",
            EchoTrainLength=1,
            SliceThickness="4",
            AcquisitionNumber=1,
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            ImagePositionPatient=[-62.0, -62.0, 4.0 * (number - 1)],
            ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            PixelSpacing=[4.0, 4.0],
        )
    )
    _state_pixels(dataset, np.where(disc(MR_SIZE, 10 + number), 800, 20).astype("<u2"), bits=16)
    return dataset


def enhanced_mr(series: Series) -> Dataset:
    """Return a multi-frame image of a left breast: 5 sagittal frames of 32 x 32 pixels of 4 mm, 3 mm apart."""
    dataset = instance(series, EnhancedMRImageStorage, "image", 1)
    organization = uid(f"{series.study.name}/mr dimensions")
    dataset.update(
        item(
            ImageType=["DERIVED", "PRIMARY", "T1", "NONE"],
            ContentDate=DATE,
            ContentTime="102000",
            AcquisitionDateTime=f"{DATE}102000",
            AcquisitionNumber=1,
            AcquisitionDuration=60.0,
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            VolumeBasedCalculationTechnique="NONE",
            ComplexImageComponent="MAGNITUDE",
            AcquisitionContrast="T1",
            ContentQualification="RESEARCH",
            ResonantNucleus="1H",
            KSpaceFiltering="NONE",
            MagneticFieldStrength=1.5,
            ApplicableSafetyStandardAgency="IEC",
            ApplicableSafetyStandardDescription="IEC 60601-2-33",
            PatientPosition="FFP",
            BurnedInAnnotation="NO",
            LossyImageCompression="00",
            PresentationLUTShape="IDENTITY",
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            AcquisitionContextSequence=[],
            DimensionOrganizationSequence=[item(DimensionOrganizationUID=organization)],
            DimensionIndexSequence=[
                item(
                    DimensionOrganizationUID=organization,
                    DimensionIndexPointer=0x00200032,
                    FunctionalGroupPointer=0x00209113,
                    DimensionDescriptionLabel="Position",
                )
            ],
            NumberOfFrames=MR_FRAMES,
            SharedFunctionalGroupsSequence=[_mr_shared_groups()],
            PerFrameFunctionalGroupsSequence=[_mr_frame_groups(frame) for frame in range(1, MR_FRAMES + 1)],
        )
    )
    pixels = np.stack([np.where(disc(MR_SIZE, 5 + frame), 900, 60) for frame in range(MR_FRAMES)]).astype("<u2")
    _state_pixels(dataset, pixels, bits=16)
    return dataset


def _mr_shared_groups() -> Dataset:
    frame_type = item(
        FrameType=["DERIVED", "PRIMARY", "T1", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast="T1",
    )
    anatomy = item(FrameLaterality="L", AnatomicRegionSequence=[code("76752008", "SCT", "Breast")])
    return item(
        PixelMeasuresSequence=[item(SliceThickness="3", PixelSpacing=[4.0, 4.0])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[0.0, 1.0, 0.0, 0.0, 0.0, -1.0])],
        FrameAnatomySequence=[anatomy],
        PixelValueTransformationSequence=[item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")],
        FrameVOILUTSequence=[item(WindowCenter="500", WindowWidth="1000")],
        MRImageFrameTypeSequence=[frame_type],
    )


def _mr_frame_groups(frame: int) -> Dataset:
    content = item(
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=f"{DATE}1020{frame:02}",
        FrameAcquisitionDateTime=f"{DATE}1020{frame:02}",
        FrameAcquisitionDuration=1000.0,
        DimensionIndexValues=[frame],
        StackID="1",
        InStackPositionNumber=frame,
    )
    return item(
        FrameContentSequence=[content],
        PlanePositionSequence=[item(ImagePositionPatient=[60.0 + 3.0 * frame, -62.0, 62.0])],
    )


def slide(series: Series) -> Dataset:
    """Return a whole slide image of 64 x 64 pixels of 0.01 mm in 2 x 2 tiles (TILED_FULL)."""
    dataset = instance(series, VLWholeSlideMicroscopyImageStorage, "image", 1)
    organization = uid(f"{series.study.name}/slide dimensions")
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            ContentDate=DATE,
            ContentTime="102000",
            AcquisitionDateTime=f"{DATE}102000",
            AcquisitionDuration=1.0,
            VolumetricProperties="VOLUME",
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="SLIDE_CORNER",
            DimensionOrganizationType="TILED_FULL",
            DimensionOrganizationSequence=[item(DimensionOrganizationUID=organization)],
            BurnedInAnnotation="NO",
            LossyImageCompression="00",
            PresentationLUTShape="IDENTITY",
            RescaleIntercept="0",
            RescaleSlope="1",
            SpecimenLabelInImage="NO",
            FocusMethod="AUTO",
            ExtendedDepthOfField="NO",
            ImagedVolumeWidth=0.64,
            ImagedVolumeHeight=0.64,
            ImagedVolumeDepth=1.0,
            TotalPixelMatrixColumns=2 * TILE,
            TotalPixelMatrixRows=2 * TILE,
            TotalPixelMatrixFocalPlanes=1,
            TotalPixelMatrixOriginSequence=[
                item(XOffsetInSlideCoordinateSystem="20", YOffsetInSlideCoordinateSystem="40")
            ],
            ImageOrientationSlide=[0.0, -1.0, 0.0, -1.0, 0.0, 0.0],
            NumberOfOpticalPaths=1,
            OpticalPathSequence=[_optical_path()],
            AcquisitionContextSequence=[],
            NumberOfFrames=4,
            SharedFunctionalGroupsSequence=[_slide_groups()],
        )
    )
    dataset.update(_specimen(series))
    _state_pixels(dataset, _slide_tiles(), bits=8)
    return dataset


def _slide_tiles() -> NDArray[np.uint8]:
    whole = np.where(disc(2 * TILE, 24), 90, 230).astype(np.uint8)
    return np.stack([whole[r : r + TILE, c : c + TILE] for r in (0, TILE) for c in (0, TILE)])


def _optical_path() -> Dataset:
    return item(
        OpticalPathIdentifier="1",
        IlluminationTypeCodeSequence=[code("111744", "DCM", "Brightfield illumination")],
        IlluminationColorCodeSequence=[code("371251000", "SCT", "White")],
    )


def _slide_groups() -> Dataset:
    return item(
        PixelMeasuresSequence=[item(SliceThickness="0.001", PixelSpacing=[0.01, 0.01])],
        WholeSlideMicroscopyImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])],
        OpticalPathIdentificationSequence=[item(OpticalPathIdentifier="1")],
    )


def _specimen(series: Series) -> Dataset:
    specimen = item(
        SpecimenIdentifier="SPECIMEN-1",
        SpecimenUID=uid(f"{series.study.name}/specimen"),
        IssuerOfTheSpecimenIdentifierSequence=[],
        SpecimenPreparationSequence=[],
    )
    return item(
        ContainerIdentifier="SLIDE-1",
        IssuerOfTheContainerIdentifierSequence=[],
        ContainerTypeCodeSequence=[code("433466003", "SCT", "Microscope slide")],
        SpecimenDescriptionSequence=[specimen],
    )


def ecg(series: Series) -> Dataset:
    """Return an ECG in two multiplex groups, of three and of two channels, 100 samples each."""
    dataset = instance(series, GeneralECGWaveformStorage, "waveform", 1)
    dataset.ContentDate = DATE
    dataset.ContentTime = "102000"
    dataset.AcquisitionDateTime = f"{DATE}102000"
    dataset.AcquisitionContextSequence = []
    leads = (("2:1", "Lead I"), ("2:2", "Lead II"), ("2:61", "Lead III")), (("2:62", "aVR"), ("2:63", "aVL"))
    dataset.WaveformSequence = [_multiplex_group(group) for group in leads]
    return dataset


def annotated_ecg(series: Series) -> Dataset:
    """Return an ECG of the same channels, annotated: words on a group, a measurement on channels, a coded beat."""
    dataset = ecg(series)
    dataset.SOPInstanceUID = uid(f"{series.study.name}/{series.name}/annotated waveform")
    dataset.InstanceNumber = 2
    dataset.WaveformAnnotationSequence = [
        item(ReferencedWaveformChannels=[1, 0], UnformattedTextValue="Sinus rhythm", AnnotationGroupNumber=1),
        item(
            ReferencedWaveformChannels=[1, 1, 1, 3],
            ConceptNameCodeSequence=[code("2:15872", "MDC", "PR interval")],
            NumericValue="160",
            MeasurementUnitsCodeSequence=[code("ms", "UCUM", "millisecond")],
            AnnotationGroupNumber=2,
        ),
        item(
            ReferencedWaveformChannels=[2, 2],
            ConceptNameCodeSequence=[code("122717", "DCM", "Morphology")],
            ConceptCodeSequence=[code("17338001", "SCT", "Ventricular premature beats")],
            TemporalRangeType="POINT",
            ReferencedSamplePositions=40,
            AnnotationGroupNumber=3,
        ),
    ]
    return dataset


def _multiplex_group(leads: tuple[tuple[str, str], ...]) -> Dataset:
    time = np.arange(100)
    samples = np.stack([(time * (7 + channel)) % 50 - 25 for channel in range(len(leads))], axis=1)
    return item(
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=len(leads),
        NumberOfWaveformSamples=len(time),
        SamplingFrequency="100",
        ChannelDefinitionSequence=[_channel(value, meaning) for value, meaning in leads],
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        WaveformData=samples.astype("<i2").tobytes(),
    )


def _channel(value: str, meaning: str) -> Dataset:
    return item(
        ChannelSourceSequence=[code(value, "MDC", meaning)],
        ChannelSensitivity="1",
        ChannelSensitivityUnitsSequence=[code("uV", "UCUM", "microvolt")],
        ChannelSensitivityCorrectionFactor="1",
        ChannelBaseline="0",
        ChannelSampleSkew="0",
        WaveformBitsStored=16,
    )
