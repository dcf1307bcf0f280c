"""The key that signs connection files."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.app.doctor import check_publisher
from dialback.app.files import (
    PLATFORM_KEY_NAME,
    PlatformKeyProblem,
    platform_key,
    platform_public_key,
    renew_signing_key,
    signing_key,
)
from dialback.app.settings import ServerSettings, Settings
from dialback.identity.authority import Authority
from dialback.identity.certificates import CertificateProblem
from dialback.identity.signing import FILE_NAME, SIGNING_LIFE, SigningKey

SETTINGS = Settings(ServerSettings(address="gw.example.org:443"))


def test_key_is_made_once_for_the_servers_name(tmp_path: Path) -> None:
    key = signing_key(tmp_path, SETTINGS)
    assert signing_key(tmp_path, SETTINGS).sha256 == key.sha256
    assert "gw.example.org" in key.facts.subject


def administrators(folder: Path, made_at: datetime) -> Settings:
    """Return settings that name a key and a certificate of five years from then."""
    (folder / "theirs").mkdir()
    SigningKey.open(Authority.open(folder / "theirs", now=made_at), "Example Ltd", now=made_at)
    path = str(folder / "theirs" / FILE_NAME)
    return Settings(ServerSettings(address="gw.example.org:443", signing_certificate=path, signing_key=path))


def test_administrators_certificate_signs_in_place_of_the_servers_own(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    key = signing_key(tmp_path, administrators(tmp_path, now))
    assert "Example Ltd" in key.facts.subject
    assert not (tmp_path / FILE_NAME).exists()
    assert check_publisher(key.facts, now).ok


def test_administrators_certificate_near_its_end_or_past_it_signs_and_is_told(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    settings = administrators(tmp_path, now - SIGNING_LIFE + timedelta(days=20))
    assert not check_publisher(signing_key(tmp_path, settings).facts, now).ok

    (tmp_path / "later").mkdir()
    settings = administrators(tmp_path / "later", now - SIGNING_LIFE - timedelta(days=2))
    key = signing_key(tmp_path, settings)
    assert key.sign(b"message")
    assert not check_publisher(key.facts, now).ok


def test_servers_own_key_is_renewed_and_stays(tmp_path: Path) -> None:
    before = signing_key(tmp_path, SETTINGS)
    after = renew_signing_key(tmp_path, SETTINGS)
    assert after.sha256 != before.sha256
    assert after.facts.subject == before.facts.subject
    assert signing_key(tmp_path, SETTINGS).sha256 == after.sha256


def test_administrators_key_is_theirs_to_renew(tmp_path: Path) -> None:
    settings = administrators(tmp_path, datetime.now(UTC))
    before = Path(settings.server.signing_key).read_bytes()
    with pytest.raises(CertificateProblem, match="put the renewed one and its key in place"):
        renew_signing_key(tmp_path, settings)
    assert Path(settings.server.signing_key).read_bytes() == before


def test_another_user_renews_no_key_which_the_server_could_not_read_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signing_key(tmp_path, SETTINGS)
    monkeypatch.setattr("os.geteuid", lambda: (tmp_path / FILE_NAME).stat().st_uid + 1)
    with pytest.raises(CertificateProblem, match="run this as the user the server runs as"):
        renew_signing_key(tmp_path, SETTINGS)
    assert signing_key(tmp_path, SETTINGS).sha256 == before.sha256


def test_public_half_of_the_platform_key_is_told_without_making_one(tmp_path: Path) -> None:
    assert platform_public_key(tmp_path) == b""
    assert not list(tmp_path.iterdir())

    made = platform_key(tmp_path)
    assert platform_public_key(tmp_path) == made.public_bytes


def test_platform_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = platform_key(tmp_path)
    assert platform_key(tmp_path).public_bytes == key.public_bytes
    assert stat.S_IMODE((tmp_path / PLATFORM_KEY_NAME).stat().st_mode) == 0o600


def test_damaged_platform_key_is_never_made_anew(tmp_path: Path) -> None:
    (tmp_path / PLATFORM_KEY_NAME).write_text("x")
    with pytest.raises(PlatformKeyProblem, match="restore it from a backup"):
        platform_key(tmp_path)
    assert (tmp_path / PLATFORM_KEY_NAME).read_text() == "x"
