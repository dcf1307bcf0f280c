"""The platform's own authority: made once, kept, and renewing the certificate below it."""

import ssl
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from dialback.identity.authority import (
    AUTHORITY_LIFE,
    RENEW_BELOW,
    SERVER_LIFE,
    Authority,
    CertificateProblem,
    certificate_facts,
)
from dialback.identity.certificates import read_certificate

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ["localhost", "gw.example", "127.0.0.1", "::1"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return a new authority, made at NOW."""
    return Authority.open(tmp_path, now=NOW)


def served_sha256(authority: Authority, now: datetime = NOW, names: list[str] = NAMES) -> str:
    """Return the fingerprint of the server certificate that is in place after asking for one."""
    return certificate_facts(authority.ensure_server_certificate(names, now=now)[0]).sha256


def test_first_start_makes_an_authority_and_the_next_keeps_it(tmp_path: Path) -> None:
    first = Authority.open(tmp_path, now=NOW)
    second = Authority.open(tmp_path, now=NOW + timedelta(days=3000))
    assert first.fingerprint == second.fingerprint == certificate_facts(tmp_path / "ca.pem").sha256
    assert first.certificate_path == tmp_path / "ca.pem"


def test_keys_are_for_the_owner_alone(authority: Authority, tmp_path: Path) -> None:
    authority.ensure_server_certificate(NAMES, now=NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert (modes["ca.key"], modes["server.key"]) == (0o600, 0o600)
    assert set(modes) == {"ca.pem", "ca.key", "ca.lock", "server.pem", "server.key"}


def test_authority_may_sign_servers_and_nothing_below_them(tmp_path: Path, authority: Authority) -> None:
    certificate = read_certificate(authority.certificate_path)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == AUTHORITY_LIFE


def test_server_certificate_says_what_clients_look_for(authority: Authority) -> None:
    path, _ = authority.ensure_server_certificate(NAMES, now=NOW)
    certificate = read_certificate(path)
    ca = read_certificate(authority.certificate_path)
    extensions = certificate.extensions
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    signer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert certificate_facts(path).names == tuple(NAMES)
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert signer.key_identifier == identifier.digest
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == SERVER_LIFE
    certificate.verify_directly_issued_by(ca)


def test_server_file_carries_the_authority_behind_the_leaf(authority: Authority) -> None:
    path, _ = authority.ensure_server_certificate(NAMES, now=NOW)
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    assert chain[1] == read_certificate(authority.certificate_path)


@contextmanager
def tls_pair(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> Iterator[ssl.SSLObject]:
    """Shake hands in memory and yield the client's side; raise what the client raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(to_client, to_server, server_hostname=name)
    right = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for side in (left, right):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    yield left


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_that_trusts_the_authority_accepts_the_server_by_every_name(
    tmp_path: Path, name: str, version: ssl.TLSVersion
) -> None:
    authority = Authority.open(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*authority.ensure_server_certificate(NAMES))
    client = ssl.create_default_context(cafile=str(authority.certificate_path))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.minimum_version = client.maximum_version = version
    with tls_pair(server, client, name) as left:
        assert left.getpeercert()


def test_client_refuses_the_server_by_another_name(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*authority.ensure_server_certificate(NAMES))
    client = ssl.create_default_context(cafile=str(authority.certificate_path))
    with pytest.raises(ssl.SSLCertVerificationError), tls_pair(server, client, "other.example"):
        pass


def test_server_certificate_is_kept_while_it_has_long_to_live(authority: Authority, tmp_path: Path) -> None:
    first = served_sha256(authority)
    later = NOW + SERVER_LIFE - RENEW_BELOW - timedelta(days=1)
    assert served_sha256(Authority.open(tmp_path, now=later), later) == first


def test_server_certificate_is_renewed_when_little_is_left(authority: Authority) -> None:
    first = served_sha256(authority)
    later = NOW + SERVER_LIFE - RENEW_BELOW
    assert served_sha256(authority, later) != first


def test_server_certificate_is_renewed_when_names_change(authority: Authority) -> None:
    first = served_sha256(authority)
    assert served_sha256(authority, names=[*NAMES, "new.example"]) != first


def test_order_of_names_and_saying_one_twice_change_nothing(authority: Authority) -> None:
    first = served_sha256(authority)
    assert served_sha256(authority, names=[*reversed(NAMES), NAMES[0]]) == first


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
@pytest.mark.parametrize("data", [b"", b"garbage", None], ids=["empty", "garbage", "missing"])
def test_damaged_server_files_are_made_anew(
    authority: Authority, tmp_path: Path, name: str, data: bytes | None
) -> None:
    first = served_sha256(authority)
    path = tmp_path / name
    path.unlink() if data is None else path.write_bytes(data)
    assert served_sha256(authority) != first


def test_server_key_that_does_not_fit_is_made_anew(authority: Authority, tmp_path: Path) -> None:
    # The state after a crash between the two files.
    first = served_sha256(authority)
    (tmp_path / "server.key").write_bytes((tmp_path / "ca.key").read_bytes())
    assert served_sha256(authority) != first


def test_server_certificate_of_another_authority_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    other = Authority.open(tmp_path / "a", now=NOW)
    foreign = served_sha256(other)
    for name in ("server.pem", "server.key"):
        (tmp_path / "b" / name).write_bytes((tmp_path / "a" / name).read_bytes())
    assert served_sha256(Authority.open(tmp_path / "b", now=NOW)) != foreign


def test_server_certificate_never_outlives_the_authority(authority: Authority) -> None:
    late = NOW + AUTHORITY_LIFE - timedelta(days=60)
    path, _ = authority.ensure_server_certificate(NAMES, now=late)
    ca = certificate_facts(authority.certificate_path)
    assert certificate_facts(path).not_after == ca.not_after


def test_long_first_name_does_not_break_the_subject(authority: Authority) -> None:
    name = ".".join(["a" * 60] * 3)
    path, _ = authority.ensure_server_certificate([name], now=NOW)
    assert certificate_facts(path).names == (name,)


@pytest.mark.parametrize("name", ["", "a b", "-a", "a..b", "gw.example:443", "ä.example", "x" * 64, "a\n"])
def test_name_that_is_neither_dns_name_nor_address_is_a_problem(authority: Authority, name: str) -> None:
    with pytest.raises(CertificateProblem, match="expected a DNS name or an IP address"):
        authority.ensure_server_certificate([name], now=NOW)


def test_no_names_are_a_problem(authority: Authority) -> None:
    with pytest.raises(CertificateProblem, match="at least one name"):
        authority.ensure_server_certificate([], now=NOW)


@pytest.mark.parametrize("lost", ["ca.pem", "ca.key"])
def test_half_an_authority_is_a_problem_and_is_not_replaced(
    authority: Authority, tmp_path: Path, lost: str
) -> None:
    (tmp_path / lost).unlink()
    with pytest.raises(CertificateProblem, match=rf"cannot read the .*{lost}"):
        Authority.open(tmp_path, now=NOW)
    assert not (tmp_path / lost).exists()


def test_authority_whose_key_does_not_fit_is_a_problem(authority: Authority, tmp_path: Path) -> None:
    authority.ensure_server_certificate(NAMES, now=NOW)
    (tmp_path / "ca.key").write_bytes((tmp_path / "server.key").read_bytes())
    with pytest.raises(CertificateProblem, match="does not fit"):
        Authority.open(tmp_path, now=NOW)


def test_expired_authority_is_a_problem(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(CertificateProblem, match="expired"):
        Authority.open(tmp_path, now=NOW + AUTHORITY_LIFE)


def test_missing_folder_is_a_problem_that_says_to_create_it(tmp_path: Path) -> None:
    with pytest.raises(CertificateProblem, match="create the folder"):
        Authority.open(tmp_path / "no")


def test_starts_at_the_same_time_agree_on_one_authority(tmp_path: Path) -> None:
    ready = threading.Barrier(4)

    def start() -> tuple[str, str]:
        ready.wait()
        authority = Authority.open(tmp_path, now=NOW)
        return authority.fingerprint, served_sha256(authority)

    with ThreadPoolExecutor(4) as pool:
        seen = {future.result() for future in [pool.submit(start) for _ in range(4)]}
    assert len(seen) == 1
