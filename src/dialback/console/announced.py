"""Which certificate of a host counts as announced: the one that the host's own key has signed.

The platform hands over what the host's agent has reported, and could hand over anything. So the signature is
checked here, with the key that this console knows of the host, for this host and this target, and it must be
of late: an old announcement may be of a certificate whose key has since been lost. What does not hold counts
as not announced, and why is said.

The key itself is the platform's word at the first connection to a host, and never again.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialback.domain.ids import HostId
from dialback.identity.host_keys import SIGNATURE_BYTES, verify
from dialback.wire.agent.certificate import parse_instant, signed_certificate
from dialback.wire.agent.messages import decode_base64url
from dialback.wire.errors import WireError

GOOD_FOR = timedelta(hours=2)
"""Agents sign anew once an hour at the least; the rest is for clocks that differ, either way."""

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Announced:
    """What the platform hands over of a certificate; `sha256` alone is its own word.

    `signs` is false for a platform that is too old to hand over signatures.
    """

    sha256: str = ""
    signed_at: str = ""
    signature: str = ""
    signs: bool = True


NOTHING = Announced()


def judge(announced: Announced, host: HostId, target: str, host_key: str, now: datetime) -> tuple[str, str]:
    """Return the fingerprint that counts as announced, or an empty one and why it does not count.

    Args:
        host_key: raw public key in hexadecimal.

    Returns:
        Both are empty if nothing was announced.
    """
    if not announced.sha256:
        return "", ""
    if not announced.signs:
        return "", "the platform is older and hands over no signature of the certificate"
    if not announced.signature:
        return "", "the host's agent is older and does not sign its certificate, or the signature was removed"
    try:
        return _verified(announced, host, target, bytes.fromhex(host_key), now), ""
    except _Stale as stale:
        return "", str(stale)
    except ValueError:
        return "", "the certificate is not signed by this host's key for this host and target: it was changed"


class _Stale(Exception):
    """The signature holds and is too old, or from the future."""


def _verified(announced: Announced, host: HostId, target: str, key: bytes, now: datetime) -> str:
    """Return the fingerprint; raise `ValueError` if it is not signed, `_Stale` if it was signed long ago."""
    if not _FINGERPRINT.fullmatch(announced.sha256):
        raise ValueError("expected a fingerprint")
    try:
        signature = decode_base64url(announced.signature, SIGNATURE_BYTES)
        signed_at = parse_instant(announced.signed_at)
    except WireError as error:
        raise ValueError(str(error)) from error
    signed = signed_certificate(host, target, announced.sha256, announced.signed_at)
    if not verify(key, signature, signed):
        raise ValueError("expected the host's signature")
    if abs(now - signed_at) > GOOD_FOR:
        raise _Stale(
            f"the certificate was signed at {announced.signed_at}, more than {GOOD_FOR.seconds // 3600} h "
            "from now; look at the clocks here and on the host"
        )
    return announced.sha256
