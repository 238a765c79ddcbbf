"""What lies in space: fiducials, surfaces and tracks, by pydicom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.uid import SpatialFiducialsStorage, SurfaceSegmentationStorage, TractographyResultsStorage

from builders.common import Series, code, evidence, instance, item, sop_reference, state_content, uid

_ORGAN = ("91723000", "SCT", "Anatomical structure")


def fiducials(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Return a set in the frame of reference with its images, and a set on images."""
    dataset = instance(series, SpatialFiducialsStorage, "fiducials", 1)
    dataset.Laterality = ""
    state_content(dataset, "FIDUCIALS", "Synthetic landmarks", creator="Synthetic^Reader")
    carina = item(
        FiducialIdentifier="CARINA",
        FiducialIdentifierCodeSequence=[code("28700002", "SCT", "Carina")],
        FiducialUID=uid(f"{series.study.name}/fiducial/carina"),
        ShapeType="POINT",
        NumberOfContourPoints=1,
        ContourData=[2.5, -7.5, 5.0],
    )
    midline = item(
        FiducialIdentifier="MIDLINE",
        FiducialDescription="Body midline",
        ShapeType="LINE",
        NumberOfContourPoints=2,
        ContourData=[0.0, -50.0, 0.0, 0.0, 50.0, 0.0],
    )
    on_images = item(
        FiducialIdentifier="MARKER",
        ShapeType="POINT",
        GraphicCoordinatesDataSequence=[
            item(GraphicData=[10.25, 20.5], ReferencedImageSequence=[sop_reference(ct[0])]),
            item(GraphicData=[11.25, 20.5], ReferencedImageSequence=[sop_reference(ct[1])]),
        ],
    )
    dataset.FiducialSetSequence = [
        item(
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            ReferencedImageSequence=[sop_reference(image) for image in ct[:2]],
            FiducialSequence=[carina, midline],
        ),
        item(ReferencedImageSequence=[sop_reference(image) for image in ct[:2]], FiducialSequence=[on_images]),
    ]
    _refer(dataset, ct[:2])
    return dataset


def fiducials_on_frames(series: Series, mr: Dataset) -> Dataset:
    """Return a fiducial on two frames of a multi-frame image, identified by an L shape."""
    dataset = instance(series, SpatialFiducialsStorage, "fiducials on frames", 1)
    dataset.Laterality = ""
    state_content(dataset, "FRAMES", "Synthetic marker")
    corner = item(
        FiducialIdentifier="CORNER",
        ShapeType="L_SHAPE",
        GraphicCoordinatesDataSequence=[
            item(
                GraphicData=[4.5, 4.5, 4.5, 8.5, 8.5, 8.5],
                ReferencedImageSequence=[sop_reference(mr, ReferencedFrameNumber=frame)],
            )
            for frame in (1, 4)
        ],
    )
    dataset.FiducialSetSequence = [item(ReferencedImageSequence=[sop_reference(mr)], FiducialSequence=[corner])]
    _refer(dataset, [mr])
    return dataset


def surface(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Return a segment with one surface, a tetrahedron, made from three slices."""
    dataset = instance(series, SurfaceSegmentationStorage, "surface", 4)
    state_content(dataset, "SURFACE", "Synthetic surface", creator="Synthetic^Reader")
    meshing = item(
        AlgorithmFamilyCodeSequence=[code("123101", "DCM", "Neighborhood Analysis")],
        AlgorithmName="Synthetic mesher",
        AlgorithmVersion="1.0",
    )
    dataset.update(
        item(
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            SegmentSequence=[
                item(
                    SegmentNumber=1,
                    SegmentLabel="Heart surface",
                    SegmentAlgorithmType="AUTOMATIC",
                    SegmentedPropertyCategoryCodeSequence=[code(*_ORGAN)],
                    SegmentedPropertyTypeCodeSequence=[code("80891009", "SCT", "Heart")],
                    SurfaceCount=1,
                    ReferencedSurfaceSequence=[
                        item(
                            ReferencedSurfaceNumber=1,
                            SegmentSurfaceGenerationAlgorithmIdentificationSequence=[meshing],
                            SegmentSurfaceSourceInstanceSequence=[sop_reference(image) for image in ct[:3]],
                        )
                    ],
                )
            ],
            NumberOfSurfaces=1,
            SurfaceSequence=[_tetrahedron()],
        )
    )
    _refer(dataset, ct[:3])
    return dataset


def _tetrahedron() -> Dataset:
    corners = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], "<f4")
    faces = np.array([[1, 3, 2], [1, 2, 4], [2, 3, 4], [1, 4, 3]], "<u4")
    return item(
        SurfaceNumber=1,
        RecommendedDisplayGrayscaleValue=65535,
        RecommendedDisplayCIELabValue=[32768, 32768, 32768],
        RecommendedPresentationOpacity=1.0,
        RecommendedPresentationType="SURFACE",
        SurfaceProcessing="NO",
        FiniteVolume="YES",
        Manifold="YES",
        SurfacePointsSequence=[item(NumberOfSurfacePoints=4, PointCoordinatesData=corners.tobytes())],
        SurfacePointsNormalsSequence=[],
        SurfaceMeshPrimitivesSequence=[
            item(
                LongTrianglePointIndexList=faces.tobytes(),
                LongEdgePointIndexList=b"",
                LongVertexPointIndexList=b"",
                TriangleStripSequence=[],
                TriangleFanSequence=[],
                LineSequence=[],
                FacetSequence=[],
            )
        ],
    )


def tracks(series: Series, mr: Sequence[Dataset]) -> Dataset:
    """Return a track set of two tracks on the left, found on two images."""
    dataset = instance(series, TractographyResultsStorage, "tracks", 1)
    dataset.Laterality = ""
    state_content(dataset, "TRACKS", "Synthetic tracks", creator="Synthetic^Reader")
    cingulum = code("369057005", "SCT", "Cingulum bundle")
    cingulum.ModifierCodeSequence = [code("7771000", "SCT", "Left")]
    tracking = item(
        AlgorithmFamilyCodeSequence=[code("113211", "DCM", "Deterministic Tracking Algorithm")],
        AlgorithmName="Synthetic tracker",
        AlgorithmVersion="1.0",
    )
    dataset.update(
        item(
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            TrackSetSequence=[
                item(
                    TrackSetNumber=1,
                    TrackSetLabel="Left cingulum",
                    TrackSetAnatomicalTypeCodeSequence=[cingulum],
                    RecommendedDisplayCIELabValue=[32768, 32768, 32768],
                    TrackSequence=[
                        _track((0.1, 0, 0), (1.5, 0, 2), (3, 0.5, 4)),
                        _track((0, 1, 0), (0, 2.25, 5)),
                    ],
                    DiffusionAcquisitionCodeSequence=[code("113223", "DCM", "DTI")],
                    DiffusionModelCodeSequence=[code("113231", "DCM", "Single Tensor")],
                    TrackingAlgorithmIdentificationSequence=[tracking],
                )
            ],
            ReferencedInstanceSequence=[sop_reference(image) for image in mr],
        )
    )
    _refer(dataset, mr)
    return dataset


def _track(*points: tuple[float, float, float]) -> Dataset:
    return item(PointCoordinatesData=np.array(points, "<f4").tobytes())


def _refer(dataset: Dataset, images: Sequence[Dataset]) -> None:
    """Add the common instance reference module."""
    (study,) = evidence(images)
    dataset.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=each.SeriesInstanceUID, ReferencedInstanceSequence=each.ReferencedSOPSequence)
        for each in study.ReferencedSeriesSequence
    ]
