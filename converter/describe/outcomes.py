"""What the parts of an object become: its selections by the place where they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.text import Text

from converter.describe.text import counted, line
from converter.selection import Channels, Frames, RegionsOfInterest, Segments, Selection, Subset


class Outcomes:
    """The selections of one object; each is given out once. `home` says where one is shown."""

    def __init__(self, selections: Iterable[Selection], home: Callable[[Selection], str]) -> None:
        self.selections = tuple(selections)
        self._by_home: dict[str, list[Selection]] = {}
        for selection in self.selections:
            self._by_home.setdefault(home(selection), []).append(selection)

    def take(self, home: str) -> list[Selection]:
        """Return the selections shown here, in the order of the resources."""
        return self._by_home.pop(home, [])

    def rest(self) -> list[Selection]:
        """Return the selections that nothing has taken."""
        left = [selection for selections in self._by_home.values() for selection in selections]
        self._by_home.clear()
        return left


def becomes(selection: Selection, depth: int) -> Text:
    """Return the line that says which resource a selection becomes."""
    return line(
        depth, ("→ ", "green"), (f"ImagingSelection/{selection.id}", "green"), f" ({_summary(selection)})", fold=True
    )


def is_part_of(selection: Selection, depth: int) -> Text:
    """Return the line that says in which resource, shown before, something is stated together with others."""
    return line(depth, ("→ with ", "dim"), (f"ImagingSelection/{selection.id}", "dim"), fold=True)


def _summary(selection: Selection) -> str:
    regions = len(selection.regions_3d) + sum(len(each.regions) for each in selection.instances)
    parts = [selection.key.role]
    if regions:
        parts.append(counted(regions, "region"))
    if selection.instances and not (regions and len(selection.instances) == 1):
        parts.append(counted(len({each.sop_instance_uid for each in selection.instances}), "instance"))
    if len(selection.instances) == 1 and selection.instances[0].subset is not None:
        parts.extend(_subset(selection.instances[0].subset))
    if selection.focus:
        parts.append(f"about {counted(len(selection.focus), 'other')}")
    return ", ".join(parts)


def _subset(subset: Subset) -> list[str]:
    match subset:
        case Frames(numbers):
            return [_numbered("frame", numbers)]
        case Segments(numbers):
            return [_numbered("segment", numbers)]
        case RegionsOfInterest(numbers):
            return [_numbered("ROI", numbers)]
        case Channels(pairs):
            return [f"channels {', '.join(f'{group}.{channel}' for group, channel in pairs)}"]
        case _:
            return []


def _numbered(noun: str, numbers: tuple[int, ...]) -> str:
    listed = ", ".join(map(str, numbers[:10]))
    more = ", …" if len(numbers) > 10 else ""
    return f"{noun} {listed}" if len(numbers) == 1 else f"{noun}s {listed}{more}"
