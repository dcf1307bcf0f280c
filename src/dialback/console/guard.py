"""The first bytes of a client's leg: carried one by one until the host's certificate was seen in them.

The console looks at the certificate before the client starts, through a leg of its own. Whoever carries the
bytes could behave on that leg and not on the client's. So each leg of the client is read in passing as far as
its first flight: bytes of the host are handed on only after they were read, and where they show another
certificate than announced, or none, nothing more is. Where TLS 1.3 hides the certificate, the client itself
has to check it; FreeRDP is told its fingerprint.

After the first flight the legs are the relay's, with whatever they hold; no chunk is looked at any more.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dialback.console.proof import Proof, Proven, check, weigh
from dialback.domain.errors import Reason, Refused
from dialback.observe.tasks import first_of
from dialback.relay.meter import Meter
from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import sha256_of
from dialback.wire.errors import WireError
from dialback.wire.first_flight import FirstFlight, Shows, Sight

_SHOWING = {Shows.CERTIFICATE, Shows.WITHOUT_TLS}


@dataclass(frozen=True, slots=True)
class Guard:
    """Holds every leg of a host's client to the certificate that was announced.

    Args:
        name: of the host, for the names of tasks.
        tell: is told what a leg has shown that is refused, while the leg still stands.
    """

    name: str
    announced: str
    tell: Callable[[Proof], Awaitable[None]]

    async def watch(self, local: Leg, host: Leg, meter: Meter) -> None:
        """Carry bytes both ways until the certificate was seen or is hidden, or until a leg ends.

        Cancel-safe: bytes that were not carried stay in their leg.

        Raises:
            Refused: `HOST_CERTIFICATE_OTHER`, naming both; `PROTOCOL_VIOLATION`, if the host does not begin
                as an RDP server does.
        """
        refused: Proof | None = None
        with contextlib.suppress(LegLost):
            refused = await first_of(
                f"first flight {self.name}", self._read(host, local, meter), _carry(local, host, meter)
            )
        if refused is not None:
            await self.tell(refused)
            check(refused)

    async def _read(self, host: Leg, local: Leg, meter: Meter) -> Proof | None:
        """Return a proof that is to be refused, without having handed on what shows it; else None."""
        flight, sight = FirstFlight(), None
        while sight is None and (data := await host.receive()):
            try:
                sight = flight.feed(data)
            except WireError as error:
                raise Refused(
                    Reason.PROTOCOL_VIOLATION, f"the host does not begin as an RDP server: {error}"
                ) from error
            if sight is not None and (refused := self._refused(sight)):
                return refused
            local.send(data)
            meter.count_to_right(len(data))
            await local.drain()
        return None

    def _refused(self, sight: Sight) -> Proof | None:
        if sight.shows not in _SHOWING:
            return None
        proof = weigh(sha256_of(sight.certificate) if sight.certificate else "", self.announced)
        return proof if proof.proven is Proven.OTHER else None


async def _carry(source: Leg, sink: Leg, meter: Meter) -> Proof | None:
    while data := await source.receive():
        sink.send(data)
        meter.count_to_left(len(data))
        await sink.drain()
    return None
