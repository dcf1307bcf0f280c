from pathlib import Path

import pytest

from dialback.app.certificates import authority_pem, read_ca, server_certificates
from dialback.app.settings import ServerSettings, Settings
from dialback.identity.authority import Authority
from dialback.identity.certificates import CertificateProblem, certificate_facts, fingerprint

OWN = Settings(ServerSettings(address="gw.example.org:443"))


def given(folder: Path, **files: str) -> Settings:
    """Return settings that name an administrator's files, which are made in the folder."""
    authority = Authority.open(folder)
    certificate, key = authority.ensure_server_certificate(["gw.example.org"])
    names = {"certificate": certificate, "key": key, "ca": authority.certificate_path}
    return Settings(ServerSettings(**{name: str(files.get(name) or path) for name, path in names.items()}))


def test_own_certificate_is_made_for_the_public_name(tmp_path: Path) -> None:
    made = server_certificates(tmp_path, OWN)

    assert certificate_facts(made.certificate).names == ("gw.example.org",)
    assert made.leaf_sha256 == certificate_facts(made.certificate).sha256
    assert made.ca_sha256 == certificate_facts(tmp_path / "ca.pem").sha256
    assert server_certificates(tmp_path, OWN) == made


def test_administrators_files_are_used_as_they_are(tmp_path: Path) -> None:
    settings = given(tmp_path)

    used = server_certificates(tmp_path / "unused", settings)

    assert str(used.certificate) == settings.server.certificate
    assert used.ca_sha256 == fingerprint(Path(settings.server.ca).read_bytes())


def test_key_of_another_certificate_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    key = given(other).server.key

    with pytest.raises(CertificateProblem, match="does not fit"):
        server_certificates(tmp_path, given(tmp_path, key=key))


@pytest.mark.parametrize("name", ["certificate", "key", "ca"])
def test_file_that_is_not_there_or_damaged_is_named(tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(b"\xff nothing of the kind")

    with pytest.raises(CertificateProblem, match=r"none\.pem"):
        server_certificates(tmp_path, given(tmp_path, **{name: str(tmp_path / "none.pem")}))
    with pytest.raises(CertificateProblem, match=r"damaged\.pem"):
        server_certificates(tmp_path, given(tmp_path, **{name: str(damaged)}))


def test_key_that_stands_beside_the_ca_is_not_given_out(tmp_path: Path) -> None:
    Authority.open(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "ca.key").read_bytes() + (tmp_path / "ca.pem").read_bytes())

    assert read_ca(both) == (tmp_path / "ca.pem").read_text()
    assert "PRIVATE" not in read_ca(both)


def test_ca_is_told_whatever_the_servers_own_certificate_is(tmp_path: Path) -> None:
    ca_pem = server_certificates(tmp_path, OWN).ca_pem
    assert authority_pem(tmp_path, OWN) == ca_pem

    theirs = ServerSettings(certificate="/nowhere.pem", key="/nowhere.key", ca=str(tmp_path / "ca.pem"))
    assert authority_pem(tmp_path, Settings(theirs)) == ca_pem
