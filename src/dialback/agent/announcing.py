"""Announcing the certificates of the host's RDP servers: each is signed with the host's key."""

from collections.abc import Iterable
from datetime import datetime

from dialback.agent.identity_file import Identity
from dialback.wire.agent.certificate import build_instant, signed_certificate
from dialback.wire.agent.messages import RdpServer, encode_base64url


def announced(servers: Iterable[RdpServer], identity: Identity, at: datetime) -> tuple[RdpServer, ...]:
    """Return the servers, those that show a certificate with our signature of it."""
    return tuple(_signed(each, identity, at) if each.certificate_sha256 else each for each in servers)


def _signed(server: RdpServer, identity: Identity, at: datetime) -> RdpServer:
    signed_at = build_instant(at)
    host = identity.enrolled.host_id
    data = signed_certificate(host, server.target, server.certificate_sha256, signed_at)
    signature = encode_base64url(identity.key.sign(data))
    return server.model_copy(update={"signed_at": signed_at, "signature": signature})
