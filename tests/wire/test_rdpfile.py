"""Connection files: settings to text and back, and what must not get in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.rdpfile import Setting, build, decode, encode, parse

FILES = [
    ((), ""),
    ((Setting("full address", "desk:3389"),), "full address:s:desk:3389\r\n"),
    (
        (Setting("gatewayusagemethod", 1), Setting("screen mode id", 0)),
        "gatewayusagemethod:i:1\r\nscreen mode id:i:0\r\n",
    ),
    ((Setting("password 51", b"\x01\xab"), Setting("username", "")), "password 51:b:01ab\r\nusername:s:\r\n"),
]


@pytest.mark.parametrize(("settings", "text"), FILES)
def test_file_is_built_as_it_is_parsed(settings, text):
    assert build(settings) == text
    assert parse(text) == settings
    assert parse(text.replace("\r\n", "\n") + "\n \n") == settings


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\0b", "a\x1bb", "a\x85b", "a\u2028b", "\ud800"])
def test_no_value_can_add_a_line(value):
    with pytest.raises(ValueError, match="'username'"):
        build([Setting("username", value)])


@pytest.mark.parametrize("name", ["", "a:b", "/v", "a\nb", " a", "\xe4"])
def test_name_is_letters_digits_and_spaces(name):
    with pytest.raises(ValueError, match="name of a setting"):
        build([Setting(name, 1)])


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_integer_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="'session bpp'"):
        build([Setting("session bpp", value)])


def test_setting_stands_once_whatever_its_case():
    with pytest.raises(ValueError, match="once"):
        build([Setting("username", "a"), Setting("UserName", "b")])
    with pytest.raises(WireError, match="once"):
        parse("a:i:1\r\nA:i:2\r\n")


@pytest.mark.parametrize(
    "line", ["x", "a:i", "a:x:1", "a:i:01", "a:i:-1", "a:i:4294967296", "a:b:0", "a:s:\0", ":s:x"]
)
def test_broken_line_is_refused_by_its_number(line):
    with pytest.raises(WireError, match="line 2"):
        parse(f"ok:i:1\r\n{line}\r\n")


def test_file_over_the_limit_is_refused():
    with pytest.raises(WireError, match="at most 65536"):
        parse("a" * 65537)


def test_value_is_not_shown_in_the_error():
    with pytest.raises(ValueError, match="controls") as caught:
        build([Setting("gatewayaccesstoken", "hunter2\n")])
    assert "hunter2" not in str(caught.value)


def test_ascii_is_plain_and_the_rest_utf16_with_a_mark():
    assert encode("a:s:b\r\n") == b"a:s:b\r\n"
    assert encode("a:s:\xe4\r\n") == b"\xff\xfe" + "a:s:\xe4\r\n".encode("utf-16-le")


_NAMES = st.from_regex(r"[a-z0-9][a-z0-9 ]{0,20}", fullmatch=True)
_VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    st.integers(0, 0xFFFFFFFF),
    st.binary(),
)


@given(st.dictionaries(_NAMES, _VALUES))
def test_what_is_built_parses_to_the_same(values):
    settings = tuple(Setting(name, value) for name, value in values.items())
    assert parse(build(settings)) == settings


@given(st.text())
def test_any_text_gives_settings_or_a_wire_error(text):
    try:
        settings = parse(text)
    except WireError:
        return
    assert parse(build(settings)) == settings


@pytest.mark.parametrize("text", ["full address:s:a\r\n", "username:s:Zoë\r\n"])
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    assert decode(encode(text)) == text


def test_utf8_with_and_without_a_mark_is_decoded() -> None:
    assert decode("Zoë".encode()) == decode("Zoë".encode("utf-8-sig")) == "Zoë"


@pytest.mark.parametrize("data", [b"\xff\xfea", b"\xff", b"\xff\xfe\x00\xd8"])
def test_bytes_of_no_encoding_are_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="UTF-16LE or UTF-8"):
        decode(data)
