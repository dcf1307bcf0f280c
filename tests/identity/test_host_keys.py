"""Host keys: signing, and a file that is private and never overwritten."""

import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from dialback.identity.host_keys import HostKey, HostKeyProblem, host_id_of, verify

KEY = HostKey.generate()
CHALLENGE = b"challenge"

# RFC 8032, section 7.1, TEST 2.
RFC_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
RFC_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_signature_of_the_key_is_accepted() -> None:
    assert len(KEY.public_bytes) == 32
    assert verify(KEY.public_bytes, KEY.sign(CHALLENGE), CHALLENGE)


def test_id_is_that_of_the_key_alone() -> None:
    ids = {host_id_of(HostKey.generate().public_bytes) for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[a-z2-7]{20}", id) for id in ids)
    # Kept by every host that has joined: it must never become another.
    assert host_id_of(RFC_PUBLIC) == "brtlxhqhqsjpyp6itdrm"


def test_signature_of_the_specification_is_accepted() -> None:
    assert verify(RFC_PUBLIC, RFC_SIGNATURE, b"\x72")


def test_signature_of_another_key_or_other_data_is_refused() -> None:
    assert not verify(HostKey.generate().public_bytes, KEY.sign(CHALLENGE), CHALLENGE)
    assert not verify(KEY.public_bytes, KEY.sign(CHALLENGE), CHALLENGE + b"!")


@given(
    st.binary(max_size=40) | st.binary(min_size=32, max_size=32),
    st.binary(max_size=70) | st.binary(min_size=64, max_size=64),
    st.binary(),
)
def test_any_other_bytes_are_refused_without_an_error(key: bytes, signature: bytes, data: bytes) -> None:
    assert verify(KEY.public_bytes, signature, data) is False
    assert verify(key, KEY.sign(data), data) is False


def test_saved_key_is_loaded_again_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "host.key"
    KEY.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert HostKey.load(path).public_bytes == KEY.public_bytes


def test_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "host.key"
    KEY.save(path)
    with pytest.raises(HostKeyProblem, match="already"):
        HostKey.generate().save(path)
    assert HostKey.load(path).public_bytes == KEY.public_bytes


def test_key_does_not_show_its_private_half(tmp_path: Path) -> None:
    path = tmp_path / "host.key"
    KEY.save(path)
    secret = path.read_text().splitlines()[1]
    assert secret not in repr(KEY)


def test_missing_key_says_to_enrol(tmp_path: Path) -> None:
    with pytest.raises(HostKeyProblem, match="enrol this host with a join code"):
        HostKey.load(tmp_path / "host.key")


def test_missing_folder_is_named_when_saving(tmp_path: Path) -> None:
    with pytest.raises(HostKeyProblem, match="check the folder"):
        KEY.save(tmp_path / "no" / "host.key")


def test_unreadable_key_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(HostKeyProblem, match="cannot read"):
        HostKey.load(tmp_path)


def other_pem(encryption: serialization.KeySerializationEncryption) -> bytes:
    """Return a PEM key that is not an Ed25519 one."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        other_pem(serialization.NoEncryption()),
        other_pem(serialization.BestAvailableEncryption(b"password")),
    ],
    ids=["empty", "zeros", "broken", "other kind", "encrypted"],
)
def test_file_without_ed25519_key_is_a_problem(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "host.key").write_bytes(data)
    with pytest.raises(HostKeyProblem, match="holds no Ed25519 private key"):
        HostKey.load(tmp_path / "host.key")
