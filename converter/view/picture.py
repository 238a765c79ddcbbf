"""What a selection looks like: plain values between the images and whatever shows them (a page, PNG files, a terminal).

Positions are those of ImagingSelection: column then row, 0,0 at the top left corner of the top left pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray


class PictureError(Exception):
    """There is no picture after all: the image turned out to be one that cannot be decoded. Its text is a fixed one."""


ShapeType: TypeAlias = Literal["point", "multipoint", "polyline", "polygon", "circle", "ellipse"]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A region as it is drawn.

    `points`: (n, 2), in pixels on a picture, in millimetres on a sketch; of a circle its centre and a point on it, of
    an ellipse the end points of the major axis, then of the minor axis. `element`: the FHIRPath of the region in its
    resource (`ImagingSelection.instance[0].imageRegion2D[1]`). `label`: text to draw beside it. `is_derived`: whether
    it is a section or a projection of the region rather than the region itself.
    """

    type: ShapeType
    points: NDArray[np.float64]
    element: str
    label: str | None = None
    is_derived: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """The pixels of a picture that belong to a segment: (rows, columns) of bool, or of float from 0 to 1."""

    segment: int
    pixels: NDArray[np.bool_] | NDArray[np.float64]
    element: str
    label: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One frame with what a selection selects on it.

    `frame` counts from 1; None for a single-frame image. `aspect`: the height of a pixel over its width. `png` gives
    the frame, windowed, as an 8-bit PNG of `columns` by `rows`, decoded when it is asked for; None where `missing`, a
    fixed text, says why there is none. Then `columns` and `rows` are those stated, or what holds all shapes. `png` may
    still raise PictureError: that an image cannot be decoded shows when it is. `notes` are fixed texts on what is not
    shown: more frames, more points.
    """

    selection_id: str
    sop_instance_uid: str
    frame: int | None
    columns: int
    rows: int
    aspect: float = 1.0
    shapes: tuple[Shape, ...] = ()
    masks: tuple[Mask, ...] = ()
    png: Callable[[], bytes] | None = None
    missing: str | None = None
    notes: tuple[str, ...] = ()

    def decoded(self) -> tuple[bytes | None, str | None]:
        """Return the PNG, or None and the fixed text that says why there is none."""
        if self.png is None:
            return None, self.missing
        try:
            return self.png(), None
        except PictureError as error:
            return None, str(error)


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """The 3D regions of a selection seen along an axis of the frame of reference, in millimetres.

    `view`: the plane that is seen. `shapes` are in the view's own axes, right then down; `bounds` holds the least and
    the greatest of both: ((left, top), (right, bottom)).
    """

    selection_id: str
    view: Literal["axial", "coronal", "sagittal"]
    shapes: tuple[Shape, ...]
    bounds: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """All that there is to see of a selection; `notes` are fixed texts on what is not shown."""

    pictures: tuple[Picture, ...] = ()
    sketches: tuple[Sketch, ...] = ()
    notes: tuple[str, ...] = ()
