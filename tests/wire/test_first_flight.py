"""What a server's first bytes show: real servers of both versions, and peers that would talk past us."""

import ssl
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.identity.authority import Authority
from dialback.transport.tls import looking_context
from dialback.wire.errors import StateError, WireError
from dialback.wire.first_flight import MAX_FLIGHT_BYTES, FirstFlight, Shows, Sight
from dialback.wire.x224 import FailureCode, build_refusal
from fuzz.targets.first_flight import fuzz
from tests.wire.first_flights import CONFIRM_RDP, CONFIRM_TLS, flight, server

Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Authority.open(tmp_path_factory.mktemp("ca")).ensure_server_certificate(["desk"])


def leaf_of(files: Files) -> bytes:
    pem = files[0].read_text()
    return ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + len("-----END CERTIFICATE-----")])


def read(data: bytes, step: int = MAX_FLIGHT_BYTES) -> Sight | None:
    """Feed the bytes in pieces until they show something."""
    reader = FirstFlight()
    for at in range(0, len(data), step):
        if sight := reader.feed(data[at : at + step]):
            return sight
    return None


def record(body: bytes, kind: int = 22) -> bytes:
    return bytes((kind, 3, 3)) + struct.pack(">H", len(body)) + body


def message(kind: int, body: bytes = b"") -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def listed(*certificates: bytes) -> bytes:
    inner = b"".join(len(each).to_bytes(3, "big") + each for each in certificates)
    return len(inner).to_bytes(3, "big") + inner


HELLO = message(2, b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x30" + b"\0")
CERTIFICATE = message(11, listed(b"leaf", b"above"))
SEEN = Sight(Shows.CERTIFICATE, b"leaf")


@pytest.mark.parametrize("step", [1, 7, 1000, MAX_FLIGHT_BYTES])
def test_certificate_of_a_server_of_tls_1_2_is_seen(files: Files, step: int) -> None:
    said, _ = flight(server(*files, ssl.TLSVersion.TLSv1_2))

    assert read(said, step) == Sight(Shows.CERTIFICATE, leaf_of(files))


@pytest.mark.parametrize("step", [1, MAX_FLIGHT_BYTES])
def test_tls_1_3_hides_it(files: Files, step: int) -> None:
    said, _ = flight(server(*files, ssl.TLSVersion.TLSv1_3))

    assert read(said, step) == Sight(Shows.HIDDEN)


def test_request_to_begin_anew_hides_it_too(files: Files) -> None:
    """A server of TLS 1.3 that wants another key exchange says so in the form of a server hello."""
    context = server(*files, ssl.TLSVersion.TLSv1_3)
    context.set_ecdh_curve("secp384r1")

    assert read(flight(context)[0]) == Sight(Shows.HIDDEN)


def test_session_that_is_resumed_sends_none(files: Files) -> None:
    context, client = server(*files, ssl.TLSVersion.TLSv1_2), looking_context()
    _, session = flight(context, client)

    assert read(flight(context, client, session)[0]) == Sight(Shows.HIDDEN)


def test_old_encryption_has_none() -> None:
    assert read(CONFIRM_RDP) == Sight(Shows.WITHOUT_TLS)
    assert read(bytes.fromhex("0300000b06d00000123400")) == Sight(Shows.WITHOUT_TLS)


@pytest.mark.parametrize(
    "said", [build_refusal(FailureCode.HYBRID_REQUIRED_BY_SERVER), CONFIRM_TLS + record(b"\x02\x28", 21)]
)
def test_server_that_refuses_shows_none(said: bytes) -> None:
    assert read(said) == Sight(Shows.REFUSED)


@pytest.mark.parametrize(
    "said",
    [
        record(HELLO + CERTIFICATE),
        record(HELLO) + record(CERTIFICATE),
        record(HELLO + CERTIFICATE[:5]) + record(CERTIFICATE[5:]),
        b"".join(record(bytes((each,))) for each in HELLO + CERTIFICATE),
        record(b"\x01\x70", 21) + record(HELLO + CERTIFICATE),
        record(message(0) + HELLO + message(0)) + record(CERTIFICATE),
        record(HELLO + CERTIFICATE) + b"whatever follows",
    ],
    ids=[
        "one record",
        "two",
        "cut in two",
        "cut in all",
        "after a warning",
        "asked to greet",
        "bytes behind",
    ],
)
def test_certificate_is_seen_however_the_records_are_cut(said: bytes) -> None:
    assert read(CONFIRM_TLS + said) == SEEN
    assert read(CONFIRM_TLS + said, 1) == SEEN


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (record(CERTIFICATE), "expected a server hello, got handshake message 11"),
        (record(HELLO + HELLO), "expected a certificate, got handshake message 2"),
        (record(HELLO + message(12, b"key")), "expected a certificate, got handshake message 12"),
        (record(b"\x01", 20), "expected a server hello, got a change of ciphers"),
        (record(b"\x01\x70\x00", 21), "alert of 2 bytes, got 3"),
        (record(b"data", 23), "header of a TLS record"),
        (b"HTTP/1.1 200 OK", "header of a TLS record"),
        (record(b""), "header of a TLS record"),
        (bytes((22, 3, 3, 0x40, 1)), "header of a TLS record"),
        (record(message(2, b"\x03\x03")), "version and random"),
        (record(message(2, HELLO[4:] + b"\0\x01")), "of extensions"),
        (record(message(2, HELLO[4:] + b"\0\0\0")), "nothing behind the extensions"),
        (record(message(2, HELLO[4:] + b"\0\x04\0\x2b\0\0")), "selected version"),
        (record(HELLO + message(11, listed())), "3 bytes of length"),
        (record(HELLO + message(11, listed(b""))), "got an empty one"),
        (record(HELLO + message(11, listed(b"leaf") + b"\0")), "nothing behind the certificates"),
        (record(HELLO + b"\x0b\x01\0\x01"), "at most 65536 bytes"),
    ],
)
def test_what_no_client_would_take_is_an_error(said: bytes, rule: str) -> None:
    for step in (1, MAX_FLIGHT_BYTES):
        with pytest.raises(WireError, match=rule):
            read(CONFIRM_TLS + said, step)


def test_server_that_shows_nothing_is_bounded() -> None:
    reader = FirstFlight()
    reader.feed(CONFIRM_TLS)
    warnings = record(b"\x01\x70", 21) * 1000
    for _ in range(MAX_FLIGHT_BYTES // len(warnings)):
        assert reader.feed(warnings) is None
    with pytest.raises(WireError, match="within 131072 bytes"):
        reader.feed(warnings)


def test_flight_is_read_once() -> None:
    reader = FirstFlight()
    reader.feed(CONFIRM_RDP)
    with pytest.raises(StateError, match="already"):
        reader.feed(b"")


@given(st.binary(max_size=300), st.sampled_from([b"", CONFIRM_TLS, CONFIRM_TLS + record(HELLO)]))
def test_any_bytes_show_the_same_however_they_are_cut(data: bytes, before: bytes) -> None:
    fuzz(before + data)


@given(st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=5), st.integers(1, 200))
def test_leaf_is_the_first_of_the_chain_whatever_the_records(chain: list[bytes], piece: int) -> None:
    said = HELLO + message(11, listed(*chain))
    records = b"".join(record(said[at : at + piece]) for at in range(0, len(said), piece))

    assert read(CONFIRM_TLS + records) == Sight(Shows.CERTIFICATE, chain[0])
