"""What `imgsel inspect --image` shows: pictures in the terminal, or files where it cannot show any."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from converter.view.picture_files import Drawn, draw
from converter.view.pictures import Pictures
from converter.view.render import as_png
from converter.view.terminal import Protocol, inline, protocol

_MOST_FRAMES: Final = 4
_MOST_SHOWN: Final = 12
_SCALE: Final = 2


def show(selections: Sequence[Mapping[str, Any]], dicom: Path | None) -> Iterator[str]:
    """Yield what is to be printed: images that the terminal shows, else the names of the files that hold them."""
    how = protocol(os.environ, is_terminal=sys.stdout.isatty())
    with Pictures(selections, dicom, most=_MOST_FRAMES) as pictures:
        drawn = (each for selection in selections for each in draw(pictures.of(selection), _SCALE))
        yield from _as_files(drawn) if how is None else _in_terminal(drawn, how)


def _in_terminal(drawn: Iterable[Drawn], how: Protocol) -> Iterator[str]:
    for number, each in enumerate(drawn):
        if number == _MOST_SHOWN:
            yield "and more: imgsel render shows all of them\n"
            return
        yield f"{each.name}\n{inline(as_png(each.image), how)}"


def _as_files(drawn: Iterable[Drawn]) -> Iterator[str]:
    # A page of all of them could stand here as well.
    folder = Path(tempfile.mkdtemp(prefix="imgsel-"))
    count = 0
    for each in drawn:
        (folder / each.name).write_bytes(as_png(each.image))
        count += 1
    yield f"{count} pictures in {folder}\n" if count else "nothing to see\n"
