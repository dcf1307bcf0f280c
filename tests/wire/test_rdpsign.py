"""What is signed of a connection file, held against files that others signed."""

import base64
import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire import rdpfile
from dialback.wire.errors import WireError
from dialback.wire.rdpfile import Setting
from dialback.wire.rdpsign import (
    SECURE_SETTINGS,
    attach,
    decode_signature,
    encode_signature,
    prepare,
    read,
)
from tests.openssl import cms_verifies

CORPUS = Path(__file__).parent.parent / "corpus" / "rdpfile"
SHA256_ASCII = (CORPUS / "signed-sha256-ascii").read_bytes()
SHA256_UTF16 = (CORPUS / "signed-sha256-utf16").read_bytes()
SPECIFICATION = (CORPUS / "signed-sha1-of-the-specification").read_bytes()
"""The third file of [MS-RDWR] 4.2, with the host its certificate names (the document misprints one digit)."""

TEXT = SHA256_ASCII.decode()


def settings_of(data: bytes | str) -> tuple[Setting, ...]:
    return rdpfile.parse(data if isinstance(data, str) else rdpfile.decode(data))


def verifies(folder: Path, data: bytes | str) -> bool:
    """Say whether the file's signature holds, its chain left out."""
    signed = read(settings_of(data))
    assert signed is not None
    return cms_verifies(folder, signed.pkcs7, signed.message)


def test_vectors_are_the_published_files() -> None:
    assert hashlib.sha256(SHA256_ASCII).hexdigest() == (
        "65d8e1137533323e65e37cb09bd65ae0f79ddc3169fd2e37a271ff075fd5ae37"
    )
    assert hashlib.sha256(SHA256_UTF16).hexdigest() == (
        "92edf735a71396b0462e865d3fb18b37288ca8c54d5d2dd14242f6672ba3b0c0"
    )


@pytest.mark.parametrize("data", [SHA256_ASCII, SHA256_UTF16], ids=["ascii", "utf16"])
def test_message_and_signature_are_those_of_the_vector(data: bytes) -> None:
    signed = read(settings_of(data))
    assert signed is not None
    assert len(signed.message) == 1114
    assert hashlib.sha256(signed.message).hexdigest() == (
        "65125c3da65917e8a528f301cd69128078332b8e7a539c878a0ad5730c0a4fac"
    )
    assert hashlib.sha256(signed.pkcs7).hexdigest() == (
        "425748923d51fcea87c1a71d4f1e2e014502e85d2f73693c3913006dc98d92e6"
    )


def test_message_is_that_of_the_specification() -> None:
    signed = read(settings_of(SPECIFICATION))
    assert signed is not None
    assert (len(signed.message), len(signed.pkcs7)) == (2276, 0x1219)
    assert hashlib.sha1(signed.message).hexdigest() == "a24fc2a6bce97c08da2c82e83c663300bbc02a0d"


@pytest.mark.parametrize("data", [SHA256_ASCII, SPECIFICATION], ids=["sha256", "specification"])
def test_openssl_accepts_the_signatures_of_others(tmp_path: Path, data: bytes) -> None:
    assert verifies(tmp_path, data)


@pytest.mark.parametrize("data", [SHA256_ASCII, SPECIFICATION], ids=["sha256", "specification"])
def test_signing_the_same_lines_gives_the_same_file(data: bytes) -> None:
    settings = settings_of(data)
    signed = read(settings)
    assert signed is not None
    assert prepare(settings).message == signed.message
    assert rdpfile.build(attach(prepare(settings), signed.pkcs7)).encode() == data


UNHARMED = {
    "line feeds": TEXT.replace("\r\n", "\n"),
    "lines in another order": "\r\n".join(reversed(TEXT.splitlines())),
    "no blanks in the signature": TEXT.replace("  ", ""),
    "another unsigned setting": TEXT.replace("screen mode id:i:2", "screen mode id:i:1"),
    "utf-16": SHA256_UTF16,
    "a token added": TEXT + "gatewayaccesstoken:s:t\r\n",
}
BROKEN = {
    "another value": TEXT.replace("redirectclipboard:i:1", "redirectclipboard:i:0"),
    "a name in another case": TEXT.replace("\r\nfull address", "\r\nFull Address"),
    "a name taken off the scope": TEXT.replace(",RedirectClipboard", ""),
    "a blank behind a value": TEXT.replace("Plugin.1.Pool1\r\n", "Plugin.1.Pool1 \r\n"),
}


@pytest.mark.parametrize("data", UNHARMED.values(), ids=UNHARMED)
def test_signature_survives_what_is_not_signed(tmp_path: Path, data: bytes | str) -> None:
    assert verifies(tmp_path, data)


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_signature_breaks_with_what_is_signed(tmp_path: Path, data: str) -> None:
    assert data != TEXT
    assert not verifies(tmp_path, data)


def test_missing_alternate_address_is_added_and_signed() -> None:
    unsigned = prepare([Setting("full address", "desk")])
    assert unsigned.settings[1] == Setting("alternate full address", "desk")
    assert unsigned.settings[2] == Setting("signscope", "Full Address,Alternate Full Address")


def test_scope_lists_in_order_what_is_there_whatever_its_case_and_place() -> None:
    settings = [Setting(name.upper(), "x") for name in reversed(SECURE_SETTINGS)] + [Setting("username", "u")]
    assert prepare(settings).settings[-1] == Setting("signscope", ",".join(SECURE_SETTINGS))


def test_old_signature_is_dropped() -> None:
    old = [Setting("full address", "a"), Setting("SignScope", "x"), Setting("Signature", "y")]
    names = [each.name for each in prepare(old).settings]
    assert names == ["full address", "alternate full address", "signscope"]


@pytest.mark.parametrize("settings", [[], [Setting("full address", "")], [Setting("full address", 1)]])
def test_file_without_address_is_not_signed(settings: list[Setting]) -> None:
    with pytest.raises(ValueError, match="'full address'"):
        prepare(settings)


@pytest.mark.parametrize("value", ["a ", "a\u3000", b"a"])
def test_value_that_readers_may_change_is_not_signed(value: str | bytes) -> None:
    with pytest.raises(ValueError, match="'loadbalanceinfo'"):
        prepare([Setting("full address", "a"), Setting("loadbalanceinfo", value)])


def test_file_without_signature_has_none() -> None:
    assert read([Setting("full address", "a")]) is None


SIGNATURE = Setting("signature", encode_signature(b"x"))


@pytest.mark.parametrize(
    "settings",
    [
        [SIGNATURE],
        [Setting("signscope", "a"), Setting("a", 1)],
        [Setting("signscope", "a"), SIGNATURE],
        [Setting("signscope", "a,A"), Setting("a", 1), SIGNATURE],
        [Setting("signscope", ""), SIGNATURE],
        [Setting("signscope", "a"), Setting("a", b"1"), SIGNATURE],
        [Setting("signscope", 1), SIGNATURE],
    ],
)
def test_broken_scope_is_refused(settings: list[Setting]) -> None:
    with pytest.raises(WireError, match="signscope"):
        read(settings)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"\x01", "12 bytes"),
        (struct.pack("<III", 0x00010002, 1, 0), "version"),
        (struct.pack("<III", 0x00010001, 2, 0), "type 1"),
        (struct.pack("<III", 0x00010001, 1, 3) + b"ab", "3 bytes"),
        (struct.pack("<III", 0x00010001, 1, 1) + b"ab", "1 bytes"),
    ],
)
def test_broken_signature_is_refused(blob: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        decode_signature(base64.b64encode(blob).decode())


@pytest.mark.parametrize("value", ["a", "*", "é"])
def test_signature_that_is_no_base64_is_refused(value: str) -> None:
    with pytest.raises(WireError, match="base64"):
        decode_signature(value)


@given(st.binary(max_size=200))
def test_signature_decodes_to_what_was_encoded(pkcs7: bytes) -> None:
    value = encode_signature(pkcs7)
    assert decode_signature(value) == pkcs7
    assert all(len(group) <= 64 for group in value.split("  "))


def test_signature_stands_in_groups_of_64_with_blanks_behind_each() -> None:
    assert encode_signature(bytes(36)) == "AQABAAEAAAAkAAAA" + "A" * 48 + "  "


@given(st.sampled_from(SECURE_SETTINGS[1:]), st.text("ab:,", max_size=4), st.text("ab:,", max_size=4))
def test_each_secure_setting_counts(name: str, before: str, after: str) -> None:
    address = Setting("full address", "desk")
    messages = [prepare([address, Setting(name.lower(), value)]).message for value in (before, after)]
    assert (messages[0] == messages[1]) == (before == after)
