import ssl
from pathlib import Path

import pytest

import dialback
from dialback.transport.tls import (
    CertificateUnreadable,
    DirectSSLObject,
    client_context,
    looking_context,
    server_context,
)
from tests.transport.loopback import NAME, Certificates


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Run a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = client.wrap_bio(to_client, to_server, server_hostname=NAME)
    near = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [far, near]
    while waiting:
        waiting = [side for side in waiting if not _shook(side)]
    return near, far


def _shook(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def test_server_picks_http_1_when_the_client_offers_http_2_first(certificates: Certificates) -> None:
    """Sheet section 9.2, check 2."""
    client = certificates.client()
    client.set_alpn_protocols(["h2", "http/1.1"])
    near, far = shake_hands(certificates.server(), client)
    assert near.selected_alpn_protocol() == far.selected_alpn_protocol() == "http/1.1"
    assert far.version() == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused_by_both_sides(certificates: Certificates) -> None:
    old = certificates.client()
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shake_hands(certificates.server(), old)
    old_server = certificates.server()
    old_server.minimum_version = old_server.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shake_hands(old_server, certificates.client())


def test_client_verifies_the_chain(certificates: Certificates) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(certificates.server(), client_context())
    near, _ = shake_hands(certificates.server(), looking_context())
    assert near.version() is not None


def test_damaged_certificate_is_one_sentence(certificates: Certificates, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("nothing")
    for certificate in (damaged, tmp_path / "missing.pem"):
        with pytest.raises(CertificateUnreadable, match="cannot be used"):
            server_context(certificate, certificates.key)


def test_verification_is_left_out_in_looking_context_alone() -> None:
    source = Path(dialback.__file__).parent
    places = [path for path in source.rglob("*.py") if "CERT_NONE" in path.read_text()]
    assert places == [source / "transport" / "tls.py"]
    text = places[0].read_text()
    assert text.count("CERT_NONE") == text.count("check_hostname = False") == 1
    assert text.index("def looking_context") < text.index("CERT_NONE") < text.index("def sha256_of")
    others = [path for path in source.rglob("*.py") if "_create_unverified_context" in path.read_text()]
    assert others == []


def test_bytes_and_the_end_pass_both_ways_through_direct_objects(certificates: Certificates) -> None:
    """An event loop calls `read`, `write` and `pending` without a function of ours in between."""
    near, far = shake_hands(certificates.server(), certificates.client())
    for sender, receiver in ((near, far), (far, near)):
        assert isinstance(sender, DirectSSLObject)
        assert sender.write(memoryview(b"desktop")) == 7
        buffer = bytearray(4)
        assert (receiver.read(4, buffer), bytes(buffer), receiver.pending()) == (4, b"desk", 3)
        assert receiver.read(1024) == b"top"
