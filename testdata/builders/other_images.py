"""Images of angiography, mammography and photography, and CT of the colon: what other kinds of objects select from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
    XRayAngiographicImageStorage,
)

from builders.common import DATE, Series, code, instance, item
from builders.images import disc

XA_SIZE = 32
XA_FRAMES = 8
MG_ROWS, MG_COLUMNS = 48, 32
PHOTO_SIZE = 32
COLON_SIZE = 32


def angiogram(series: Series) -> Dataset:
    """Return a run of 8 frames of 32 x 32 pixels in which a disc grows."""
    dataset = instance(series, XRayAngiographicImageStorage, "image", 1)
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
            ContentDate=DATE,
            ContentTime="102000",
            BodyPartExamined="HEART",
            PatientOrientation=["L", "F"],
            LossyImageCompression="00",
            FrameTime="66.7",
            FrameIncrementPointer=0x00181063,
            NumberOfFrames=XA_FRAMES,
            PixelIntensityRelationship="LIN",
            KVP="80",
            RadiationSetting="GR",
            XRayTubeCurrent="100",
            ExposureTime="10",
            Exposure="1",
            PositionerMotion="STATIC",
            PositionerPrimaryAngle="30",
            PositionerSecondaryAngle="0",
            RecommendedViewingMode="SUB",
            MaskSubtractionSequence=[item(MaskOperation="AVG_SUB", MaskFrameNumbers=[1])],
        )
    )
    frames = [np.where(disc(XA_SIZE, 2 + frame), 40, 200) for frame in range(XA_FRAMES)]
    _state_pixels(dataset, np.stack(frames).astype(np.uint8))
    return dataset


def mammogram(series: Series, number: int, side: str, view: Dataset) -> Dataset:
    """Return a view of one breast, 48 rows of 32 pixels of 0.5 mm."""
    dataset = instance(series, DigitalMammographyXRayImageStorageForPresentation, f"image {number}", number)
    view.ViewModifierCodeSequence = []
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", ""],
            ContentDate=DATE,
            ContentTime="102000",
            AcquisitionDate=DATE,
            AcquisitionTime="102000",
            PresentationIntentType="FOR PRESENTATION",
            BodyPartExamined="BREAST",
            ImageLaterality=side,
            ViewCodeSequence=[view],
            AnatomicRegionSequence=[code("76752008", "SCT", "Breast")],
            PatientOrientation=["P", "L"] if side == "R" else ["A", "R"],
            OrganExposed="BREAST",
            PositionerType="MAMMOGRAPHIC",
            PositionerPrimaryAngle="0",
            ImagerPixelSpacing=[0.5, 0.5],
            DetectorType="DIRECT",
            BurnedInAnnotation="NO",
            LossyImageCompression="00",
            PixelIntensityRelationship="LOG",
            PixelIntensityRelationshipSign=1,
            RescaleIntercept="0",
            RescaleSlope="1",
            RescaleType="US",
            PresentationLUTShape="IDENTITY",
            WindowCenter="128",
            WindowWidth="256",
            AcquisitionContextSequence=[],
        )
    )
    rows, columns = np.mgrid[0:MG_ROWS, 0:MG_COLUMNS]
    inside = (rows - MG_ROWS // 2) ** 2 + columns**2 <= 20**2
    _state_pixels(dataset, np.where(inside, 180, 10).astype(np.uint8))
    return dataset


def photograph(series: Series) -> Dataset:
    """Return a colour photograph of 32 x 32 pixels: a dark spot on light skin."""
    dataset = instance(series, VLPhotographicImageStorage, "image", 1)
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY"],
            ContentDate=DATE,
            ContentTime="102000",
            PatientOrientation=[],
            LossyImageCompression="00",
            AnatomicRegionSequence=[code("14975008", "SCT", "Forearm")],
            Laterality="L",
            AcquisitionContextSequence=[],
            PlanarConfiguration=0,
        )
    )
    skin = np.where(disc(PHOTO_SIZE, 6)[..., np.newaxis], [90, 50, 40], [230, 190, 170])
    _state_pixels(dataset, skin.astype(np.uint8), samples=3)
    return dataset


def rendered_view(series: Series) -> Dataset:
    """Return a screenshot of a volume rendering, 32 x 32 pixels in colour."""
    dataset = instance(series, SecondaryCaptureImageStorage, "image", 1)
    dataset.update(item(ConversionType="WSD", PatientOrientation=[], Laterality="", PlanarConfiguration=0))
    shade = np.where(disc(PHOTO_SIZE, 12)[..., np.newaxis], [200, 180, 160], [0, 0, 0])
    _state_pixels(dataset, shade.astype(np.uint8), samples=3)
    return dataset


def colon_ct(series: Series, count: int) -> list[Dataset]:
    """Return `count` axial slices of 32 x 32 pixels of 10 mm, 5 mm apart."""
    return [_colon_slice(series, number) for number in range(1, count + 1)]


def _colon_slice(series: Series, number: int) -> Dataset:
    dataset = instance(series, CTImageStorage, f"image {number}", number)
    dataset.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            ContentDate=DATE,
            ContentTime="102000",
            BodyPartExamined="COLON",
            PatientPosition="HFS",
            KVP="120",
            SliceThickness="5",
            AcquisitionNumber=1,
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            ImagePositionPatient=[-155.0, -155.0, 5.0 * (number - 1)],
            ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            PixelSpacing=[10.0, 10.0],
            RescaleIntercept="-1024",
            RescaleSlope="1",
            RescaleType="HU",
        )
    )
    _state_pixels(dataset, np.where(disc(COLON_SIZE, 10 + number), 1064, 24).astype("<u2"), bits=16)
    return dataset


def _state_pixels(dataset: Dataset, pixels: NDArray[Any], *, samples: int = 1, bits: int = 8) -> None:
    shape = pixels.shape[:-1] if samples > 1 else pixels.shape
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "RGB" if samples > 1 else "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape[-2:]
    dataset.BitsAllocated = bits
    dataset.BitsStored = bits if bits == 8 else 12
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.tobytes()
