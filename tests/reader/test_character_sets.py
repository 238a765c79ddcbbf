from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.reader.parser import Parsed, parse
from tests.reader.encoded import (
    CONTENT,
    REPORT,
    Item,
    Leaf,
    Nest,
    codes,
    explicit,
)

without_warning = pytest.mark.filterwarnings("error")

# PS3.5 annexes H.3 and I.2: the examples' Person Names, and what they say.
JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
KOREAN = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"


def with_text(character_set: bytes | None, name: bytes, *more: Leaf | Nest) -> Parsed:
    stated = [] if character_set is None else [Leaf(0x00080005, "CS", character_set)]
    return parse(explicit([*stated, *REPORT[:3], Leaf(0x00100010, "PN", name), *more]))


@without_warning
@pytest.mark.parametrize(
    ("character_set", "encoded", "text"),
    [
        (b"ISO_IR 100", "Bärbel".encode("latin-1"), "Bärbel"),
        (b"ISO_IR 192", "山田".encode(), "山田"),
        (b"ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
        (b"GB18030 ", "王".encode("gb18030"), "王"),
        (b"ISO_IR 144", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
        (b"\\ISO 2022 IR 87", JAPANESE, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (b"\\ISO 2022 IR 149", KOREAN, "Hong^Gildong=洪^吉洞=홍^길동"),
        (b"ISO 2022 IR 100\\ISO 2022 IR 144", b"K\xf6nig=\x1b-L\xbb\xee", "König=Лю"),
    ],
)
def test_leaves_text_that_fits_its_character_set_to_pydicom(character_set: bytes, encoded: bytes, text: str) -> None:
    parsed = with_text(character_set, encoded)
    assert parsed.problems == ()
    assert parsed.dataset.get_item(0x00100010).value == encoded
    assert str(parsed.dataset.PatientName) == text


@without_warning
@pytest.mark.parametrize(
    "character_set", [b"ISO_IR 999", b"klingon", b"zlib", b"ISO_IR 999\\ISO 2022 IR 87", b"\xff\xfe"]
)
@pytest.mark.parametrize(
    ("encoded", "text"),
    [(b"Plain", "Plain"), ("Bärbel".encode(), "Bärbel"), (b"B\xe4rbel", "B\ufffdrbel"), (b"\x1b$B;3ED\x1b(B", "山田")],
)
def test_reads_text_in_an_unknown_character_set_as_utf_8(character_set: bytes, encoded: bytes, text: str) -> None:
    parsed = with_text(character_set, encoded)
    assert codes(parsed) == [("character-set-unknown", "$.SpecificCharacterSet")]
    assert str(parsed.dataset.PatientName) == text
    assert parsed.dataset.SpecificCharacterSet == "ISO_IR 192"


@without_warning
@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        (b"ISO-IR 100", "ISO_IR 100"),
        (b"iso_ir_100", "ISO_IR 100"),
        (b"latin1", "ISO_IR 100"),
        (b"utf-8", "ISO_IR 192"),
        (b"ISO_IR 192\\ISO 2022 IR 87", "ISO_IR 192"),
        (b"ISO_IR 100\\GB18030", "ISO_IR 100"),
    ],
)
def test_understands_misspelt_character_sets(misspelt: bytes, meant: str) -> None:
    encoded = "Bärbel".encode("utf-8" if meant == "ISO_IR 192" else "latin-1")
    parsed = with_text(misspelt, encoded)
    assert codes(parsed) == [("character-set-unknown", "$.SpecificCharacterSet")]
    assert parsed.dataset.PatientName == "Bärbel"
    assert parsed.dataset.SpecificCharacterSet == meant


@without_warning
@pytest.mark.parametrize(
    ("character_set", "encoded", "text"),
    [
        (b"ISO_IR 192", b"B\xe4rbel", "B\ufffdrbel"),
        (b"ISO_IR 138", b"\xfb\xfc", "\ufffd\ufffd"),
        # JIS X 0201 has half-width katakana; Shift JIS under its name is common.
        (b"ISO_IR 13", "山田".encode("shift_jis"), "山田"),
        (b"\\ISO 2022 IR 149", b"\x1b$B;3ED\x1b(B", "山田"),
        (b"ISO 2022 IR 13\\ISO 2022 IR 87", b"\x1b$B;3\x1b(B\xd4", "山ﾔ"),
        (b"ISO_IR 100", b"a\x1b$B;3ED\x1b(B", "a山田"),
        (None, "Bärbel".encode(), "Bärbel"),
        (None, "Bärbel".encode("latin-1"), "Bärbel"),
        (b"ISO_IR 6", "Bärbel".encode("latin-1"), "Bärbel"),
    ],
)
def test_replaces_what_does_not_fit_its_character_set(character_set: bytes | None, encoded: bytes, text: str) -> None:
    inner = Nest(CONTENT, [[Leaf(0x0040A123, "PN", b"Inner")]])
    parsed = with_text(character_set, encoded, inner)
    assert codes(parsed) == [("character-set-undecodable", "$.PatientName")]
    assert parsed.dataset.PatientName == text
    assert parsed.dataset.ContentSequence[0].PersonName == "Inner"


@without_warning
def test_keeps_the_other_text_of_a_data_set_with_undecodable_text() -> None:
    inner: Item = [Leaf(0x0040A123, "PN", "홍".encode("euc_kr").join([b"\x1b$)C", b""]))]
    own: Item = [Leaf(0x00080005, "CS", b"ISO_IR 100"), Leaf(0x0040A123, "PN", b"K\xf6nig")]
    sequence = Nest(CONTENT, [inner, own, [Leaf(0x0040A160, "UT", b"ab\xff\xff")]])
    parsed = with_text(b"\\ISO 2022 IR 149", KOREAN, sequence)
    assert codes(parsed) == [("character-set-undecodable", "$.ContentSequence[2].TextValue")]
    assert parsed.dataset.PatientName == "Hong^Gildong=洪^吉洞=홍^길동"
    items = parsed.dataset.ContentSequence
    assert [str(items[0].PersonName), str(items[1].PersonName)] == ["홍", "König"]
    assert items[2].TextValue == "abÿÿ"


@without_warning
def test_items_take_over_the_character_set_unless_they_state_one() -> None:
    name = Leaf(0x0040A123, "PN", "Ж".encode("iso8859-5"))
    own: Item = [Leaf(0x00080005, "CS", b"ISO_IR 100"), Leaf(0x0040A123, "PN", b"\xd6"), Nest(CONTENT, [[name]])]
    deep: Item = [Leaf(0x0040A040, "CS", b"CODE"), Nest(CONTENT, [[name]])]
    dataset = with_text(b"ISO_IR 144", b"A", Nest(CONTENT, [[name], own, deep])).dataset
    items = dataset.ContentSequence
    assert items[0].PersonName == "Ж"
    assert items[1].PersonName == "Ö"
    assert items[1].ContentSequence[0].PersonName == "Ж".encode("iso8859-5").decode("latin-1")
    assert items[2].ContentSequence[0].PersonName == "Ж"


@without_warning
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=24), st.binary(max_size=12))
def test_any_text_in_any_character_set_can_be_read_without_a_warning(character_set: bytes, encoded: bytes) -> None:
    parsed = with_text(character_set, b"", Nest(CONTENT, [[Leaf(0x0040A160, "UT", encoded)]]))
    text: Any = parsed.dataset.ContentSequence[0].TextValue
    assert isinstance(text, str)
    assert {each.code for each in parsed.problems} <= {"character-set-unknown", "character-set-undecodable"}


@without_warning
def test_reads_empty_names_where_japanese_is_stated_first() -> None:
    parsed = with_text(b"ISO 2022 IR 87", b"Yamada^^=\x1b$B;3ED\x1b(B^=")
    assert parsed.problems == ()
    assert parsed.dataset.PatientName.components == ("Yamada^^", "山田^")
