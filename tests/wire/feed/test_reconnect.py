"""The question for files of a user's sessions, and its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.feed.reconnect import (
    ACTION,
    ReconnectFile,
    SessionType,
    build_request,
    build_response,
    is_action,
    parse_request,
    parse_response,
)
from dialback.wire.rdpfile import Setting, build

# As in [MS-RDWR] 4.1.
REQUEST = b"""<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Body>
    <GetRDPFiles xmlns="http://schemas.microsoft.com/ts/2010/09/rdweb" />
  </soap:Body>
</soap:Envelope>"""
FILE = build([Setting("full address", "desk"), Setting("username", "Zoë <&> 🖥")])
FILES = (ReconnectFile(FILE, SessionType.DESKTOP), ReconnectFile("a:i:1\r\n", SessionType.APP))


def test_question_of_the_specification_is_understood() -> None:
    parse_request(REQUEST)


def test_our_question_is_understood() -> None:
    parse_request(build_request())


def test_header_of_a_message_is_skipped() -> None:
    parse_request(REQUEST.replace(b"<soap:Body>", b"<soap:Header><a/></soap:Header><soap:Body>"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "well-formed"),
        (b"<a/>", "envelope"),
        (REQUEST.replace(b"/soap/envelope/", b"/soap/other/"), "envelope"),
        (REQUEST.replace(b"GetRDPFiles ", b"GetMore "), "GetRDPFiles"),
        (REQUEST.replace(b"/rdweb", b"/other"), "GetRDPFiles"),
        (REQUEST.replace(b'rdweb" />', b'rdweb"><a/></GetRDPFiles>'), "empty"),
        (REQUEST.replace(b'rdweb" />', b'rdweb">a</GetRDPFiles>'), "empty"),
        (REQUEST.replace(b"</soap:Body>", b"<a/></soap:Body>"), "one element"),
        (REQUEST.replace(b"soap:Body>", b"soap:Boddy>"), "one Body"),
        (REQUEST.replace(b"?>\n", b"?><!DOCTYPE a>\n", 1), "document type"),
        (REQUEST + b" " * 16384, "16384 bytes"),
    ],
)
def test_other_question_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        parse_request(data)


@pytest.mark.parametrize(
    ("header", "is_one"), [(ACTION, True), (f' "{ACTION}"', True), ("", False), ("a", False)]
)
def test_action_is_told_by_its_name(header: str, is_one: bool) -> None:
    assert is_action(header) is is_one


@pytest.mark.parametrize("files", [(), FILES], ids=["none", "two"])
def test_answer_is_read_as_it_was_built(files: tuple[ReconnectFile, ...]) -> None:
    assert parse_response(build_response(files)) == files


def test_answer_has_nothing_before_the_declaration_and_its_version() -> None:
    data = build_response(FILES)
    assert data.startswith(b"<?xml ")
    assert b"<version>8.0</version><wkspRC><ReconnectContent><rdpStream>full address:s:desk&#13;\n" in data
    assert b"<rct>REMOTEDESKTOP</rct>" in data


@pytest.mark.parametrize("text", ["a:i:1\n", "a\0b\r\n", "a\r", "\ud800\r\n", "a\x1f\r\n"])
def test_file_that_xml_would_change_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="connection file"):
        build_response([ReconnectFile(text, SessionType.DESKTOP)])


def test_unknown_type_of_session_is_refused() -> None:
    with pytest.raises(WireError, match="type of session"):
        parse_response(build_response(FILES).replace(b"REMOTEAPPLICATION", b"OTHER"))


@given(st.binary())
def test_any_bytes_are_a_question_an_answer_or_a_wire_error(data: bytes) -> None:
    for parse in (parse_request, parse_response):
        with pytest.raises(WireError):
            parse(data)
