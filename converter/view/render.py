"""Draws pictures and sketches with Pillow: regions and masks burned into the image."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont

from converter.view.picture import Mask, Picture, Shape, Sketch
from converter.view.shapes import outline

SKETCH_SIDE: Final = 512
"""Pixels of a sketch along its longer side."""

_MOST_OUTPUT: Final = 2**26
_MOST_PLACEHOLDER: Final = 1024
# Shapes are drawn this many times larger and made small again, as long as that is no larger than ...
_FINER: Final = 4
_MOST_FINE: Final = 2**25

_REGION: Final = (255, 214, 0)
_HALO: Final = (0, 0, 0)
_HALO_OPACITY: Final = 0.6
_FILL_OPACITY: Final = 0.12
_MASK_OPACITY: Final = 0.45
# Tints that differ for those who see red and green alike, too (Okabe and Ito).
_TINTS: Final = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0))
_EMPTY, _HATCH, _TEXT = (38, 38, 44), (58, 58, 66), (235, 235, 235)
_PAPER, _INK = (255, 255, 255), (0, 64, 128)
_POINT_RADIUS: Final = 2.5
_DASH: Final = (6.0, 4.0)
_MARGIN: Final = 24
_MOST_LABELS: Final = 4
_LABEL_LENGTH: Final = 48
_FONT_SIZE, _LINE = 12, 14


def render(picture: Picture, scale: int = 1) -> Image.Image:
    """Return a picture with everything on it; what is missing is a field of its size that says so.

    A pixel becomes `scale` by `scale` pixels, more along one side where pixels are not square. Position (x, y) of a
    region is (x, y) times that in the result. Very large images are not enlarged, very large fields made small.
    """
    pixels, missing = picture.decoded()
    width, height = _size_of(picture, scale, is_missing=pixels is None)
    if pixels is None:
        drawn = _placeholder(width, height)
    else:
        with Image.open(io.BytesIO(pixels)) as opened:
            drawn = opened.convert("RGB").resize((width, height), Image.Resampling.NEAREST)
    factors = np.array([width / picture.columns, height / picture.rows])
    for mask in picture.masks:
        drawn = _tint(drawn, mask)
    drawn = draw_shapes(drawn, picture.shapes, factors, np.zeros(2), _REGION, thickness=2 if scale > 1 else 1.5)
    _label(drawn, picture, factors)
    if missing is not None:
        _explain(drawn, missing)
    return drawn


def decoded(picture: Picture) -> Picture:
    """Return a picture whose image is decoded, or found to be missing."""
    pixels, missing = picture.decoded()
    return replace(picture, png=None if pixels is None else lambda: pixels, missing=missing)


def render_sketch(sketch: Sketch) -> Image.Image:
    """Return a sketch on white, its names of directions at the sides."""
    (left, top), (right, bottom) = sketch.bounds
    extent = max(right - left, bottom - top, 1e-6)
    factor = (SKETCH_SIDE - 2 * _MARGIN) / extent
    size = tuple(max(round(each * factor), 1) + 2 * _MARGIN for each in (right - left, bottom - top))
    drawn = Image.new("RGB", (size[0], size[1]), _PAPER)
    offset = np.array([left, top]) - _MARGIN / factor
    drawn = draw_shapes(drawn, sketch.shapes, np.array([factor, factor]), offset, _INK, thickness=1, is_sketch=True)
    _name_sides(drawn, sketch)
    return drawn


def as_png(image: Image.Image) -> bytes:
    """Return an image as a PNG, without anything but its pixels."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _size_of(picture: Picture, scale: int, *, is_missing: bool) -> tuple[int, int]:
    across, down = (1.0, picture.aspect) if picture.aspect >= 1 else (1 / picture.aspect, 1.0)
    width, height = picture.columns * across, picture.rows * down
    if is_missing and max(width, height) * scale > _MOST_PLACEHOLDER:
        factor = min(_MOST_PLACEHOLDER / max(width, height), float(scale))
    else:
        possible = (each for each in range(scale, 0, -1) if width * height * each**2 <= _MOST_OUTPUT)
        factor = float(next(possible, 1))
    return max(round(width * factor), 1), max(round(height * factor), 1)


def draw_shapes(
    image: Image.Image,
    shapes: Sequence[Shape],
    factors: NDArray[np.float64],
    offset: NDArray[np.float64],
    colour: tuple[int, int, int],
    *,
    thickness: float,
    is_sketch: bool = False,
) -> Image.Image:
    """Return the image with shapes on it: lines with a dark edge, closed ones filled faintly, holes left out.

    What is derived is dashed. A point (x, y) is drawn at ((x, y) - offset) * factors. On a sketch there are lines
    alone: rings behind each other make no holes.
    """
    if not shapes:
        return image
    lines = [(each, (outline(each) - offset) * factors) for each in shapes]
    finer = max(each for each in (1, 2, _FINER) if each == 1 or image.width * image.height * each**2 <= _MOST_FINE)
    canvas = _Canvas(image.width, image.height, finer)
    closed = () if is_sketch else ("polygon", "circle", "ellipse")
    interior = canvas.filled(points for each, points in lines if each.type in closed)
    strokes = list(_strokes(lines))
    dots = np.concatenate([np.empty((0, 2)), *(points for each, points in lines if _is_points(each, points))])
    layers = [(interior, colour, _FILL_OPACITY)] if interior is not None else []
    if not is_sketch:
        layers.append((canvas.drawn(strokes, thickness + 2, dots, _POINT_RADIUS + 1), _HALO, _HALO_OPACITY))
    layers.append((canvas.drawn(strokes, thickness, dots, _POINT_RADIUS), colour, 1.0))
    for cover, paint, opacity in layers:
        image = Image.composite(
            Image.new("RGB", image.size, paint), image, cover.point(lambda value, share=opacity: round(value * share))
        )
    return image


def _is_points(each: Shape, points: NDArray[np.float64]) -> bool:
    return each.type in ("point", "multipoint") or len(points) == 1


def _strokes(lines: Iterable[tuple[Shape, NDArray[np.float64]]]) -> Iterator[NDArray[np.float64]]:
    for each, points in lines:
        if not _is_points(each, points):
            yield from _dashes(points) if each.is_derived else [points]


def _dashes(points: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the pieces of a line that are drawn; a line of more dashes than can be told apart as it is."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    period = sum(_DASH)
    if not period < along[-1] < 1000 * period:
        yield points
        return
    for start in np.arange(0, along[-1], period):
        end = min(start + _DASH[0], along[-1])
        inner = points[(along > start) & (along < end)]
        ends = [[np.interp(at, along, points[:, axis]) for axis in (0, 1)] for at in (start, end)]
        yield np.concatenate([[ends[0]], inner, [ends[1]]])


class _Canvas:
    """Covers, from 0 to 255, of an image's size: drawn some times larger and made small, so that edges are smooth."""

    def __init__(self, width: int, height: int, finer: int) -> None:
        self._size = (width, height)
        self._finer = finer
        # What lies further out than this is not drawn: Pillow would walk along all of it.
        self._reach = 4.0 * max(width, height) + 64

    def drawn(
        self, strokes: Sequence[NDArray[np.float64]], thickness: float, dots: NDArray[np.float64], radius: float
    ) -> Image.Image:
        """Return where lines and dots are."""
        cover = self._blank()
        draw = ImageDraw.Draw(cover)
        width = max(round(thickness * self._finer), 1)
        for points in strokes:
            for piece in self._within(points):
                draw.line(self._fine(piece), fill=255, width=width, joint="curve")
        at = dots[(np.abs(dots) <= self._reach).all(axis=1)] * self._finer
        size = radius * self._finer
        for x, y in at.tolist():
            draw.ellipse((x - size, y - size, x + size - 1, y + size - 1), fill=255)
        return self._small(cover)

    def filled(self, rings: Iterable[NDArray[np.float64]]) -> Image.Image | None:
        """Return what lies within an odd number of the rings, None where there are none."""
        cover = None
        width, height = (each * self._finer for each in self._size)
        for ring in rings:
            points = np.clip(ring, -self._reach, self._reach) * self._finer - 0.5
            left, top = np.clip(np.floor(points.min(axis=0)), 0, (width, height)).astype(int).tolist()
            right, bottom = np.clip(np.ceil(points.max(axis=0)) + 1, 0, (width, height)).astype(int).tolist()
            if len(ring) < 3 or left >= right or top >= bottom:
                continue
            cover = cover or Image.new("1", (width, height))
            one = Image.new("1", (right - left, bottom - top))
            ImageDraw.Draw(one).polygon([(x, y) for x, y in (points - (left, top)).tolist()], fill=1)
            box = (left, top, right, bottom)
            cover.paste(ImageChops.logical_xor(cover.crop(box), one), box)
        return None if cover is None else self._small(cover.convert("L"))

    def _blank(self) -> Image.Image:
        return Image.new("L", (self._size[0] * self._finer, self._size[1] * self._finer))

    def _small(self, cover: Image.Image) -> Image.Image:
        return cover.resize(self._size, Image.Resampling.BOX)

    def _fine(self, points: NDArray[np.float64]) -> list[tuple[float, float]]:
        # Pillow counts pixels by their centres.
        return [(x, y) for x, y in (points * self._finer - 0.5).tolist()]

    def _within(self, points: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Yield a line, or the pieces of it that are near the image."""
        if (np.abs(points) <= self._reach).all():
            yield points
            return
        for start, end in pairwise(points):
            piece = _clipped(start, end, self._reach)
            if piece is not None:
                yield piece


def _clipped(start: NDArray[np.float64], end: NDArray[np.float64], reach: float) -> NDArray[np.float64] | None:
    """Return the part of a line within a square around the origin (Liang and Barsky), None if none is."""
    least, greatest = 0.0, 1.0
    for origin, step in zip(start.tolist(), (end - start).tolist(), strict=True):
        if step == 0:
            if abs(origin) > reach:
                return None
            continue
        first, second = sorted(((-reach - origin) / step, (reach - origin) / step))
        least, greatest = max(least, first), min(greatest, second)
    if least > greatest:
        return None
    return np.array([start + least * (end - start), start + greatest * (end - start)])


def _tint(image: Image.Image, mask: Mask) -> Image.Image:
    tint = Image.new("RGB", image.size, _TINTS[mask.segment % len(_TINTS)])
    opacity = np.rint(mask.pixels.astype(np.float64) * 255 * _MASK_OPACITY).astype(np.uint8)
    return Image.composite(tint, image, Image.fromarray(opacity).resize(image.size, Image.Resampling.NEAREST))


def _placeholder(width: int, height: int) -> Image.Image:
    """Return a hatched field with an edge: nothing that could be taken for an image."""
    field = Image.new("RGB", (width, height), _EMPTY)
    draw = ImageDraw.Draw(field)
    for start in range(-height, width, 16):
        draw.line([(start, height), (start + height, 0)], fill=_HATCH)
    draw.rectangle((0, 0, width - 1, height - 1), outline=_TEXT)
    return field


def _label(image: Image.Image, picture: Picture, factors: NDArray[np.float64]) -> None:
    """Write what regions and segments are called, each name once: beside the first region that has it, if it fits."""
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT_SIZE)
    places: dict[str, tuple[float, float]] = {}
    for each in picture.shapes:
        if each.label is not None and each.label not in places:
            points = outline(each) * factors
            places[each.label] = (float(points[:, 0].max()) + 4, float(points[:, 1].min()) - _LINE)
    for number, label in enumerate(dict.fromkeys(each.label for each in picture.masks if each.label is not None)):
        places.setdefault(label, (4, 3 + number * _LINE))
    for label, (x, y) in list(places.items())[:_MOST_LABELS]:
        text = " ".join(label.split())[:_LABEL_LENGTH]
        room = image.width - 4 - font.getlength(text), image.height - _LINE - 4
        if min(room) >= 4:
            at = (min(max(x, 4), room[0]), min(max(y, 4), room[1]))
            draw.text(at, text, fill=_TEXT, font=font, stroke_width=1, stroke_fill=_HALO)


def _explain(image: Image.Image, missing: str) -> None:
    """Write at the bottom why there is no image, if there is room."""
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT_SIZE)
    lines = _wrapped(missing, image.width - 8, font)
    if _LINE * len(lines) + 8 > image.height or max(map(font.getlength, lines)) > image.width - 8:
        return
    for line, text in enumerate(lines):
        at = (4, image.height - 4 - _LINE * (len(lines) - line))
        draw.text(at, text, fill=_TEXT, font=font, stroke_width=1, stroke_fill=_HALO)


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _name_sides(image: Image.Image, sketch: Sketch) -> None:
    """Write what lies at each side: R, L, A, P, H (head), F (feet)."""
    sides = {"axial": "RLAP", "coronal": "RLHF", "sagittal": "APHF"}[sketch.view]
    width, height = image.size
    middle = ((4, height / 2), (width - 14, height / 2), (width / 2, 4), (width / 2, height - 18))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT_SIZE)
    for text, at in zip(sides, middle, strict=True):
        draw.text(at, text, fill=_INK, font=font)
