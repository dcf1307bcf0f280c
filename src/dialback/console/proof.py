"""Proof that nobody sits in between: does the host's RDP server show the certificate its agent announced?

The agent reads the certificate on the host and announces its fingerprint under the host's own key; here the
same certificate is looked at from the other end, through the very leg that clients' bytes will take. If they
are the same, whoever carries the bytes has no part in the encryption. FreeRDP is told the fingerprint besides
and checks each connection itself.

A host that shows none although its agent announced one is refused as one that shows another: whoever carries
the bytes can make a server seem to have no TLS. Where nothing was announced, nothing is proved; it is said.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from dialback.domain.errors import Reason, Refused
from dialback.transport.leg import Leg, LegLost
from dialback.transport.rdp import look

LOOK_S = 30.0
"""As long as a host may take for its first messages and its handshake."""


class Proven(StrEnum):
    """What looking at the certificate has shown."""

    YES = "proven"
    """The host shows the certificate that its agent announced."""
    OTHER = "other"
    """It shows another one, or none."""
    UNANNOUNCED = "not-announced"
    """The agent announced none, and the host shows one."""
    WITHOUT_TLS = "without-tls"
    """The agent announced none, and the host shows none."""


_SENTENCES = {
    Proven.YES: "Proven: the host shows the certificate that its agent announced.",
    Proven.OTHER: "Refused: the host shows another certificate than its agent announced.",
    Proven.UNANNOUNCED: "Not proven: the agent has announced no certificate; compare what the client shows.",
    Proven.WITHOUT_TLS: "Not proven: the RDP server shows no certificate.",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown, and what was expected: fingerprints of 64 hexadecimal characters, or empty.

    `problem` says why none was shown, where the server or its TLS says so, else why none counts as announced.
    """

    proven: Proven
    shown: str = ""
    announced: str = ""
    problem: str = ""

    @property
    def sentence(self) -> str:
        """Return what it means for the person at the console; `problem` in it may be in others' words."""
        sentence = _SENTENCES[self.proven]
        return f"{sentence} Why: {self.problem}." if self.problem else sentence


async def compare(leg: Leg, announced: str, why: str = "") -> Proof:
    """Look at the certificate through a leg, which is used up, and say what that shows.

    Args:
        announced: fingerprint; empty if none counts as announced.
        why: what was announced does not count, if that is so.

    Raises:
        WireError: what answers is no RDP server.
        OSError: the leg broke, or nothing answered within `LOOK_S`.
    """
    try:
        async with asyncio.timeout(LOOK_S):
            seen = await look(leg)
    except TimeoutError as error:
        raise LegLost(f"the host's RDP server did not answer within {LOOK_S:g} s") from error
    return weigh(seen.certificate_sha256, announced, seen.problem or why)


def weigh(shown: str, announced: str, problem: str = "") -> Proof:
    """Return what it proves that a host shows this certificate; either may be empty."""
    if not announced:
        return Proof(Proven.UNANNOUNCED if shown else Proven.WITHOUT_TLS, shown, problem=problem)
    return Proof(Proven.YES if shown == announced else Proven.OTHER, shown, announced, problem)


def check(proof: Proof) -> None:
    """Raise `Refused` with `HOST_CERTIFICATE_OTHER`, naming both, if not the announced one was shown."""
    if proof.announced and proof.shown != proof.announced:
        why = f" ({proof.problem})" if proof.problem else ""
        raise Refused(
            Reason.HOST_CERTIFICATE_OTHER,
            f"shown is {proof.shown or 'none'}{why}, announced was {proof.announced}",
        )
