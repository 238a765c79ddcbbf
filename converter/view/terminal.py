"""Images in terminals that can show them.

Which can is told by the environment: asking the terminal itself would read from a keyboard that may not be there.
The kitty graphics protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol/. Inline images of iTerm2:
https://iterm2.com/documentation-images.html.
"""

from __future__ import annotations

from base64 import standard_b64encode
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Protocol: TypeAlias = Literal["kitty", "iterm2"]

_KITTY: Final = frozenset({"kitty", "ghostty"})
_ITERM2: Final = frozenset({"iTerm.app", "WezTerm"})
_CHUNK: Final = 4096


def protocol(environment: Mapping[str, str], *, is_terminal: bool) -> Protocol | None:
    """Return how images are shown, None where they cannot be: no terminal, or one inside of another that hides it."""
    term = environment.get("TERM", "")
    if not is_terminal or "TMUX" in environment or term.startswith(("screen", "tmux", "dumb")):
        return None
    program = environment.get("TERM_PROGRAM", "")
    if "KITTY_WINDOW_ID" in environment or "kitty" in term or program in _KITTY:
        return "kitty"
    if program in _ITERM2 or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return None


def inline(png: bytes, how: Protocol) -> str:
    """Return what makes the terminal show a PNG where it is."""
    encoded = standard_b64encode(png).decode("ascii")
    if how == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(png)}:{encoded}\x07\n"
    chunks = [encoded[at : at + _CHUNK] for at in range(0, len(encoded), _CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        control = "a=T,f=100," if number == 0 else ""
        parts.append(f"\x1b_G{control}m={int(number < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(parts) + "\n"
