"""Countersigning: a host's agent gets the entries of its connections' flight records, and both sign the head.

Entries go to the agent when they are in the store. It answers with the host key's signature of its own copy's
head; that is verified, the same head is signed with the platform's key, and both signatures go back, so that
either side's copy proves both. Rules of this file:

- One task for each host works at its chains, one after the other, so that a host that is slow holds up no
  other one.
- What a host has missed is looked up in the store when its link is back.
- A host that does not sign, because its agent is too old, is away or refuses, keeps no chain from being
  closed: the platform signs alone then, which whoever verifies the record is told.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dialback.broker.flights import Chain
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.flight import FlightProblem, Head, SignedHead, head_after, parse
from dialback.domain.ids import ConnectionId, HostId, TenantId
from dialback.domain.provider import Provider
from dialback.identity.host_keys import HostKey, verify
from dialback.observe.log import get_logger
from dialback.observe.tasks import Tasks
from dialback.wire.agent.link import FlightRefusedReceived, FlightSignedReceived

MOST_MISSED = 100
RETRY_S = 2.0
_log = get_logger(__name__)

FlightAnswer = FlightSignedReceived | FlightRefusedReceived


class LinkGone(ConnectionError):
    """The host's link is not up, or its agent did not answer in time."""


class FlightLinks(Protocol):
    """The agent links, as far as flight records go over them."""

    def flight_key(self, host: HostId) -> bytes | None:
        """Return the host's public key; None if its link is down, or its agent keeps no flight records."""

    async def tell_flight(self, host: HostId, id: ConnectionId, lines: Sequence[str]) -> FlightAnswer:
        """Tell the agent as many of the lines as fit into one message; raise `LinkGone`."""

    def show_head(self, host: HostId, signed: SignedHead, platform_key: bytes) -> None:
        """Show the agent a head with both signatures, if its link is up."""


@dataclass(frozen=True, slots=True)
class _Due:
    tenant: TenantId
    id: ConnectionId
    ended: bool


class Countersigner:
    """Has chains signed by their hosts, and signs them.

    Args:
        key: the platform's.
    """

    def __init__(
        self, provider: Provider, links: FlightLinks, key: HostKey, tasks: Tasks, retry_s: float = RETRY_S
    ) -> None:
        self._provider = provider
        self._links = links
        self._key = key
        self._tasks = tasks
        self._retry_s = retry_s
        self._due: defaultdict[HostId, dict[ConnectionId, _Due]] = defaultdict(dict)
        self._working: dict[HostId, asyncio.Task[None]] = {}

    def saved(self, chain: Chain) -> None:
        """Have the entries signed that are in the store now."""
        self._put(chain.host, _Due(chain.tenant, chain.id, chain.ended and not chain.waiting))

    def linked(self, host: HostId, tenant: TenantId) -> None:
        """Look up what a host has missed whose link is up again."""
        self._start(f"missed flights {host}", self._find_missed(host, tenant))

    def _put(self, host: HostId, due: _Due) -> None:
        self._due[host][due.id] = due
        if host not in self._working:
            task = self._start(f"flights {host}", self._work(host))
            if task is not None:
                self._working[host] = task

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        try:
            return self._tasks.start(name, work)
        except RuntimeError:
            # The broker stops; what is not signed is found when the link is up again.
            return None

    async def _work(self, host: HostId) -> None:
        try:
            while due := self._due[host]:
                each = due.pop(next(iter(due)))
                try:
                    await self._countersign(host, each)
                except StoreUnavailable as error:
                    _log.warning("flight records not signed", host=host, why=str(error))
                    due.setdefault(each.id, each)
                    await asyncio.sleep(self._retry_s)
        finally:
            del self._working[host]
            self._due.pop(host, None)

    async def _find_missed(self, host: HostId, tenant: TenantId) -> None:
        if self._links.flight_key(host) is None:
            return
        try:
            for flight in await self._provider.flights(tenant, MOST_MISSED):
                signed = flight.signed
                if signed is not None and signed.agent_signature and signed.head == flight.end:
                    continue
                id = flight.end.connection_id
                lines = await self._provider.flight_lines(tenant, id)
                if lines and parse(lines[0]).facts.get("host") == host:
                    self._put(host, _Due(tenant, id, ended=False))
        except (StoreUnavailable, FlightProblem) as error:
            _log.warning("flight records not looked up", host=host, why=str(error))

    async def _countersign(self, host: HostId, due: _Due) -> None:
        """Have one chain signed by its host, or sign it alone if it has ended."""
        try:
            signed = await self._signed_by_host(host, due)
            signed = SignedHead(signed.head, signed.agent_signature, self._key.sign(signed.head.signed_bytes))
            await self._provider.sign_flight(due.tenant, signed)
            self._links.show_head(host, signed, self._key.public_bytes)
        except (LinkGone, FlightProblem) as error:
            tell = _log.debug if isinstance(error, LinkGone) else _log.error
            tell("flight record not signed by the host", host=host, connection_id=due.id, why=str(error))
            if due.ended:
                await self._sign_alone(due)

    async def _signed_by_host(self, host: HostId, due: _Due) -> SignedHead:
        """Return the head of the whole chain with the host's signature.

        Raises:
            LinkGone: the link is down, or its agent is too old.
            FlightProblem: the host refused, or its signature is not good.
        """
        key = self._links.flight_key(host)
        if key is None:
            raise LinkGone("the host's agent is away, or too old for flight records")
        lines = await self._provider.flight_lines(due.tenant, due.id)
        begin = await self._known(due)
        went_back = False
        while True:
            answer = await self._links.tell_flight(host, due.id, lines[begin:] or lines[-1:])
            if isinstance(answer, FlightRefusedReceived):
                if went_back or answer.count >= begin:
                    raise FlightProblem(f"the host refuses it: {answer.problem}")
                begin, went_back = answer.count, True
                continue
            signed = _checked(lines, answer, key)
            if answer.count >= len(lines):
                return signed
            if answer.count <= begin:
                raise FlightProblem(f"the host keeps {answer.count} entries and takes no more")
            begin = answer.count

    async def _known(self, due: _Due) -> int:
        """Return how many entries the host has signed for."""
        flight = await self._provider.flight(due.tenant, due.id)
        signed = flight.signed if flight else None
        return signed.head.count if signed is not None and signed.agent_signature else 0

    async def _sign_alone(self, due: _Due) -> None:
        flight = await self._provider.flight(due.tenant, due.id)
        if flight is not None:
            signature = self._key.sign(flight.end.signed_bytes)
            await self._provider.sign_flight(due.tenant, SignedHead(flight.end, platform_signature=signature))


def _checked(lines: Sequence[str], answer: FlightSignedReceived, key: bytes) -> SignedHead:
    """Return what the host has signed, if it is a head of this chain and the signature is good."""
    if not 1 <= answer.count <= len(lines):
        raise FlightProblem(f"the host signs {answer.count} entries, there are {len(lines)}")
    head: Head = head_after(parse(lines[answer.count - 1]))
    if answer.hash != head.hash or not verify(key, answer.signature, head.signed_bytes):
        raise FlightProblem(f"the host's signature under {answer.count} entries is not good")
    return SignedHead(head, answer.signature)
