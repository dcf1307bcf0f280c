"""Reading certificates: facts, fingerprints, and every way in which a file cannot be used."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.identity.authority import Authority
from dialback.identity.certificates import CertificateProblem, certificate_facts, check_pair, fingerprint

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Return a server certificate and its key, made at NOW."""
    return Authority.open(tmp_path, now=NOW).ensure_server_certificate(["gw.example", "192.0.2.1"], now=NOW)


def test_facts_are_those_of_the_first_certificate(pair: tuple[Path, Path]) -> None:
    facts = certificate_facts(pair[0])
    assert facts.subject == "CN=gw.example"
    assert facts.names == ("gw.example", "192.0.2.1")
    assert facts.sha256 == fingerprint(pair[0].read_bytes())


def test_days_left_are_whole_and_negative_after_the_end(pair: tuple[Path, Path]) -> None:
    facts = certificate_facts(pair[0])
    assert facts.days_left(facts.not_after - DAY) == 1
    assert facts.days_left(facts.not_after - timedelta(hours=1)) == 0
    assert facts.days_left(facts.not_after + timedelta(hours=1)) == -1


def test_certificate_without_names_has_none(pair: tuple[Path, Path]) -> None:
    assert certificate_facts(pair[0].with_name("ca.pem")).names == ()


def test_fingerprint_is_the_sha256_of_the_der_form(pair: tuple[Path, Path]) -> None:
    pem = pair[0].with_name("ca.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem)
    assert fingerprint(pem.encode()) == fingerprint(der) == hashlib.sha256(der).hexdigest()


@given(st.binary() | st.binary().map(lambda data: b"-----BEGIN CERTIFICATE-----\n" + data))
def test_bytes_that_are_no_certificate_are_a_problem(data: bytes) -> None:
    with pytest.raises(CertificateProblem, match="holds no certificate"):
        fingerprint(data)


def test_damaged_certificate_is_facts_or_a_problem(pair: tuple[Path, Path]) -> None:
    der = ssl.PEM_cert_to_DER_cert(pair[0].with_name("ca.pem").read_text())
    path = pair[0].with_name("damaged.der")
    for position in range(0, len(der), 3):
        path.write_bytes(der[:position] + bytes([der[position] ^ 0x41]) + der[position + 1 :])
        try:
            sha256 = certificate_facts(path).sha256
        except CertificateProblem:
            continue
        assert len(sha256) == 64


def test_fitting_pair_is_accepted(pair: tuple[Path, Path]) -> None:
    assert check_pair(*pair, NOW) == certificate_facts(pair[0])


def test_missing_files_are_named(pair: tuple[Path, Path]) -> None:
    nowhere = pair[0].with_name("nowhere.pem")
    with pytest.raises(CertificateProblem, match=r"cannot read the certificate .*nowhere"):
        check_pair(nowhere, pair[1], NOW)
    with pytest.raises(CertificateProblem, match=r"cannot read the key .*nowhere"):
        check_pair(pair[0], nowhere, NOW)


def test_key_of_another_certificate_does_not_fit(pair: tuple[Path, Path]) -> None:
    with pytest.raises(CertificateProblem, match="does not fit"):
        check_pair(pair[0], pair[1].with_name("ca.key"), NOW)


def test_certificate_in_place_of_the_key_is_a_problem(pair: tuple[Path, Path]) -> None:
    with pytest.raises(CertificateProblem, match="holds no private key"):
        check_pair(pair[0], pair[0], NOW)


def test_expired_certificate_is_a_problem(pair: tuple[Path, Path]) -> None:
    end = certificate_facts(pair[0]).not_after
    check_pair(*pair, end - timedelta(seconds=1))
    with pytest.raises(CertificateProblem, match="expired on 2027-04-02"):
        check_pair(*pair, end)


def test_certificate_of_the_future_points_at_the_clock(pair: tuple[Path, Path]) -> None:
    with pytest.raises(CertificateProblem, match="check this machine's clock"):
        check_pair(*pair, NOW - DAY)
