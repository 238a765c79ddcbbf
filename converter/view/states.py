"""Which presentation state made a selection, as the resources themselves tell.

The selection of a state itself names in `focus` those of the images that it presents; those of its graphics and texts
name that of the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from converter.mapper import kind_of
from converter.view.selected import Selected, selected

_KIND: Final = "PR"


class States:
    """The presentation states among the resources; each is read once."""

    def __init__(self, selections: Iterable[Mapping[str, Any]]) -> None:
        self._of_state: dict[str, str] = {}
        self._presented: dict[str, str] = {}
        for each in map(selected, filter(_may_be_state, selections)):
            state = next((part.uid for part in each.parts if kind_of(part.sop_class_uid, None) == _KIND), None)
            if each.kind != _KIND or state is None:
                continue
            self._of_state[each.id] = state
            for focus in each.focus:
                self._presented.setdefault(focus, state)

    def of(self, selection: Selected) -> str | None:
        """Return the SOP Instance UID of the presentation state that made a selection, or None."""
        if selection.kind != _KIND:
            return None
        named = (self._of_state[each] for each in selection.focus if each in self._of_state)
        return next(named, self._presented.get(selection.id))


def _may_be_state(resource: Mapping[str, Any]) -> bool:
    """Tell without reading coordinates whether a resource may be the selection of a state itself: of one object."""
    instances = resource.get("instance")
    return not isinstance(instances, list) or len(instances) == 1
