"""NTLM messages: what real clients send, what a proof proves, and any bytes at all."""

import contextlib
import hmac
import struct

import pytest
import spnego
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.ntlm import (
    MAX_MESSAGE_BYTES,
    MAX_NAME_BYTES,
    Authenticate,
    build_challenge,
    is_negotiate,
    is_proof,
    parse_authenticate,
    parse_negotiate,
)

CHALLENGE = bytes(range(8))
FILETIME = 0x01DC_5A00_0000_0000
# MD4 of "Password" as UTF-16LE, [MS-NLMP] 4.2.2.1.2 NTOWFv1().
NT_HASH = bytes.fromhex("a4f49c406510bdcab6824ee7c30fd852")


def client(user: str, password: str = "Password") -> spnego.ContextProxy:
    options = spnego.NegotiateOptions.use_ntlm
    return spnego.client(user, password, hostname="gw.example.org", protocol="ntlm", options=options)


def answered(user: str, password: str = "Password") -> tuple[bytes, bytes]:
    """Return both messages of a real client."""
    context = client(user, password)
    first = context.step() or b""
    challenge = build_challenge(parse_negotiate(first), CHALLENGE, "DIALBACK", "gw.example.org", FILETIME)
    return first, context.step(challenge) or b""


def fields(message: bytes, **replaced: tuple[int, int]) -> bytes:
    """Return the message with other sizes and offsets."""
    places = {"response": 20, "domain": 28, "user": 36, "workstation": 44}
    changed = bytearray(message)
    for name, (size, offset) in replaced.items():
        struct.pack_into("<HHI", changed, places[name], size, size, offset)
    return bytes(changed)


@pytest.mark.parametrize("user", ["anna", "ACME\\anna", "anna@acme.example", "ACME\\Änne 𝄞", "grüße"])
def test_real_client_proves_its_password(user: str) -> None:
    message = parse_authenticate(answered(user)[1])

    domain, _, name = user.rpartition("\\")
    assert (message.domain, message.user) == (domain, name)
    assert is_proof(message, NT_HASH, CHALLENGE)


def test_proof_of_the_specification_is_taken() -> None:
    # [MS-NLMP] 4.2.4 NTLMv2 Authentication: user, domain, challenge and response as printed there.
    blob = bytes.fromhex(
        "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
        "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    )
    proof = bytes.fromhex("68cd0ab851e51c96aabc927bebef6a1c")
    message = Authenticate("User", "Domain", "COMPUTER", proof, blob)

    assert is_proof(message, NT_HASH, bytes.fromhex("0123456789abcdef"))


def test_proof_of_another_password_user_domain_or_challenge_is_none() -> None:
    good = parse_authenticate(answered("ACME\\anna")[1])

    assert is_proof(good, NT_HASH, CHALLENGE)
    assert not is_proof(parse_authenticate(answered("anna", "password")[1]), NT_HASH, CHALLENGE)
    assert not is_proof(good, NT_HASH, bytes(8))
    for other in ("ben", "acme"):
        changed = Authenticate(other, good.domain, "", good.proof, good.blob)
        assert not is_proof(changed, NT_HASH, CHALLENGE)
    assert not is_proof(Authenticate("anna", "OTHER", "", good.proof, good.blob), NT_HASH, CHALLENGE)


@pytest.mark.parametrize("upper", ["GRÜßE", "GRÜSSE"])
def test_name_with_sharp_s_is_taken_in_both_upper_cases(upper: str) -> None:
    key = hmac.digest(NT_HASH, upper.encode("utf-16-le"), "md5")
    message = Authenticate("grüße", "", "", hmac.digest(key, CHALLENGE + b"x", "md5"), b"x")

    assert is_proof(message, NT_HASH, CHALLENGE)


def test_challenge_is_read_by_a_client_that_says_no_version() -> None:
    challenge = build_challenge(0x00000001, CHALLENGE, "DIALBACK", "gw.example.org", FILETIME)

    assert challenge[:8] == b"NTLMSSP\0"
    assert challenge[24:32] == CHALLENGE
    assert struct.unpack_from("<HHI", challenge, 12) == (16, 16, 56)
    size, _, offset = struct.unpack_from("<HHI", challenge, 40)
    assert offset + size == len(challenge)
    assert "DIALBACK".encode("utf-16-le") in challenge[offset:]
    assert "GW".encode("utf-16-le") in challenge[offset:]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"NTLMSSP\0",
        b"NTLMSSP\0\x01\0\0\0",
        b"NTLMSSP\0\x02\0\0\0" + bytes(60),
        b"NTLMSSQ\0\x01\0\0\0" + b"\xff" * 60,
        b"NTLMSSP\0\x01\0\0\0" + bytes(MAX_MESSAGE_BYTES),
    ],
)
def test_message_that_is_none_of_a_client_is_refused(message: bytes) -> None:
    for read in (parse_negotiate, parse_authenticate):
        with pytest.raises(WireError):
            read(message)


# What curl 7.88.1 sent for ACME\\anna, first by itself and then to CHALLENGE: it offers OEM alone, and writes
# Unicode to a server that does.
CURL_NEGOTIATE = bytes.fromhex("4e544c4d53535000010000000682080000000000000000000000000000000000")
CURL_AUTHENTICATE = bytes.fromhex(
    "4e544c4d535350000300000018001800400000009c009c005800000008000800f400000008000800fc0000001600160004010000"
    "000000000000000005828a000735005fe623e8807ca81f5aa2b021132883df1e60c051b6c2a015cd47556a3033e66d4b891a8449"
    "010100000000000000a4dc78d880dd012883df1e60c051b600000000020010004400490041004c004200410043004b0001000400"
    "4700570004001c00670077002e006500780061006d0070006c0065002e006f007200670003001c00670077002e00650078006100"
    "6d0070006c0065002e006f00720067000700080000000000005adc010000000000000000410043004d00450061006e006e006100"
    "57004f0052004b00530054004100540049004f004e00"
)


def test_client_that_offers_oem_alone_is_answered_in_unicode_and_writes_it() -> None:
    flags = parse_negotiate(CURL_NEGOTIATE)
    challenge = build_challenge(flags, CHALLENGE, "DIALBACK", "gw.example.org", FILETIME)
    message = parse_authenticate(CURL_AUTHENTICATE)

    assert struct.unpack_from("<I", challenge, 20)[0] & 0x00000001
    assert (message.domain, message.user, message.workstation) == ("ACME", "anna", "WORKSTATION")
    assert is_proof(message, NT_HASH, CHALLENGE)


def test_client_that_offers_no_characters_is_refused() -> None:
    with pytest.raises(WireError, match="Unicode or OEM"):
        parse_negotiate(b"NTLMSSP\0\x01\0\0\0\x04\x82\x08\x00")


def test_client_that_insists_on_oem_is_refused() -> None:
    oem = bytearray(CURL_AUTHENTICATE)
    struct.pack_into("<I", oem, 60, 0x008A8206)

    with pytest.raises(WireError, match="names in Unicode"):
        parse_authenticate(bytes(oem))


def test_one_message_is_not_taken_for_the_other() -> None:
    first, last = answered("anna")

    assert is_negotiate(first)
    assert not is_negotiate(last)
    with pytest.raises(WireError, match="got NEGOTIATE"):
        parse_authenticate(first)
    with pytest.raises(WireError, match="got AUTHENTICATE"):
        parse_negotiate(last)


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"response": (24, 64)}, "NTLMv2 response"),
        ({"response": (0, 0)}, "NTLMv2 response"),
        ({"response": (60000, 64)}, "inside"),
        ({"user": (4, 0xFFFFFFFF)}, "inside"),
        ({"user": (3, 64)}, "even number"),
        ({"domain": (MAX_NAME_BYTES + 2, 0)}, "at most"),
        ({"workstation": (0xFFFF, 64)}, "inside"),
    ],
)
def test_fields_outside_the_message_are_refused(replaced: dict[str, tuple[int, int]], said: str) -> None:
    message = answered("anna")[1] + bytes(MAX_NAME_BYTES)

    with pytest.raises(WireError, match=said):
        parse_authenticate(fields(message, **replaced))


def test_response_of_another_version_is_refused() -> None:
    message = bytearray(answered("anna")[1])
    _, _, offset = struct.unpack_from("<HHI", message, 20)
    message[offset + 16] = 2

    with pytest.raises(WireError, match="version 1"):
        parse_authenticate(bytes(message))


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_signature_are_a_message_or_refused(data: bytes) -> None:
    for kind in (b"\x01\0\0\0", b"\x03\0\0\0"):
        for read in (parse_negotiate, parse_authenticate):
            with contextlib.suppress(WireError):
                read(b"NTLMSSP\0" + kind + data)


@given(st.integers(0, 2**32 - 1), st.text("abcäß.", min_size=1, max_size=60))
def test_any_flags_and_host_make_a_challenge(flags: int, host: str) -> None:
    challenge = build_challenge(flags, CHALLENGE, "DIALBACK", host, FILETIME)
    size, _, offset = struct.unpack_from("<HHI", challenge, 40)

    assert offset + size == len(challenge)
