"""What an agent signs of its host's RDP certificate, so that nobody between agent and console can change it.

The signature goes through the platform, in the agent's report and in the answer to who asks for a way to the
host, and is checked by whoever knows the host's key. The instant in it tells an old announcement from a new
one, whoever kept it in between.

Source: docs/protocols/agent.md, section 4.5.
"""

from datetime import UTC, datetime

from dialback.wire.errors import WireError

_PURPOSE = "dialback rdp certificate 1"
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def signed_certificate(host_id: str, target: str, certificate_sha256: str, signed_at: str) -> bytes:
    """Return the bytes an agent signs about the certificate of the RDP server at a target of its host.

    No part can hold the NUL that separates them.
    """
    return "\0".join((_PURPOSE, host_id, target, certificate_sha256, signed_at)).encode()


def build_instant(at: datetime) -> str:
    """Return an instant in the one spelling that is signed: in UTC, whole seconds."""
    return at.astimezone(UTC).strftime(_INSTANT)


def parse_instant(text: str) -> datetime:
    """Parse such an instant.

    Raises:
        WireError: it is spelled otherwise.
    """
    try:
        at = datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        at = None
    if at is None or build_instant(at) != text:
        raise WireError("expected an instant in UTC with whole seconds, got other text")
    return at
