"""Join codes: to text and back, and every damage told apart from an unknown code."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.agent.joincode import MAX_CODE_CHARS, PREFIX, JoinCode, build, parse
from dialback.wire.agent.messages import encode_base64url
from dialback.wire.errors import WireError

CODES = [
    (
        JoinCode("gw.example.org:443", "ab" * 32, "s3cret_-"),
        "dialback1.q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6sSZ3cuZXhhbXBsZS5vcmc6NDQzCHMzY3JldF8tojEQmw",
    ),
]

MESSAGE = "letters missing or changed"


@pytest.mark.parametrize(("code", "text"), CODES)
def test_code_is_built_as_it_is_parsed(code, text):
    assert build(code) == text
    assert parse(text) == code


def test_white_space_of_a_wrapped_paste_is_ignored():
    code, text = CODES[0]
    assert parse(f"  {text[:30]}\r\n {text[30:]}\t\n") == code


def test_every_changed_letter_is_noticed():
    _, text = CODES[0]
    for at in range(len(PREFIX), len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises(WireError, match=MESSAGE):
            parse(changed)


def test_every_cut_is_noticed():
    _, text = CODES[0]
    for size in range(len(PREFIX), len(text)):
        with pytest.raises(WireError, match=MESSAGE):
            parse(text[:size])


@pytest.mark.parametrize("text", ["", "hello", "dialback2.AAAA", "Dialback1.AAAA"])
def test_other_text_is_no_join_code(text):
    with pytest.raises(WireError, match="starts with"):
        parse(text)


@pytest.mark.parametrize("size", [MAX_CODE_CHARS + 1, 5000])
def test_long_text_is_no_join_code(size):
    with pytest.raises(WireError, match="at most 512"):
        parse(PREFIX + "A" * (size - len(PREFIX)))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "got its end"),
        (bytes(32), "got its end"),
        (bytes(32) + b"\x05gw:1", "got its end"),
        (bytes(32) + b"\x04gw:1\x01s!", "more bytes"),
        (bytes(32) + b"\x04gw:0\x01s", "something else"),
        (bytes(32) + b"\x04gw\xff1\x01s", "something else"),
        (bytes(32) + b"\x04gw:1\x00", "something else"),
    ],
)
def test_body_is_judged_after_its_checksum(body, message):
    checksum = hashlib.sha256(PREFIX.encode() + body).digest()[:4]
    with pytest.raises(WireError, match=message):
        parse(PREFIX + encode_base64url(body + checksum))


@pytest.mark.parametrize(
    ("server", "fingerprint", "secret"),
    [
        ("gw", "ab" * 32, "s"),
        ("gw:0", "ab" * 32, "s"),
        ("gw:65536", "ab" * 32, "s"),
        ("g w:1", "ab" * 32, "s"),
        ("a" * 252 + ":443", "ab" * 32, "s"),
        ("gw:1", "AB" * 32, "s"),
        ("gw:1", "ab" * 31, "s"),
        ("gw:1", "ab" * 32, ""),
        ("gw:1", "ab" * 32, "a b"),
        ("gw:1", "ab" * 32, "a" * 65),
    ],
)
def test_part_that_is_none_is_refused(server, fingerprint, secret):
    with pytest.raises(ValueError, match="expected"):
        JoinCode(server, fingerprint, secret)


def test_longest_code_is_within_the_limit():
    code = JoinCode("a" * 249 + ":65535", "0" * 64, "s" * 64)
    assert len(build(code)) <= MAX_CODE_CHARS
    assert parse(build(code)) == code


def test_secret_hides_itself():
    assert "s3cret" not in repr(CODES[0][0])


@given(st.text(max_size=600), st.booleans())
def test_any_text_gives_a_code_or_a_wire_error(text, prefix):
    try:
        code = parse((PREFIX if prefix else "") + text)
    except WireError:
        return
    assert parse(build(code)) == code
