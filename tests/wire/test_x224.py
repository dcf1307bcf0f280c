"""The probe's request and the answers RDP servers give to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.x224 import (
    ConnectionConfirm,
    FailureCode,
    Protocol,
    build_connection_request,
    build_refusal,
    confirm_size,
    parse_connection_confirm,
)

CONFIRMS = [
    # [MS-RDPBCGR] 4.1.2 Server X.224 Connection Confirm PDU.
    (ConnectionConfirm(Protocol.RDP), "030000130ed000001234000200080000000000", "rdp", ""),
    (ConnectionConfirm(Protocol.TLS), "030000130ed000001234000201080001000000", "tls", ""),
    (ConnectionConfirm(Protocol.HYBRID), "030000130ed000001234000200080002000000", "hybrid", ""),
    (ConnectionConfirm(Protocol.HYBRID_EX), "030000130ed00000123400021f080008000000", "hybrid-ex", ""),
    (ConnectionConfirm(Protocol.RDP), "0300000b06d00000123400", "rdp", ""),
    (ConnectionConfirm(failure=5), "030000130ed000001234000300080005000000", "", "hybrid required by server"),
    (ConnectionConfirm(failure=77), "030000130ed00000123400030008004d000000", "", "failure code 77"),
]

BROKEN = [
    ("16", "TPKT version 3"),
    ("0300000a", "11 to 512 bytes"),
    ("03000201", "11 to 512 bytes"),
    ("030000130ee000001234000200080000000000", "code 0xd0"),
    ("030000130dd000001234000200080000000000", "X.224 length 14"),
    ("0300000c07d0000012340002", "8 bytes of negotiation"),
    ("030000130ed000001234000200090000000000", "negotiation length 8"),
    ("030000130ed000001234000400080000000000", "type 2 or 3"),
    ("030000130ed000001234000200080003000000", "one known protocol"),
]


def test_request_offers_protocols():
    # [MS-RDPBCGR] 4.1.1 Client X.224 Connection Request PDU, with cookie `eltons` and no protocol but RDP.
    expected = "0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000"
    assert build_connection_request(Protocol.RDP, "eltons").hex() == expected
    assert build_connection_request(0x0B).hex() == "030000130ee000000000000100080" + "00b000000"


@pytest.mark.parametrize("cookie", ["a\r\n", "a" * 65, "\xe4"])
def test_request_refuses_a_cookie_that_breaks_the_line(cookie):
    with pytest.raises(ValueError, match="cookie"):
        build_connection_request(0, cookie)


@pytest.mark.parametrize(("confirm", "data", "security", "problem"), CONFIRMS)
def test_confirm_is_read_once_whole_and_leaves_what_follows(confirm, data, security, problem):
    raw = bytes.fromhex(data)
    assert [parse_connection_confirm(raw[:i]) for i in range(len(raw))] == [None] * len(raw)
    assert parse_connection_confirm(raw) == confirm
    assert parse_connection_confirm(raw + b"\x16\x03") == confirm
    assert (confirm.security, confirm.problem) == (security, problem)


@pytest.mark.parametrize(("data", "rule"), BROKEN)
def test_broken_confirm_is_refused(data, rule):
    with pytest.raises(WireError, match=rule):
        parse_connection_confirm(bytes.fromhex(data))


@pytest.mark.parametrize("code", FailureCode)
def test_refusal_is_read_as_the_failure_it_names(code):
    data = build_refusal(code)
    assert confirm_size(data) == len(data)
    assert parse_connection_confirm(data) == ConnectionConfirm(failure=code)


def test_confirm_size_waits_for_the_tpkt_header():
    assert [confirm_size(b"\x03\x00\x00\x13"[:i]) for i in range(5)] == [None, None, None, None, 19]


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_give_a_confirm_more_or_a_wire_error(data, prefix):
    try:
        confirm = parse_connection_confirm((bytes.fromhex("030000130ed0") if prefix else b"") + data)
    except WireError:
        return
    assert confirm is None or (confirm.selected is None) != (confirm.failure is None)
