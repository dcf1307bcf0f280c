"""The flight recorder: what happened on a connection, in a chain that cannot be changed unnoticed.

Each entry carries the hash of the one before it, so that an entry that was changed, removed or moved breaks
the chain at its place. What a chain alone cannot show is that its end was cut off: for that its *head*, the
number of entries and the last hash, is signed by the host's agent and by the platform, each with its own key,
and each side keeps a copy. Nothing of what people did or saw is in it: only who, why, when, how much, and how
it ended.

What is left out: when heads are signed, and with which keys.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from dialback.domain.errors import Problem
from dialback.domain.ids import ConnectionId, TenantId

MAX_ENTRIES = 10_000
MAX_ENTRY_CHARS = 4_000
SIGNATURE_BYTES = 64
_BEGIN = "0" * 64
_HEAD_PREFIX = "dialback flight 1"


class FlightProblem(Problem):
    """A chain does not prove what it should; the message names the entry and what is wrong with it."""


class FlightEvent(StrEnum):
    """What an entry is about."""

    ASKED = "asked"
    """Who wants to come where, and why."""
    CONSENT = "consent"
    """On what ground the host let them in."""
    OPENED = "opened"
    """The relay began; with the timeline up to there."""
    BYTES = "bytes"
    """How many bytes went each way since the beginning."""
    HOST = "host"
    """What the host lists of its sessions: a log-on, a lock, a log-off."""
    PROOF = "proof"
    """Whether the host's certificate was seen by whoever connected: their own claim."""
    ENDED = "ended"
    """It ended, and why."""


@dataclass(frozen=True, slots=True)
class FlightEntry:
    """One entry. `facts` are texts, numbers and flags by name; `previous` is the hash of the entry before."""

    connection_id: ConnectionId
    number: int
    at: datetime
    event: FlightEvent
    facts: MappingProxyType[str, str | int | float | bool]
    previous: str = _BEGIN

    @property
    def hash(self) -> str:
        """SHA-256 of the entry's one spelling, 64 hexadecimal characters."""
        return hashlib.sha256(build(self).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many entries it has, and the hash of the last."""

    connection_id: ConnectionId
    count: int
    hash: str

    @property
    def signed_bytes(self) -> bytes:
        """What agent and platform sign."""
        return f"{_HEAD_PREFIX}\n{self.connection_id}\n{self.count}\n{self.hash}\n".encode()


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with the signatures of agent and platform, 64 bytes each; empty while one has not signed."""

    head: Head
    agent_signature: bytes = b""
    platform_signature: bytes = b""

    def __post_init__(self) -> None:
        for signature in (self.agent_signature, self.platform_signature):
            if len(signature) not in (0, SIGNATURE_BYTES):
                raise ValueError(f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}")


@dataclass(frozen=True, slots=True)
class Flight:
    """A chain that is kept: its tenant, when it began, its end, and the newest head that was signed."""

    tenant: TenantId
    begun_at: datetime
    end: Head
    signed: SignedHead | None = None


@dataclass(frozen=True, slots=True)
class FlightProof:
    """What somebody's console says of the host's certificate: their claim.

    `proven` is `proven`, `other`, `not-announced` or `without-tls` (none announced, none shown); `shown` and
    `announced` are fingerprints of 64 hexadecimal characters, or empty; `by` is who says so.
    """

    proven: str
    shown: str = ""
    announced: str = ""
    by: str = ""


class FlightProofs(Protocol):
    """Who is told what consoles have seen of hosts' certificates."""

    def proven(self, tenant: TenantId, request: str, proof: FlightProof) -> None:
        """Keep the claim with the connections of the consent request; never waits and never fails."""


def extend(
    chain: Sequence[FlightEntry],
    connection_id: ConnectionId,
    at: datetime,
    event: FlightEvent,
    **facts: str | int | float | bool,
) -> FlightEntry:
    """Return the entry that comes next."""
    entry = FlightEntry(connection_id, len(chain), at, event, MappingProxyType(dict(facts)))
    return replace(entry, previous=chain[-1].hash) if chain else entry


def entry_after(
    end: Head | None,
    connection_id: ConnectionId,
    at: datetime,
    event: FlightEvent,
    facts: Mapping[str, str | int | float | bool],
) -> FlightEntry:
    """Return the entry that comes next, with texts shortened until it is an entry of `MAX_ENTRY_CHARS`.

    Args:
        end: of the chain; None if there is none.
    """
    kept = dict(facts)
    while True:
        entry = FlightEntry(
            connection_id,
            end.count if end else 0,
            at,
            event,
            MappingProxyType(kept),
            end.hash if end else _BEGIN,
        )
        excess = len(build(entry)) - MAX_ENTRY_CHARS
        if excess <= 0:
            return entry
        name = max(kept, key=lambda each: len(str(kept[each])))
        # A character takes twelve in JSON at most.
        text = str(kept[name])
        kept[name] = text[: max(len(text) - max(excess // 12, 1), 0)]


def head_after(entry: FlightEntry) -> Head:
    """Return the head of the chain whose last entry this is."""
    return Head(entry.connection_id, entry.number + 1, entry.hash)


def head_of(chain: Sequence[FlightEntry]) -> Head:
    """Return the head of a chain that is not empty."""
    return Head(chain[-1].connection_id, len(chain), chain[-1].hash)


def check_chain(chain: Sequence[FlightEntry], head: Head | None = None) -> None:
    """Return if the chain is whole, and is the one of the head if there is one.

    Raises:
        FlightProblem: an entry was changed, removed, moved or added, or the end was cut off.
    """
    if not chain:
        raise FlightProblem("expected a chain of entries, got none")
    previous = _BEGIN
    for place, entry in enumerate(chain):
        if entry.connection_id != chain[0].connection_id:
            raise FlightProblem(f"entry {place} is of connection {entry.connection_id}, another one")
        if entry.number != place:
            raise FlightProblem(f"at place {place} stands entry {entry.number}: one was removed or moved")
        if entry.previous != previous:
            raise FlightProblem(f"entry {place} does not follow the one before it: one of them was changed")
        previous = entry.hash
    if head is not None and head != head_of(chain):
        raise FlightProblem(
            f"the signed head is of {head.count} entries ending {head.hash[:16]}, the chain has {len(chain)} "
            f"ending {previous[:16]}: its end was cut off, changed or added to"
        )


def follow(end: Head | None, kept: Sequence[str], lines: Sequence[str]) -> list[FlightEntry]:
    """Return what the lines add to a chain that is kept; lines that are kept already add nothing.

    Args:
        end: of the chain; None if there is none.
        kept: its lines from the number of the first of `lines` on.

    Raises:
        FlightProblem: a line is no entry, does not follow, differs from the one that is kept in its place, or
            the chain would have more than `MAX_ENTRIES`.
    """
    entries = [parse(line) for line in lines]
    added: list[FlightEntry] = []
    count, last = (end.count, end.hash) if end else (0, _BEGIN)
    for line, entry in zip(lines, entries, strict=True):
        place = entry.number - entries[0].number
        if entry.connection_id != (end.connection_id if end else entries[0].connection_id):
            raise FlightProblem(f"entry {entry.number} is of connection {entry.connection_id}, another one")
        if entry.number < (end.count if end else 0):
            if not 0 <= place < len(kept) or kept[place] != line:
                raise FlightProblem(f"entry {entry.number} differs from the one that is kept")
            continue
        if entry.number != count or entry.previous != last:
            raise FlightProblem(f"entry {entry.number} does not follow the {count} that are kept")
        if count >= MAX_ENTRIES:
            raise FlightProblem(f"expected {MAX_ENTRIES} entries at most")
        added.append(entry)
        count, last = count + 1, entry.hash
    return added


def is_head_at(head: Head, line: str) -> bool:
    """Say whether the head was of the chain when the line was its last; raise `FlightProblem` as `parse`."""
    entry = parse(line)
    return head == Head(entry.connection_id, entry.number + 1, entry.hash)


def merge(known: SignedHead | None, new: SignedHead) -> SignedHead:
    """Return what is kept of two signed heads: the longer one's, and of one head the signatures of both."""
    if known is None or new.head.count > known.head.count:
        return new
    if new.head != known.head:
        return known
    return SignedHead(
        known.head,
        known.agent_signature or new.agent_signature,
        known.platform_signature or new.platform_signature,
    )


def build(entry: FlightEntry) -> str:
    """Return the one spelling of an entry: a line of JSON with sorted names and no spaces."""
    plain = {
        "at": entry.at.isoformat(timespec="microseconds"),
        "connection": entry.connection_id,
        "event": entry.event.value,
        "facts": dict(entry.facts),
        "number": entry.number,
        "previous": entry.previous,
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def parse(line: str) -> FlightEntry:
    """Parse what `build` made.

    Raises:
        FlightProblem: the line is no entry, or not in its one spelling.
    """
    try:
        entry = _entry_of(json.loads(line)) if len(line) <= MAX_ENTRY_CHARS else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        entry = None
    if entry is None or build(entry) != line:
        raise FlightProblem(f"expected an entry of a flight record, got {line[:60]!r}")
    return entry


def _entry_of(plain: Any) -> FlightEntry:
    at = datetime.fromisoformat(plain["at"])
    facts = dict(plain["facts"])
    if at.tzinfo is None or not all(isinstance(value, str | int | float) for value in facts.values()):
        raise ValueError("expected an instant with a time zone, and plain facts")
    return FlightEntry(
        ConnectionId(str(plain["connection"])),
        int(plain["number"]),
        at,
        FlightEvent(plain["event"]),
        MappingProxyType(facts),
        str(plain["previous"]),
    )
