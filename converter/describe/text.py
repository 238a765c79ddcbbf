"""Text for a terminal: harmless whatever the data set held, and short."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

from rich.table import Table
from rich.text import Text

from converter.selection import Coordinates

Part: TypeAlias = str | tuple[str, str]
"""Text, or text and its style."""

_INDENT = 2
_DEEPEST = 12
_LONGEST = 500
_FIRST_POINTS = 3
# Zero width joiners belong to the spelling of Persian and of the languages of India.
_JOINERS = "\u200c\u200d"
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def harmless(text: str) -> str:
    """Return the text on one line, control characters as pictures of them, no more than 500 characters.

    Left in, they could move the cursor, retitle the window or turn the direction of what follows.
    """
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(map(_seen, cut))


def _seen(character: str) -> str:
    if character in "\t\r\n":
        return " "
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\u2421"
    return "\ufffd" if unicodedata.category(character) in _UNSEEN and character not in _JOINERS else character


def line(depth: int, *parts: Part, fold: bool = False) -> Text:
    """Return one indented line, cut at the terminal's edge or, with `fold`, folded there.

    Indentation ends at a depth of 12: there are trees of thousands of levels.
    """
    text = Text(" " * (_INDENT * min(depth, _DEEPEST)), no_wrap=not fold, overflow="fold" if fold else "ellipsis")
    for part in parts:
        content, style = (part, "") if isinstance(part, str) else part
        text.append(harmless(content), style)
    return text


def heading(text: str) -> Text:
    """Return a line above a part."""
    return Text(f"\n{harmless(text)}", style="bold")


def facts(*rows: tuple[str, str | None]) -> Table:
    """Return names with their values, those without a value left out."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        if value is not None:
            table.add_row(Text(name, style="dim"), Text(harmless(value), overflow="fold"))
    return table


def table(columns: Iterable[str], rows: Iterable[Iterable[str | None]]) -> Table:
    """Return a table of texts."""
    built = Table(*columns, header_style="bold")
    for row in rows:
        built.add_row(*(Text(harmless(cell or "")) for cell in row))
    return built


def counted(count: int, noun: str) -> str:
    """Return `3 images`, `1 image`; the plural of series is series."""
    return f"{count} {noun}" if count == 1 or noun.endswith("s") else f"{count} {noun}s"


def points(coordinates: Coordinates, *, first: int = _FIRST_POINTS) -> str:
    """Return the number of points and the first of them; `coordinates`: (n, 2) or (n, 3)."""
    shown = [f"({', '.join(map(number, point))})" for point in coordinates[:first]]
    more = " …" if len(coordinates) > first else ""
    return f"{counted(len(coordinates), 'point')}: {' '.join(shown)}{more}"


def number(value: object) -> str:
    """Return the shortest decimal that reads back to the number in its own precision."""
    return str(value).removesuffix(".0")
