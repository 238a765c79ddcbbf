"""What `imgsel inspect --image` shows: pictures in the terminal, or a page where it cannot show any."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from converter.view.page import write_page
from converter.view.picture_files import Drawn, draw
from converter.view.pictures import Pictures
from converter.view.render import as_png
from converter.view.source_items import source_items
from converter.view.terminal import Protocol, inline, protocol

_MOST_FRAMES: Final = 4
_MOST_SHOWN: Final = 12
_SCALE: Final = 2


def show(selections: Sequence[Mapping[str, Any]], file: Path, dicom: Path | None) -> Iterator[str]:
    """Yield what is to be printed: images that the terminal shows, else the name of the page that does.

    `file`: the object that the selections come from.
    """
    how = protocol(os.environ, is_terminal=sys.stdout.isatty())
    with Pictures(selections, dicom, most=_MOST_FRAMES) as pictures:
        if how is None:
            yield _as_page(selections, file, pictures)
        else:
            yield from _in_terminal((each for one in selections for each in draw(pictures.of(one), _SCALE)), how)


def _in_terminal(drawn: Iterable[Drawn], how: Protocol) -> Iterator[str]:
    for number, each in enumerate(drawn):
        if number == _MOST_SHOWN:
            yield "and more: imgsel render shows all of them\n"
            return
        yield f"{each.name}\n{inline(as_png(each.image), how)}"


def _as_page(selections: Sequence[Mapping[str, Any]], file: Path, pictures: Pictures) -> str:
    if not selections:
        return "nothing to see\n"
    sources = source_items(file, {each["id"]: each for each in selections})
    page = write_page(Path(tempfile.mkdtemp(prefix="imgsel-")) / "page.html", selections, pictures, sources)
    return f"pictures in {page.path}: open it in a browser\n"
