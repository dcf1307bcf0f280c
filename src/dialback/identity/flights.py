"""Copies of flight records: files of JSON lines that host and platform keep and export, and what they prove.

A copy holds entries (`domain/flight.py`) and *seals*, in any order of the two: a seal is a head with its
signatures, and with the public keys they were made with, so that a copy can be judged wherever it is. Keys
that stand in a copy show only that it was signed by whoever has them; whose they are is for the reader to
compare, or given as an argument.

What it cannot show: that a copy was cut off exactly behind a seal. The entries before it are proven then, and
the end is missing, which is said; the other side's copy has it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dialback.domain.flight import (
    FlightEntry,
    FlightEvent,
    FlightProblem,
    Head,
    SignedHead,
    check_chain,
    parse,
)
from dialback.domain.ids import ConnectionId
from dialback.identity.host_keys import PUBLIC_KEY_BYTES, verify


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed head and the public keys of its signatures, 32 bytes each; empty where there is none."""

    signed: SignedHead
    host_key: bytes = b""
    platform_key: bytes = b""

    def __post_init__(self) -> None:
        for key in (self.host_key, self.platform_key):
            if len(key) not in (0, PUBLIC_KEY_BYTES):
                raise ValueError(f"expected a public key of {PUBLIC_KEY_BYTES} bytes, got {len(key)}")


@dataclass(frozen=True, slots=True)
class FlightCopy:
    """What one side keeps of a connection."""

    lines: tuple[str, ...]
    seals: tuple[Seal, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a copy proves: it is whole, and so many of its first entries were signed by each side.

    `host_key` and `platform_key` are those by which it was judged, empty where nothing was signed.
    """

    entries: tuple[FlightEntry, ...]
    by_agent: int = 0
    by_platform: int = 0
    host_key: bytes = b""
    platform_key: bytes = b""

    @property
    def ended(self) -> bool:
        """Whether the record goes to the end of its connection."""
        return any(entry.event is FlightEvent.ENDED for entry in self.entries)

    @property
    def proven(self) -> bool:
        """Whether all of it was signed by both, to the end of the connection."""
        return self.ended and min(self.by_agent, self.by_platform) == len(self.entries)

    @property
    def sentence(self) -> str:
        """What is proven, and by whom, for a person."""
        count = len(self.entries)
        end = "" if self.ended else " It does not go to the end of the connection."
        if min(self.by_agent, self.by_platform) == count:
            return f"Whole: all {count} entries are signed by the host's agent and by the platform.{end}"
        signed = f"{self.by_agent} by the host's agent, {self.by_platform} by the platform"
        if not self.by_agent and self.by_platform == count:
            signed = "all by the platform alone, the host's agent has not signed them"
        return f"Whole, but not proven by both: of {count} entries are signed {signed}.{end}"


def build_copy(lines: Iterable[str], seals: Iterable[Seal]) -> str:
    """Return the text of a copy: entries, then seals, one in each line."""
    return "".join(f"{line}\n" for line in [*lines, *map(build_seal, seals)])


def build_seal(seal: Seal) -> str:
    """Return a seal as a line of JSON, its binary values hexadecimal."""
    head = seal.signed.head
    plain = {
        "agent_signature": seal.signed.agent_signature.hex(),
        "connection": head.connection_id,
        "count": head.count,
        "hash": head.hash,
        "host_key": seal.host_key.hex(),
        "platform_key": seal.platform_key.hex(),
        "platform_signature": seal.signed.platform_signature.hex(),
    }
    return json.dumps({"head": plain}, sort_keys=True, separators=(",", ":"))


def read_copy(text: str) -> FlightCopy:
    """Read a copy.

    Raises:
        FlightProblem: a line is neither an entry nor a seal; it is named by its number from 1.
    """
    lines: list[str] = []
    seals: list[Seal] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            if line.startswith('{"head":'):
                seals.append(_parse_seal(line))
            else:
                parse(line)
                lines.append(line)
        except FlightProblem as problem:
            raise FlightProblem(f"line {number}: {problem}") from None
    return FlightCopy(tuple(lines), tuple(seals))


def judge(copy: FlightCopy, host_key: bytes = b"", platform_key: bytes = b"") -> Verdict:
    """Return what a copy proves.

    Args:
        host_key: the host's public key; empty to take the one that stands in the copy.
        platform_key: the platform's, likewise.

    Raises:
        FlightProblem: entries were changed, removed, moved or added, or a seal is not of this chain or not by
            these keys.
    """
    entries = tuple(parse(line) for line in copy.lines)
    check_chain(entries)
    by_agent = by_platform = 0
    for seal in copy.seals:
        _check_head(entries, seal.signed.head)
        if seal.signed.agent_signature:
            host_key = _check_key("the host", seal.host_key, host_key)
            _check_signature("the host's agent", host_key, seal.signed.agent_signature, seal.signed.head)
            by_agent = max(by_agent, seal.signed.head.count)
        if seal.signed.platform_signature:
            platform_key = _check_key("the platform", seal.platform_key, platform_key)
            _check_signature("the platform", platform_key, seal.signed.platform_signature, seal.signed.head)
            by_platform = max(by_platform, seal.signed.head.count)
    return Verdict(entries, by_agent, by_platform, host_key, platform_key)


def compare(one: FlightCopy, other: FlightCopy) -> None:
    """Return if the shorter copy is the beginning of the longer one.

    Raises:
        FlightProblem: they differ; the first entry that does is named.
    """
    for number, (left, right) in enumerate(zip(one.lines, other.lines, strict=False)):
        if left != right:
            raise FlightProblem(f"entry {number} of the two copies differs")


def _check_head(entries: Sequence[FlightEntry], head: Head) -> None:
    if head.connection_id != entries[0].connection_id:
        raise FlightProblem(f"a head of another connection is in it, {head.connection_id}")
    if head.count > len(entries):
        raise FlightProblem(
            f"the end was cut off: {head.count} entries were signed, and it has {len(entries)}, so that "
            f"entry {len(entries)} is the first that is missing"
        )
    if head.count < 1 or head.hash != entries[head.count - 1].hash:
        raise FlightProblem(
            f"entry {head.count - 1} is not the one that was signed: it or one before it was changed"
        )


def _check_key(whose: str, stated: bytes, expected: bytes) -> bytes:
    if not stated or (expected and stated != expected):
        raise FlightProblem(
            f"expected heads signed with the key of {whose} {expected.hex()[:16]}, got {stated.hex()[:16]}"
        )
    return stated


def _check_signature(whose: str, key: bytes, signature: bytes, head: Head) -> None:
    if not verify(key, signature, head.signed_bytes):
        raise FlightProblem(f"the signature of {whose} under {head.count} entries is not good")


def _parse_seal(line: str) -> Seal:
    try:
        seal = _seal_of(json.loads(line)["head"])
    except (ValueError, TypeError, KeyError, RecursionError):
        seal = None
    if seal is None or build_seal(seal) != line:
        raise FlightProblem(f"expected a signed head, got {line[:60]!r}")
    return seal


def _seal_of(plain: Any) -> Seal:
    head = Head(ConnectionId(str(plain["connection"])), int(plain["count"]), str(plain["hash"]))
    signatures = (bytes.fromhex(plain[name]) for name in ("agent_signature", "platform_signature"))
    keys = (bytes.fromhex(plain[name]) for name in ("host_key", "platform_key"))
    return Seal(SignedHead(head, *signatures), *keys)
