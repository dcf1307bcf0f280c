"""Proof that nobody sits in between: does the host's RDP server show the certificate its agent announced?

The agent reads the certificate on the host and announces its fingerprint under the host's own key; here the
same certificate is looked at from the other end, through the very leg that clients' bytes will take. If they
are the same, whoever carries the bytes has no part in the encryption. FreeRDP is told the fingerprint besides
and checks each connection itself.

A server without TLS shows no certificate: nothing is proved then, and it is said.
"""

from dataclasses import dataclass
from enum import StrEnum

from dialback.domain.errors import Reason, Refused
from dialback.transport.leg import Leg
from dialback.transport.rdp import look


class Proven(StrEnum):
    """What looking at the certificate has shown."""

    YES = "proven"
    """The host shows the certificate that its agent announced."""
    OTHER = "other"
    """It shows another one."""
    UNANNOUNCED = "not-announced"
    """The agent announced none."""
    WITHOUT_TLS = "without-tls"
    """The RDP server selected its old encryption, which has no certificate."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown, and what was expected: fingerprints of 64 hexadecimal characters, or empty."""

    proven: Proven
    shown: str = ""
    announced: str = ""


async def compare(leg: Leg, announced: str) -> Proof:
    """Look at the certificate through a leg, which is used up, and say what that shows.

    Raises:
        Refused: `RDP_SERVER_DOWN`.
        OSError: the leg broke.
    """
    seen = await look(leg)
    if not seen.certificate_sha256:
        return Proof(Proven.WITHOUT_TLS, announced=announced)
    if not announced:
        return Proof(Proven.UNANNOUNCED, seen.certificate_sha256)
    if seen.certificate_sha256 != announced:
        return Proof(Proven.OTHER, seen.certificate_sha256, announced)
    return Proof(Proven.YES, seen.certificate_sha256, announced)


def check(proof: Proof) -> None:
    """Raise `Refused` with `HOST_CERTIFICATE_OTHER`, naming both fingerprints, if another was shown."""
    if proof.proven is Proven.OTHER:
        raise Refused(
            Reason.HOST_CERTIFICATE_OTHER, f"shown is {proof.shown}, announced was {proof.announced}"
        )
