"""What honest agents announce of their certificates, for tests that then make it a lie."""

from datetime import UTC, datetime

from dialback.console.announced import Announced
from dialback.domain.ids import HostId
from dialback.identity.host_keys import HostKey
from dialback.wire.agent.certificate import build_instant, signed_certificate
from dialback.wire.agent.messages import encode_base64url

TARGET = "127.0.0.1:3389"


def announce(
    key: HostKey, host: str, sha256: str, target: str = TARGET, at: datetime | None = None
) -> Announced:
    """Return what a platform hands over that changes nothing."""
    signed_at = build_instant(at or datetime.now(UTC))
    signature = key.sign(signed_certificate(HostId(host), target, sha256, signed_at))
    return Announced(sha256, signed_at, encode_base64url(signature))
