"""Flight records as API and portal read them: the platform's whole copy, and what it proves."""

from collections.abc import Sequence
from dataclasses import dataclass

from dialback.domain.contracts import Store
from dialback.domain.flight import Flight, FlightEntry, FlightEvent, FlightProblem, parse
from dialback.domain.ids import ConnectionId, HostId, TenantId
from dialback.domain.provider import Provider
from dialback.identity.flights import Seal, Verdict, build_copy, judge, read_copy


@dataclass(frozen=True, slots=True)
class ReadFlight:
    """A flight record: its export, and what that proves, or in `wrong` what is wrong with it."""

    flight: Flight
    export: str
    verdict: Verdict | None
    wrong: str = ""

    @property
    def proven(self) -> bool:
        """Whether both sides have signed all of it."""
        return self.verdict is not None and self.verdict.proven

    @property
    def sentence(self) -> str:
        """What is proven, or what is wrong."""
        return self.verdict.sentence if self.verdict else self.wrong

    @property
    def entries(self) -> Sequence[FlightEntry]:
        """What happened; empty if the record was tampered with."""
        return self.verdict.entries if self.verdict else ()

    @property
    def certificate(self) -> str:
        """The newest that a console said of the host's certificate; empty if none did."""
        proofs = [entry.facts.get("proven", "") for entry in self.entries if entry.event is FlightEvent.PROOF]
        return str(proofs[-1]) if proofs else ""


async def read_flight(
    provider: Provider, store: Store, platform_key: bytes, tenant: TenantId, id: ConnectionId
) -> ReadFlight | None:
    """Return the flight record of a connection to the tenant's host; None if there is none."""
    flight = await provider.flight(tenant, id)
    if flight is None:
        return None
    lines = await provider.flight_lines(tenant, id)
    asked = asked_in(lines)
    host = await store.host(tenant, HostId(str(asked.facts.get("host", "")))) if asked else None
    host_key = host.public_key if host is not None else b""
    seals = [Seal(flight.signed, host_key, platform_key)] if flight.signed else []
    export = build_copy(lines, seals)
    try:
        return ReadFlight(flight, export, judge(read_copy(export), host_key, platform_key))
    except FlightProblem as problem:
        return ReadFlight(flight, export, None, str(problem))


def asked_in(lines: Sequence[str]) -> FlightEntry | None:
    """Return who asked for what; None if the record does not begin with it."""
    try:
        first = parse(lines[0])
    except (FlightProblem, IndexError):
        return None
    return first if first.event is FlightEvent.ASKED else None
