"""Surface segmentations: each segment, and the instances that its surfaces were made from (PS3.3 A.57, C.8.23)."""

from __future__ import annotations

from collections.abc import Iterator

from converter.mapper import segmentation, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.derivation import Derivation
from converter.selection import Selection


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield each segment, followed by what it was made from; the surfaces themselves are not stated."""
    return segmentation.of_derivation(obj, _SurfaceSources(obj))


class _SurfaceSources(Derivation):
    """The source instances of each segment's surfaces: there are no frames here."""

    def _read_groups(self) -> None:
        for index, segment in enumerate(values.items(self._obj.dataset, "SegmentSequence")):
            try:
                number = values.integer(segment, "SegmentNumber")
            except values.ValueUnreadableError:
                number = None
            if number is None:
                continue
            for at, surface in enumerate(values.items(segment, "ReferencedSurfaceSequence")):
                path = (
                    f"$.SegmentSequence[{index}].ReferencedSurfaceSequence[{at}].SegmentSurfaceSourceInstanceSequence"
                )
                for place, item in enumerate(values.items(surface, "SegmentSurfaceSourceInstanceSequence")):
                    self._add(item, f"{path}[{place}]", [self._images_of(number)])
