import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.cursor import (
    Cursor,
    Layout,
    blob16,
    count8,
    fixed,
    flags16,
    reserved,
    string16,
    strings16,
    text_of_utf16,
    u8,
    u16,
    u32,
    u64,
    utf16_of_text,
)
from dialback.wire.errors import WireError

EVERYTHING = Layout(
    u8("a"),
    u16("b"),
    flags16(),
    reserved(2),
    u32("c", when=0x1),
    u64("d", when=0x2),
    blob16("e", when=0x4),
    string16("f", when=0x8),
    fixed("g", 3, when=0x10),
    u8("h", when=0x10),
    count8("i", 1, 3),
    strings16("i"),
)
FULL = {
    "a": 1,
    "b": 2,
    "c": 3,
    "d": 4,
    "e": b"x",
    "f": "y",
    "g": b"abc",
    "h": 5,
    "i": ("k", "l"),
}
FULL_BYTES = bytes.fromhex(
    "01 0200 1f00 0000 03000000 0400000000000000 0100 78 0400 7900 0000 616263 05"
    "02 0400 6b00 0000 0400 6c00 0000"
)
SPARSE = {**dict.fromkeys("cdefgh"), "a": 1, "b": 2, "i": ("",)}
SPARSE_BYTES = bytes.fromhex("01 0200 0000 0000 01 0200 0000")


@pytest.mark.parametrize(("values", "raw"), [(FULL, FULL_BYTES), (SPARSE, SPARSE_BYTES)])
def test_one_layout_reads_and_writes(values, raw):
    assert EVERYTHING.write(values) == raw
    assert EVERYTHING.read(raw) == values
    assert EVERYTHING.read(raw + b"later fields") == values


def test_every_cut_is_a_wire_error():
    for end in range(len(FULL_BYTES)):
        with pytest.raises(WireError, match=r"expected .* got"):
            EVERYTHING.read(FULL_BYTES[:end])


def test_flags_are_tested_by_bit_and_unknown_bits_are_ignored():
    layout = Layout(flags16(), u8("a", when=0x1))
    assert layout.read(b"\xff\xff\x07") == {"a": 7}
    assert layout.read(b"\xfe\xff") == {"a": None}


def test_reserved_bytes_are_ignored():
    assert Layout(reserved(2), u8("a")).read(b"\xff\xff\x01") == {"a": 1}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"a": 256}, "a of 1 bytes, got 256"),
        ({"b": -1}, "b of 2 bytes, got -1"),
        ({"e": bytes(65536)}, "65535 bytes of e, got 65536"),
        ({"f": "x" * 32767}, "65535 bytes of f, got 65536"),
        ({"g": b"ab"}, "3 bytes of g, got 2"),
        ({"g": None}, "expected g beside the other fields of bit 0x10"),
        ({"i": ()}, "1 to 3 i, got 0"),
        ({"i": ("x",) * 4}, "1 to 3 i, got 4"),
        ({"f": "\ud800"}, "surrogates"),
    ],
)
def test_values_that_do_not_fit_are_our_mistake(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        EVERYTHING.write({**FULL, **values})


@pytest.mark.parametrize("count", [0, 4, 255])
def test_counts_out_of_range_are_a_wire_error(count):
    with pytest.raises(WireError, match=f"expected 1 to 3 i, got {count}"):
        Layout(count8("i", 1, 3), strings16("i")).read(bytes([count]) + bytes(600))


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"", ""), (b"\0\0", ""), (b"a\0", "a"), (b"a\0\0\0", "a"), (b"a\0\0\0\0\0", "a\0")],
)
def test_text_is_read_with_or_without_its_final_nul(raw, text):
    assert text_of_utf16(raw, "text") == text


@pytest.mark.parametrize("raw", [b"a", b"a\0b", b"\x00\xd8", b"\x00\xdc\x00\xd8"])
def test_odd_sizes_and_half_surrogates_are_no_text(raw):
    with pytest.raises(WireError, match=r"of text|in text"):
        text_of_utf16(raw, "text")


def test_cursor_names_what_is_missing():
    cursor = Cursor(b"\x05\x00ab")
    with pytest.raises(WireError, match="expected 5 bytes of cookie, got 2"):
        cursor.blob16("cookie")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text):
    assert text_of_utf16(utf16_of_text(text), "text") == text


@given(st.binary())
def test_any_bytes_give_values_or_a_wire_error(raw):
    try:
        values = EVERYTHING.read(raw)
    except WireError:
        return
    assert EVERYTHING.read(EVERYTHING.write(values)) == values
