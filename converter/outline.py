"""The outlines of a mask: rings along the edges of its pixels. Pure functions on arrays.

A vertex is (column, row), 0,0 at the top left corner of the top left pixel (PS3.3 C.18.6.1.2). Rings run with the
mask on their right: clockwise as an image is shown around pixels that are set, counterclockwise around a hole. No ring
meets itself, not even in one vertex: pixels that touch at a corner only are in two rings that touch there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
Ring: TypeAlias = NDArray[np.float64]
"""(n, 2), column then row; the first vertex is repeated at the end."""

# Which of the four pixels around a vertex are set: above left, above right, below left, below right.
_ABOVE_LEFT, _ABOVE_RIGHT, _BELOW_LEFT, _BELOW_RIGHT = 1, 2, 4, 8
_FALLING = _ABOVE_LEFT | _BELOW_RIGHT
_RISING = _ABOVE_RIGHT | _BELOW_LEFT
# A right angle between edges of pixels is further than this from any line that cuts it short.
_LEAST_TOLERANCE = 0.25
_LEAST_RING = 4
_CORNERS = np.zeros(16, np.uint8)
_CORNERS[[1, 2, 4, 7, 8, 11, 13, 14]] = 1
_CORNERS[[_FALLING, _RISING]] = 2


def outlines(mask: Mask) -> list[Ring]:
    """Return the rings along the edges of the pixels that are set, each with vertices only where it turns.

    `mask`: (rows, columns). A pixel is set if its centre is inside of an odd number of rings. Rings come in the order
    of their first vertices, which are their topmost, of these their leftmost.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return []
    top, left = int(rows[0]), int(columns[0])
    turns = _Turns(mask[top : rows[-1] + 1, left : columns[-1] + 1])
    vertices = turns.vertices + np.array([left, top], np.float64)
    return [vertices[[*ring, ring[0]]] for ring in turns.rings()]


def is_hole(ring: Ring) -> bool:
    """Return whether a ring of `outlines` runs around pixels that are not set."""
    return signed_area(ring) < 0


def signed_area(ring: Ring) -> float:
    """Return the area within a closed ring in pixels, negative if it runs counterclockwise as an image is shown."""
    x, y = (ring - ring[0]).T
    return float(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


def simplified(ring: Ring, tolerance: float) -> Ring:
    """Return a ring without those vertices that are no further than `tolerance` pixels from it then.

    The method is that of Douglas and Peucker. Where the ring would meet itself or be none any more, the tolerance is
    halved until it does not; a tolerance of 0 leaves the ring as it is.
    """
    while tolerance >= _LEAST_TOLERANCE:
        fewer: Ring = ring[_needed(ring, tolerance)]
        if len(fewer) >= _LEAST_RING and not _meets_itself(fewer):
            return fewer
        tolerance /= 2
    return ring


class _Turns:
    """Where rings turn, numbered by row, then column; a vertex where two rings' turns meet has two numbers.

    Each turn is an end of one horizontal and of one vertical stretch of edges.
    """

    def __init__(self, mask: Mask) -> None:
        around = _around(mask)
        counts = _CORNERS[around]
        rows, columns = np.nonzero(counts)
        repeats = counts[rows, columns]
        self._around = np.repeat(around[rows, columns], repeats)
        rows, columns = np.repeat(rows, repeats), np.repeat(columns, repeats)
        self.vertices = np.column_stack([columns, rows]).astype(np.float64)
        first = np.flatnonzero(repeats == 2)
        self._doubled = (np.cumsum(repeats, dtype=np.intp)[first] - 2).astype(np.intp)
        # Along a row of vertices stretches begin and end in turns, and so they do along a column. Of the two turns at
        # one vertex the first has the stretch to the left. Set pixels that touch at a corner are kept apart there:
        # the stretch upwards is that of the same pixel.
        is_lower = np.zeros(len(rows), np.bool_)
        falling = self._around[self._doubled] == _FALLING
        is_lower[self._doubled + falling] = True
        order = np.lexsort((is_lower, rows, columns))
        self._vertical = np.empty(len(rows), np.intp)
        self._vertical[order] = order.reshape(-1, 2)[:, ::-1].ravel()

    def rings(self) -> Iterator[list[int]]:
        """Yield the numbers of each ring's turns, in the order in which it takes them."""
        rings = list(self._followed())
        touching = self._touching(rings)
        if touching:
            vertex_of = {turn + 1: turn for turn in self._doubled.tolist()}
            split = [part for number in touching for part in _split(rings[number], vertex_of)]
            rings = [ring for number, ring in enumerate(rings) if number not in touching] + split
            rings.sort()
        yield from rings

    def _followed(self) -> Iterator[list[int]]:
        """Yield rings that keep apart pixels that touch at a corner; they may meet themselves there."""
        vertical = self._vertical.tolist()
        # The upper edges of set pixels run to the right: a ring around such goes on horizontally from its first turn.
        is_outer = ((self._around & (_BELOW_RIGHT | _ABOVE_RIGHT)) == _BELOW_RIGHT).tolist()
        is_left = [True] * len(vertical)
        for start in range(0, len(vertical), 2):
            if not is_left[start]:
                continue
            ring: list[int] = []
            at = start
            while is_left[at & ~1]:
                is_left[at & ~1] = False
                ring += (at, at ^ 1)
                at = vertical[at ^ 1]
            yield ring if is_outer[start] else [ring[0], *ring[:0:-1]]

    def _touching(self, rings: list[list[int]]) -> set[int]:
        """Return which rings take both turns at some vertex."""
        if not self._doubled.size:
            return set()
        ring_of = np.empty(len(self.vertices), np.intp)
        ring_of[[turn for ring in rings for turn in ring]] = np.repeat(range(len(rings)), [len(each) for each in rings])
        first, second = ring_of[self._doubled], ring_of[self._doubled + 1]
        return set(first[first == second].tolist())


def _around(mask: Mask) -> NDArray[np.uint8]:
    """Return for each vertex which of the four pixels around it are set, (rows + 1, columns + 1)."""
    rows, columns = mask.shape
    around = np.zeros((rows + 1, columns + 1), np.uint8)
    pixels = mask.astype(np.uint8)
    around[1:, 1:] += pixels * np.uint8(_ABOVE_LEFT)
    around[1:, :-1] += pixels * np.uint8(_ABOVE_RIGHT)
    around[:-1, 1:] += pixels * np.uint8(_BELOW_LEFT)
    around[:-1, :-1] += pixels * np.uint8(_BELOW_RIGHT)
    return around


def _from_first(ring: list[int]) -> list[int]:
    """Return a ring beginning with its first turn by number."""
    start = ring.index(min(ring))
    return ring[start:] + ring[:start]


def _split(ring: list[int], vertex_of: dict[int, int]) -> Iterator[list[int]]:
    """Yield the parts of a ring between its turns at one vertex as rings of their own.

    `vertex_of`: of each turn that is the second at its vertex the first.
    """
    path: list[int] = []
    places: dict[int, int] = {}
    for turn in ring:
        vertex = vertex_of.get(turn, turn)
        place = places.setdefault(vertex, len(path))
        if place == len(path):
            path.append(vertex)
            continue
        part = path[place:]
        yield _from_first(part)
        for each in part[1:]:
            del places[each]
        del path[place + 1 :]
    yield _from_first(path)


def _needed(ring: Ring, tolerance: float) -> NDArray[np.intp]:
    """Return the numbers of the vertices that a ring needs so that none of the others is too far from it."""
    last = len(ring) - 1
    furthest = int(np.argmax(np.hypot(*(ring - ring[0]).T)))
    needed = {0, furthest, last}
    pending = [(0, furthest), (furthest, last)]
    while pending:
        start, end = pending.pop()
        if end - start < 2:
            continue
        distances = _distances(ring[start + 1 : end], ring[start], ring[end])
        worst = int(np.argmax(distances))
        if distances[worst] > tolerance:
            middle = start + 1 + worst
            needed.add(middle)
            pending += [(start, middle), (middle, end)]
    return np.array(sorted(needed), np.intp)


def _distances(points: Ring, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far points are from the line between two others, both included."""
    along = end - start
    length = along @ along
    shares = np.clip((points - start) @ along / length, 0, 1) if length else np.zeros(len(points))
    distances: NDArray[np.float64] = np.hypot(*(points - start - shares[:, None] * along).T)
    return distances


def _meets_itself(ring: Ring) -> bool:
    """Return whether two edges that do not follow each other have a point in common.

    Edges are taken from left to right, and each is compared with those that begin before it ends: of a long
    ring few do.
    """
    count = len(ring) - 1
    order = np.argsort(np.minimum(ring[:-1, 0], ring[1:, 0]), kind="stable")
    start, end = ring[:-1][order], ring[1:][order]
    lower, upper = np.minimum(start, end), np.maximum(start, end)
    one = np.arange(count)
    for step in range(1, count):
        one = one[: np.searchsorted(one, count - step)]
        one = one[lower[one + step, 0] <= upper[one, 0]]
        if not one.size:
            break
        apart = (order[one + step] - order[one]) % count
        near = one[(apart > 1) & (apart < count - 1)]
        near = near[(lower[near, 1] <= upper[near + step, 1]) & (lower[near + step, 1] <= upper[near, 1])]
        other = near + step
        is_cut = _divides(start[near], end[near], start[other], end[other])
        if bool((is_cut & _divides(start[other], end[other], start[near], end[near])).any()):
            return True
    return False


def _divides(start: Ring, end: Ring, one: Ring, other: Ring) -> NDArray[np.bool_]:
    """Return for each line from `start` to `end` whether the two points are not on one side of it."""
    along = end - start
    sides = [along[:, 0] * (each - start)[:, 1] - along[:, 1] * (each - start)[:, 0] for each in (one, other)]
    divides: NDArray[np.bool_] = np.sign(sides[0]) * np.sign(sides[1]) <= 0
    return divides
