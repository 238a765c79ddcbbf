"""Makes sure that text can be decoded: with the Specific Character Set stated, or else as well as can be.

pydicom warns of unknown and misused character sets with what the element holds, and again for every text. Here such a
data set's text is turned into UTF-8 once, so that whoever reads it later finds nothing to complain of. PS3.5 6.1,
PS3.3 C.12.1.1.2.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from pydicom import Dataset
from pydicom.charset import (
    CODES_TO_ENCODINGS,
    STAND_ALONE_ENCODINGS,
    default_encoding,
    handled_encodings,
    python_encoding,
)
from pydicom.dataelem import RawDataElement

from converter.problems import problem
from converter.reader.elements import actual_vr, as_tag, step
from converter.selection import Problem

SPECIFIC_CHARACTER_SET: Final = 0x00080005
TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_ESCAPE: Final = b"\x1b"
_UTF_8: Final = b"ISO_IR 192"
_NOT_RESET: Final = frozenset({"LT", "ST", "UT"})
_NOT_INITIAL: Final = frozenset({"ISO 2022 IR 87", "ISO 2022 IR 159"})
_JIS_X_0201: Final = bytes((*range(0x80), *range(0xA1, 0xE0)))
_TERMS: Final = frozenset(python_encoding) - {""}


class CharacterSet(NamedTuple):
    """A Specific Character Set: its defined terms and Python's names for them.

    `known` is False if some term is not defined by DICOM, or has no place where it stands; `understood` if it is
    clear all the same what is meant. `regular` is True if pydicom reads the value without complaint.
    """

    terms: tuple[str, ...]
    encodings: tuple[str, ...]
    known: bool
    understood: bool
    regular: bool


@lru_cache(maxsize=256)
def character_set(value: bytes) -> CharacterSet:
    """Return what a value of Specific Character Set means."""
    stated = [term.strip(" \0") for term in value.decode("ascii", "replace").split("\\")]
    terms = [_defined_term(term) for term in stated]
    understood = None not in terms
    clear = [term or "" for term in terms] if understood else ["ISO_IR 192"]
    if clear[0] in STAND_ALONE_ENCODINGS:
        clear = clear[:1]
    else:
        clear = [term for term in clear if term not in STAND_ALONE_ENCODINGS]
    known = understood and clear == stated
    if clear[0] in _NOT_INITIAL:
        # Before the first escape sequence these are ASCII; pydicom cannot write an empty text in them.
        clear = ["", *clear]
    regular = known and "\\".join(clear) == value.decode("ascii", "replace").rstrip(" \0")
    return CharacterSet(
        tuple(clear), tuple(python_encoding[term or "ISO_IR 6"] for term in clear), known, understood, regular
    )


def stated_character_set(dataset: Dataset) -> CharacterSet | None:
    """Return what the data set itself states, None if it takes over that of the one around it."""
    element = dataset._dict.get(as_tag(SPECIFIC_CHARACTER_SET))
    if element is None:
        return None
    if isinstance(element, RawDataElement):
        stated = character_set(element.value or b"")
        return stated if element.VR in (None, "CS") else stated._replace(regular=False)
    value = element.value
    terms = [value] if isinstance(value, str) else list(value or [])
    return character_set("\\".join(str(term) for term in terms).encode("ascii", "replace"))


def is_plain(value: bytes) -> bool:
    """Return whether text is the same in every character set."""
    return value.isascii() and _ESCAPE not in value


def decode(value: bytes, vr: str, encodings: tuple[str, ...], errors: str = "strict") -> str:
    """Decode a text value with its code extensions (PS3.5 6.1.2.5). Raises UnicodeError unless `errors` says not to.

    An escape sequence that the encodings do not declare is an error too; with `replace` it means what it means
    elsewhere.
    """
    fragments = re.findall(rb"\x1b[^\x1b]*|^[^\x1b]+", value)
    return "".join(_decode_fragment(fragment, vr, encodings, errors) for fragment in fragments)


def settle_text(root: Dataset) -> list[Problem]:
    """Make all raw text of a data set decodable, in place, and return what stood in the way.

    Where a character set is not defined, or some text is not in it, all text that it governs becomes UTF-8, and the
    Specific Character Set says so. Elements that are converted already stay as they are.
    """
    scopes = _scopes(root)
    problems: dict[str, Problem] = {}
    for scope in scopes:
        if not scope.stated.known:
            path = scope.members[0].path() + step(SPECIFIC_CHARACTER_SET)
            problems.setdefault("character-set-unknown", problem("character-set-unknown", path))
        if scope.misfit is not None:
            problems.setdefault("character-set-undecodable", problem("character-set-undecodable", scope.misfit))
    for scope in scopes:
        if scope.misfit is not None or not scope.stated.understood:
            _to_utf_8(scope)
        elif not scope.stated.regular:
            _restate(scope, "\\".join(scope.stated.terms).encode(), scope.stated.encodings)
    return list(problems.values())


_DEFAULT: Final = CharacterSet(("",), (default_encoding,), True, True, True)


class _Member:
    """A data set with its place: the element and index in the outer member that lead to it."""

    __slots__ = ("dataset", "index", "outer", "tag")

    def __init__(self, dataset: Dataset, outer: _Member | None = None, tag: int = 0, index: int = 0) -> None:
        self.dataset = dataset
        self.outer = outer
        self.tag = tag
        self.index = index

    def path(self) -> str:
        steps = []
        member: _Member | None = self
        while member is not None and member.outer is not None:
            steps.append(f"{step(member.tag)}[{member.index}]")
            member = member.outer
        return "$" + "".join(reversed(steps))


@dataclass(slots=True)
class _Scope:
    """The data sets that one Specific Character Set governs; the first is the one that states it, or the root."""

    stated: CharacterSet
    misfit: str | None = None
    members: list[_Member] = field(default_factory=list)
    texts: list[tuple[Dataset, RawDataElement, str]] = field(default_factory=list)


def _scopes(root: Dataset) -> list[_Scope]:
    scopes: list[_Scope] = []
    pending: list[tuple[_Member, _Scope | None]] = [(_Member(root), None)]
    while pending:
        member, scope = pending.pop()
        stated = stated_character_set(member.dataset)
        if scope is None or stated is not None:
            scope = _Scope(stated or _DEFAULT)
            scopes.append(scope)
        scope.members.append(member)
        inner: list[_Member] = []
        for tag in sorted(member.dataset._dict):
            element = member.dataset._dict[tag]
            if isinstance(element, RawDataElement):
                _examine(member, scope, element)
            elif element.VR == "SQ" and element.value:
                inner += (_Member(item, member, tag, index) for index, item in enumerate(element.value))
        pending += ((each, scope) for each in reversed(inner))
    return scopes


def _examine(member: _Member, scope: _Scope, element: RawDataElement) -> None:
    value = element.value
    if not value or is_plain(value):
        return
    vr = actual_vr(member.dataset._dict, element.tag, element.VR)
    if vr not in TEXT_VRS:
        return
    scope.texts.append((member.dataset, element, vr))
    if scope.misfit is None and scope.stated.understood and not _fits(value, vr, scope.stated):
        scope.misfit = member.path() + step(element.tag)


def _fits(value: bytes, vr: str, stated: CharacterSet) -> bool:
    try:
        decode(value, vr, stated.encodings)
    except UnicodeError:
        return False
    return True


def _to_utf_8(scope: _Scope) -> None:
    for dataset, element, vr in scope.texts:
        text = _as_well_as_can_be(element.value or b"", vr, scope.stated)
        # A code extension that was not understood: in UTF-8 there are none.
        value = text.replace("\x1b", "\ufffd").encode()
        dataset._dict[element.tag] = element._replace(value=value, length=len(value))
    _restate(scope, _UTF_8, (python_encoding["ISO_IR 192"],))


def _as_well_as_can_be(value: bytes, vr: str, stated: CharacterSet) -> str:
    if stated.understood and stated.encodings != (default_encoding,):
        return decode(value, vr, stated.encodings, "replace")
    try:
        return decode(value, vr, ("utf-8",), "strict" if _ESCAPE not in value else "replace")
    except UnicodeError:
        # Where nothing is stated, what is not UTF-8 is from the time before it.
        return decode(value, vr, (default_encoding if stated.understood else "utf-8",), "replace")


def _restate(scope: _Scope, value: bytes, encodings: tuple[str, ...]) -> None:
    first = scope.members[0].dataset
    tag = as_tag(SPECIFIC_CHARACTER_SET)
    first._dict[tag] = RawDataElement(tag, "CS", len(value), value, 0, False, True)
    for member in scope.members:
        implicit, little = member.dataset.original_encoding
        member.dataset.set_original_encoding(implicit, little, list(encodings))
        # What a data set takes over from the one around it; pydicom has no other way to set it.
        member.dataset._parent_encoding = list(encodings)


def _defined_term(stated: str) -> str | None:
    """Return the defined term that is meant, None if that is not clear."""
    if stated in _TERMS or stated == "":
        return stated
    spaced = re.sub(r"[\s_-]+", " ", stated.upper())
    for term in _TERMS:
        if re.sub(r"[\s_-]+", " ", term) == spaced:
            return term
    try:
        name = codecs.lookup(stated).name
    except (LookupError, ValueError):
        return None
    return next((term for term in ("ISO_IR 100", *sorted(_TERMS)) if _codec(term) == name), None)


def _codec(term: str) -> str:
    return codecs.lookup(python_encoding[term]).name


def _decode_fragment(fragment: bytes, vr: str, encodings: tuple[str, ...], errors: str) -> str:
    """Decode what stands between two escape sequences."""
    # pydicom's name for the default repertoire, which is ASCII, is that of a larger one.
    initial = "ascii" if errors == "strict" and encodings[0] == default_encoding else encodings[0]
    if not fragment.startswith(_ESCAPE):
        return _decoded(fragment, initial, errors)
    size = 4 if fragment.startswith((b"\x1b$(", b"\x1b$)")) else 3
    encoding = CODES_TO_ENCODINGS.get(fragment[:size])
    if errors == "strict" and encoding != default_encoding and encoding not in encodings:
        raise UnicodeDecodeError(encodings[0], fragment, 0, size, "escape sequence not declared")
    if encoding is None:
        return fragment.decode(encodings[0], errors)
    if encoding in handled_encodings:
        # Python's ISO 2022 codecs need the escape sequence themselves, and end at a line's end of their own.
        return fragment.decode(encoding, errors)
    fragment = fragment[size:]
    if encoding == default_encoding:
        # ASCII again, and beside it what the first character set has above: pydicom takes that for Latin-1.
        encoding = "ascii" if errors == "strict" and encodings[0] != "latin_1" else encodings[0]
    end = next((at for at, byte in enumerate(fragment) if byte in _resets(vr)), len(fragment))
    return _decoded(fragment[:end], encoding, errors) + _decoded(fragment[end:], initial, errors)


def _decoded(data: bytes, encoding: str, errors: str) -> str:
    # The Python codec that stands for JIS X 0201, which has single bytes only, is that of a larger set.
    if encoding == "shift_jis" and errors == "strict" and data.translate(None, _JIS_X_0201):
        raise UnicodeDecodeError(encoding, data, 0, len(data), "not in JIS X 0201")
    return data.decode(encoding, errors)


def _resets(vr: str) -> bytes:
    """Return the characters after which the first character set applies again (PS3.5 6.1.2.5.3)."""
    if vr in _NOT_RESET:
        return b"\r\n\t\f"
    return b"\r\n\t\f\\^=" if vr == "PN" else b"\r\n\t\f\\"
