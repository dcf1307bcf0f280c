"""A flight record as the page of its connection shows it. Pure.

Bytes are drawn as two lines over the time of the connection, each to the scale of the larger sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dialback.domain.flight import FlightEntry, FlightEvent
from dialback.web.flight_copies import ReadFlight

WIDTH: Final = 1000
HEIGHT: Final = 100
TITLES: Final = {
    FlightEvent.ASKED: "Asked",
    FlightEvent.CONSENT: "Let in",
    FlightEvent.OPENED: "Opened",
    FlightEvent.BYTES: "Bytes",
    FlightEvent.HOST: "On the host",
    FlightEvent.PROOF: "Certificate",
    FlightEvent.ENDED: "Ended",
}
CERTIFICATES: Final = {
    "proven": "Proven: the host showed the certificate that its agent announced.",
    "other": "Refused: the host showed another certificate than its agent announced, or none.",
    "not-announced": "Not proven: the host's agent had announced no certificate.",
    "without-tls": "Not proven: the RDP server showed no certificate.",
}
GROUNDS: Final = {
    "assignment": "the resource is assigned to them",
    "policy": "the host's own policy",
    "grant": "a grant",
}
_COUNTED = frozenset({FlightEvent.OPENED, FlightEvent.BYTES, FlightEvent.ENDED})
_SUMS = ("to_client_bytes", "to_host_bytes")


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry: when, what, and its facts in a line."""

    number: int
    at: datetime
    title: str
    facts: str


@dataclass(frozen=True, slots=True)
class FlightShown:
    """What the page shows; `lines` are the points of the two lines by name, empty if nothing was moved."""

    sentence: str
    proven: bool
    wrong: bool
    certificate: str
    user: str
    role: str
    purpose: str
    ticket_number: str
    ground: str
    happened: Sequence[Happened]
    lines: dict[str, str]


def flight_shown(read: ReadFlight) -> FlightShown:
    """Return what is shown of a flight record."""
    asked = _facts(read.entries, FlightEvent.ASKED)
    return FlightShown(
        sentence=read.sentence,
        proven=read.proven,
        wrong=read.verdict is None,
        certificate=CERTIFICATES.get(
            read.certificate, "Not proven: no console has said what certificate it saw."
        ),
        user=asked.get("user", ""),
        role=asked.get("role", ""),
        purpose=asked.get("purpose", ""),
        ticket_number=asked.get("ticket_number", ""),
        ground=_ground(_facts(read.entries, FlightEvent.CONSENT)),
        happened=[_happened(entry) for entry in read.entries],
        lines=_lines(read.entries),
    )


def _facts(entries: Sequence[FlightEntry], event: FlightEvent) -> dict[str, str]:
    """Return the facts of the first entry about something."""
    found = next((entry for entry in entries if entry.event is event), None)
    return {name: str(value) for name, value in found.facts.items()} if found else {}


def _ground(facts: dict[str, str]) -> str:
    ground = GROUNDS.get(facts.get("ground", ""), facts.get("ground", ""))
    if "approved_by" not in facts:
        return ground
    return f"{ground} {facts.get('grant', '')} of {facts['approved_by']}, until {facts.get('until', '')}"


def _happened(entry: FlightEntry) -> Happened:
    told = {name.replace("_", " "): value for name, value in entry.facts.items() if value != ""}
    facts = ", ".join(f"{name} {value}" for name, value in told.items())
    return Happened(entry.number, entry.at, TITLES[entry.event], facts)


def _lines(entries: Sequence[FlightEntry]) -> dict[str, str]:
    counted = [entry for entry in entries if entry.event in _COUNTED]
    sums = [[_number(entry, name) for entry in counted] for name in _SUMS]
    most = max((value for each in sums for value in each), default=0)
    if len(counted) < 2 or not most:
        return {}
    begin = counted[0].at
    whole_s = max((counted[-1].at - begin).total_seconds(), 0.001)
    across = [WIDTH * (entry.at - begin).total_seconds() / whole_s for entry in counted]
    return {
        name: " ".join(
            f"{x:.1f},{HEIGHT - HEIGHT * value / most:.1f}" for x, value in zip(across, each, strict=True)
        )
        for name, each in zip(_SUMS, sums, strict=True)
    }


def _number(entry: FlightEntry, name: str) -> float:
    value = entry.facts.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0
