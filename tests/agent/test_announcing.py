from datetime import UTC, datetime

from dialback.agent.announcing import announced
from dialback.agent.identity_file import Enrolled, Identity
from dialback.domain.ids import HostId
from dialback.identity.host_keys import HostKey, verify
from dialback.wire.agent.certificate import signed_certificate
from dialback.wire.agent.messages import RdpServer, Report, decode_base64url, decode_from_agent, encode

KEY = HostKey.generate()
IDENTITY = Identity(Enrolled("gw:443", HostId("h1"), "desk"), KEY, "")
AT = datetime(2026, 5, 4, 8, 0, 7, tzinfo=UTC)
SHOWS = RdpServer(target="127.0.0.1:3389", answers=True, security="tls", certificate_sha256="ab" * 32)
SILENT = RdpServer(target="127.0.0.1:3390", answers=False, problem="nothing listens")


def test_each_certificate_is_signed_with_the_hosts_key() -> None:
    (server,) = announced([SHOWS], IDENTITY, AT)

    assert server.signed_at == "2026-05-04T08:00:07Z"
    assert server.model_copy(update={"signed_at": "", "signature": ""}) == SHOWS
    signed = signed_certificate("h1", "127.0.0.1:3389", "ab" * 32, "2026-05-04T08:00:07Z")
    assert verify(KEY.public_bytes, decode_base64url(server.signature, 64), signed)
    report = Report(rdp_servers=(server,))
    assert decode_from_agent(encode(report)) == report


def test_server_that_shows_no_certificate_is_left_as_it_is() -> None:
    assert announced([SILENT], IDENTITY, AT) == (SILENT,)
