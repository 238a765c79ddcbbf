"""From the stored values of a frame to the 8-bit pixels of a screen.

The grayscale pipeline of PS3.3 and PS3.4 N.2: modality LUT, VOI LUT, polarity. Each step is stated by the presentation
state, by the frame's functional groups or by the image, the first of them that states it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from converter.mapper import values
from converter.view.images import NOT_DECODED, number, numbers
from converter.view.picture import PictureError

_WHITE: Final = 255
_BYTE: Final = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """The stored values of a frame, its image's data set, and the presentation state that it is shown by, if any."""

    pixels: NDArray[Any]
    dataset: Dataset
    sop_instance_uid: str
    number: int = 1
    state: Dataset | None = None


def displayed(frame: Frame) -> NDArray[np.uint8]:
    """Return the pixels of a frame as they are displayed, (rows, columns) or (rows, columns, 3) of RGB.

    Raises PictureError for colours that cannot be found out.
    """
    if frame.pixels.ndim == 3:
        return _bytes_of(frame.pixels, number(frame.dataset, "BitsStored") or _BYTE)
    photometric = values.text(frame.dataset, "PhotometricInterpretation")
    if photometric == "PALETTE COLOR":
        return _palette(frame)
    shown = voi(modality_values(frame), frame)
    if _is_inverse(frame, photometric):
        shown = 1 - shown
    pixels: NDArray[np.uint8] = np.rint(shown * _WHITE).astype(np.uint8)
    return pixels


def modality_values(frame: Frame) -> NDArray[np.float64]:
    """Return the values that the modality LUT or the rescale slope and intercept make of the stored ones (C.11.1)."""
    stored = frame.pixels.astype(np.float64)
    for item in _stating(frame, "VariableModalityLUTSequence", "PixelValueTransformationSequence"):
        table = next(iter(values.items(item, "ModalityLUTSequence")), None)
        mapped = None if table is None else _looked_up(stored, table)
        if mapped is not None:
            return mapped[0]
        slope, intercept = numbers(item, "RescaleSlope"), numbers(item, "RescaleIntercept")
        if slope and intercept:
            return stored * slope[0] + intercept[0]
    return stored


def voi(pixels: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    """Return values from 0 to 1: through the VOI LUT or the first window (C.11.2), else of all that there are."""
    for item in _stating(frame, "SoftcopyVOILUTSequence", "FrameVOILUTSequence"):
        table = next(iter(values.items(item, "VOILUTSequence")), None)
        mapped = None if table is None else _looked_up(pixels, table)
        if mapped is not None:
            looked_up, bits = mapped
            return _clipped(looked_up / (2**bits - 1))
        center, width = numbers(item, "WindowCenter"), numbers(item, "WindowWidth")
        function = values.text(item, "VOILUTFunction") or "LINEAR"
        if center and width and width[0] >= (1 if function == "LINEAR" else 1e-9):
            return window(pixels, center[0], width[0], function)
    return _full_range(pixels, frame)


def window(pixels: NDArray[np.float64], center: float, width: float, function: str = "LINEAR") -> NDArray[np.float64]:
    """Return values from 0 to 1 by a window: LINEAR, LINEAR_EXACT or SIGMOID (C.11.2.1.2, C.11.2.1.3)."""
    if function == "SIGMOID":
        # Beyond 40 the exponential is nothing beside 1, and further on it would overflow.
        sigmoid: NDArray[np.float64] = 1 / (1 + np.exp(np.clip(-4 * (pixels - center) / width, -40, 40)))
        return sigmoid
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (pixels > center).astype(np.float64)
    return _clipped((pixels - center) / width + 0.5)


def _clipped(shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values from 0 to 1; what is no number is black."""
    clipped: NDArray[np.float64] = np.clip(np.nan_to_num(shown), 0, 1)
    return clipped


def _full_range(pixels: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    """Return values from 0 to 1: of 8 bits all that they could be, else of those that the frame has."""
    bits = number(frame.dataset, "BitsStored") or _BYTE
    if bits <= _BYTE and not number(frame.dataset, "PixelRepresentation") and frame.pixels.dtype.kind == "u":
        return _clipped(frame.pixels / (2**bits - 1))
    is_shown = np.isfinite(pixels)
    padding = number(frame.dataset, "PixelPaddingValue")
    if padding is not None:
        is_shown &= frame.pixels != padding
    if not is_shown.any():
        return np.zeros(pixels.shape)
    least, greatest = float(pixels[is_shown].min()), float(pixels[is_shown].max())
    if least == greatest:
        return np.full(pixels.shape, 0.5)
    return _clipped((pixels - least) / (greatest - least))


def _stating(frame: Frame, of_state: str, macro: str) -> Iterator[Dataset]:
    """Yield the data sets that may state a step: of the state, of the frame, of all frames, of the image."""
    if frame.state is not None:
        items = values.items(frame.state, of_state)
        yield from (each for each in items if _applies(each, frame, by_name=True))
        yield from (each for each in items if _applies(each, frame, by_name=False))
        if of_state == "VariableModalityLUTSequence":
            yield frame.state
    groups = values.items(frame.dataset, "PerFrameFunctionalGroupsSequence")[frame.number - 1 : frame.number]
    for group in (*groups, *values.items(frame.dataset, "SharedFunctionalGroupsSequence")):
        yield from values.items(group, macro)
    yield frame.dataset


def _applies(item: Dataset, frame: Frame, *, by_name: bool) -> bool:
    """Tell whether an item of a presentation state names the frame, or names none at all."""
    images = values.items(item, "ReferencedImageSequence")
    if not by_name:
        return not images
    return any(
        values.text(each, "ReferencedSOPInstanceUID") == frame.sop_instance_uid
        and frame.number in (numbers(each, "ReferencedFrameNumber") or (frame.number,))
        for each in images
    )


def _is_inverse(frame: Frame, photometric: str | None) -> bool:
    """Tell whether low values are bright; a presentation state that has a Presentation LUT Shape decides (C.11.6)."""
    shape = None if frame.state is None else values.text(frame.state, "PresentationLUTShape")
    return shape == "INVERSE" if shape is not None else photometric == "MONOCHROME1"


def _looked_up(pixels: NDArray[np.float64], table: Dataset) -> tuple[NDArray[np.float64], int] | None:
    """Return what a lookup table makes of values, and its bits; None for a table that cannot be read (C.11.1.1)."""
    descriptor = numbers(table, "LUTDescriptor")
    entries = _entries(table)
    if len(descriptor) != 3 or entries is None:
        return None
    count, first, bits = (int(each) for each in descriptor)
    count = count or 2**16
    if bits == _BYTE and entries.dtype.itemsize == 2 and len(entries) * 2 in (count, count + 1):
        entries = entries.view(np.uint8)
    if not 1 <= bits <= 16 or not 1 <= count <= len(entries):
        return None
    # First Value Mapped is signed where the values are, and can be read as unsigned all the same.
    if first >= 2**15 and pixels.size and pixels.min() < 0:
        first -= 2**16
    index = np.clip(np.nan_to_num(np.rint(pixels)) - first, 0, count - 1).astype(np.intp)
    return entries[index].astype(np.float64), bits


def _entries(table: Dataset) -> NDArray[Any] | None:
    element = table.get("LUTData")
    if isinstance(element, bytes):
        return np.frombuffer(element[: len(element) // 2 * 2], "<u2")
    found = numbers(table, "LUTData")
    return np.array(found).astype(np.int64).astype(np.uint16) if found else None


def _palette(frame: Frame) -> NDArray[np.uint8]:
    try:
        colours = apply_color_lut(frame.pixels, frame.dataset)
    except (ValueError, AttributeError, TypeError, LookupError, NotImplementedError) as error:
        raise PictureError(NOT_DECODED) from error
    # A palette of 16 bits has its colours in the upper eight at the least (C.7.6.3.1.6).
    shift = (colours.dtype.itemsize - 1) * _BYTE
    shown: NDArray[np.uint8] = (colours[..., :3] >> shift).astype(np.uint8)
    return shown


def _bytes_of(pixels: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return pixels of any depth as bytes."""
    if bits == _BYTE:
        return pixels.astype(np.uint8)
    scaled: NDArray[np.uint8] = np.rint(np.clip(pixels / (2**bits - 1), 0, 1) * _WHITE).astype(np.uint8)
    return scaled
