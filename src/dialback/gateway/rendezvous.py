"""The place where a client leg and the host leg that belongs to it meet, inside one gateway node.

A meeting is made for a host that was already chosen; its reverse ticket is drawn here, is known to this
node alone, and is good for one host leg, of that host, until the meeting ends. Refusals tell a used ticket
from one that never was, as far back as a bounded memory reaches.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, TokenHash
from dialback.domain.secret import Secret
from dialback.edge.accept import Arrival
from dialback.identity.host_keys import verify
from dialback.identity.tokens import hash_token, make_token
from dialback.transport.leg import Leg
from dialback.wire.agent.link import signed_ticket

REMEMBERED_TICKETS = 4096


@dataclass(frozen=True, slots=True)
class HostLeg:
    """A host leg that brought a good ticket, and when it arrived."""

    leg: Leg
    arrival: Arrival


class Meeting:
    """One awaited host leg."""

    def __init__(self, host_id: HostId, host_key: bytes) -> None:
        self.host_id = host_id
        self.host_key = host_key
        self.ticket: Secret = make_token()
        self._arrived: asyncio.Future[HostLeg] = asyncio.get_running_loop().create_future()

    async def wait(self) -> HostLeg:
        """Wait for the host leg. Cancel-safe: what came is let go by `let_go`, fetched or not."""
        return await asyncio.shield(self._arrived)

    def arrive(self, host_leg: HostLeg) -> bool:
        """Hand the host leg over; False if nobody waits any more."""
        if self._arrived.done():
            return False
        self._arrived.set_result(host_leg)
        return True

    def end(self) -> None:
        """Wait no more."""
        self._arrived.cancel()

    def let_go(self) -> None:
        """Close the host leg, if one came and no relay has taken it over."""
        if self._arrived.done() and not self._arrived.cancelled():
            self._arrived.result().leg.abort()


class Rendezvous:
    """The meetings of one gateway node. `certificate_sha256` names this node to the hosts."""

    def __init__(self, certificate_sha256: str) -> None:
        self.certificate_sha256 = certificate_sha256
        self._meetings: dict[TokenHash, Meeting] = {}
        self._spent: OrderedDict[TokenHash, None] = OrderedDict()

    @contextmanager
    def expect(self, host_id: HostId, host_key: bytes) -> Iterator[Meeting]:
        """Expect one leg of the host while the context lasts."""
        meeting = Meeting(host_id, host_key)
        ticket_hash = hash_token(meeting.ticket)
        self._meetings[ticket_hash] = meeting
        try:
            yield meeting
        finally:
            self._spend(ticket_hash)
            meeting.end()

    def claim(self, ticket: Secret, host_id: HostId, signature: bytes) -> Meeting:
        """Use the ticket up and return its meeting.

        A leg that fails the host check does not use the ticket up, so that it cannot spoil the real one.

        Raises:
            Refused: `TICKET_UNKNOWN`, `TICKET_USED` or `TICKET_OTHER_HOST`.
        """
        ticket_hash = hash_token(ticket)
        meeting = self._meetings.get(ticket_hash)
        if meeting is None:
            raise Refused(Reason.TICKET_USED if ticket_hash in self._spent else Reason.TICKET_UNKNOWN)
        signed = signed_ticket(ticket.reveal(), host_id, self.certificate_sha256)
        if host_id != meeting.host_id or not verify(meeting.host_key, signature, signed):
            raise Refused(Reason.TICKET_OTHER_HOST, f"expected host {meeting.host_id}")
        self._spend(ticket_hash)
        return meeting

    def _spend(self, ticket_hash: TokenHash) -> None:
        self._meetings.pop(ticket_hash, None)
        self._spent[ticket_hash] = None
        if len(self._spent) > REMEMBERED_TICKETS:
            self._spent.popitem(last=False)
