import stat
from pathlib import Path

import pytest

from dialback.agent.identity_file import (
    Enrolled,
    Identity,
    is_enrolled,
    load_identity,
    move_identity,
    save_identity,
)
from dialback.agent.problems import IdentityProblem
from dialback.domain.ids import HostId
from dialback.identity.host_keys import HostKey


@pytest.fixture
def identity() -> Identity:
    enrolled = Enrolled("gate.example:443", HostId("host"), "desk")
    return Identity(enrolled, HostKey.generate(), "-----BEGIN CERTIFICATE-----\n")


def test_saved_identity_is_loaded(tmp_path: Path, identity: Identity) -> None:
    save_identity(tmp_path, identity)

    loaded = load_identity(tmp_path)

    assert (loaded.enrolled, loaded.ca_pem) == (identity.enrolled, identity.ca_pem)
    assert loaded.key.public_bytes == identity.key.public_bytes
    assert stat.S_IMODE((tmp_path / "host.key").stat().st_mode) == 0o600


def test_folder_without_identity_is_not_enrolled(tmp_path: Path) -> None:
    assert not is_enrolled(tmp_path)
    with pytest.raises(IdentityProblem, match="not enrolled"):
        load_identity(tmp_path)


@pytest.mark.parametrize("name", ["host.key", "ca.pem"])
def test_missing_file_is_a_problem(tmp_path: Path, identity: Identity, name: str) -> None:
    save_identity(tmp_path, identity)
    (tmp_path / name).unlink()

    with pytest.raises(IdentityProblem, match=name):
        load_identity(tmp_path)


@pytest.mark.parametrize(
    ("name", "data"),
    [("identity.json", b"{}"), ("identity.json", b"\xff"), ("ca.pem", b"\xff"), ("host.key", b"x")],
)
def test_damaged_file_is_a_problem(tmp_path: Path, identity: Identity, name: str, data: bytes) -> None:
    save_identity(tmp_path, identity)
    (tmp_path / name).write_bytes(data)

    with pytest.raises(IdentityProblem):
        load_identity(tmp_path)


def test_moved_identity_takes_the_place_of_another(tmp_path: Path, identity: Identity) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    save_identity(old, Identity(identity.enrolled, HostKey.generate(), ""))
    save_identity(new, identity)

    move_identity(new, old)

    assert load_identity(old).key.public_bytes == identity.key.public_bytes
    assert list(new.iterdir()) == []
