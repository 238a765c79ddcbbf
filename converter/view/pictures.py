"""What a selection looks like: its frames with regions and masks, and its sketches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from converter.view.picture import Pictured


class Pictures:
    """Makes pictures of selections, of any release, out of the DICOM objects at a path.

    `selections`: all resources at hand, read once on entering: presentation states among them tell how the selections
    that they made are windowed. `dicom`: a path as `imgsel convert` takes it; without one every image is missing.
    `most` is the number of pictures of one selection. Use it as a context; pictures decode as long as it is open.
    """

    def __init__(self, selections: Iterable[Mapping[str, Any]], dicom: Path | None, *, most: int = 64) -> None:
        self._selections = selections
        self._dicom = dicom
        self._most = most

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def of(self, selection: Mapping[str, Any]) -> Pictured:
        """Return what there is to see of a selection, ImagingSelection or the Basic of R4."""
        del selection
        return Pictured()
