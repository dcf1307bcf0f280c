import pytest

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId
from dialback.domain.secret import Secret
from dialback.edge.accept import Arrival
from dialback.gateway.rendezvous import REMEMBERED_TICKETS, HostLeg, Rendezvous
from dialback.identity.host_keys import HostKey
from dialback.transport.leg import Leg
from dialback.wire.agent.link import signed_ticket

HOST, OTHER, NODE = HostId("h1"), HostId("h2"), "ab" * 32
KEY = HostKey.generate()


class Aborted(Leg):
    """A leg that says whether it was let go."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


def signature(ticket: Secret, host: str = HOST) -> bytes:
    return KEY.sign(signed_ticket(ticket.reveal(), host, NODE))


async def test_ticket_brings_host_and_client_together() -> None:
    rendezvous = Rendezvous(NODE)
    with rendezvous.expect(HOST, KEY.public_bytes) as meeting:
        assert rendezvous.claim(meeting.ticket, HOST, signature(meeting.ticket)) is meeting
        host_leg = HostLeg(Leg(), Arrival(0, 0, 0))
        assert meeting.arrive(host_leg)
        assert not meeting.arrive(host_leg)
        assert await meeting.wait() is host_leg
        with pytest.raises(Refused) as caught:
            rendezvous.claim(meeting.ticket, HOST, signature(meeting.ticket))
        assert caught.value.reason is Reason.TICKET_USED


async def test_ticket_is_used_once_the_wait_is_over() -> None:
    rendezvous = Rendezvous(NODE)
    with rendezvous.expect(HOST, KEY.public_bytes) as meeting:
        pass
    assert not meeting.arrive(HostLeg(Leg(), Arrival(0, 0, 0)))
    with pytest.raises(Refused) as caught:
        rendezvous.claim(meeting.ticket, HOST, signature(meeting.ticket))
    assert caught.value.reason is Reason.TICKET_USED


async def test_other_host_does_not_spoil_the_ticket() -> None:
    rendezvous = Rendezvous(NODE)
    with rendezvous.expect(HOST, KEY.public_bytes) as meeting:
        for host, signed in ((OTHER, signature(meeting.ticket, OTHER)), (HOST, b""), (HOST, bytes(64))):
            with pytest.raises(Refused) as caught:
                rendezvous.claim(meeting.ticket, host, signed)
            assert caught.value.reason is Reason.TICKET_OTHER_HOST
        assert rendezvous.claim(meeting.ticket, HOST, signature(meeting.ticket)) is meeting


async def test_host_leg_is_let_go_whether_fetched_or_not() -> None:
    rendezvous = Rendezvous(NODE)
    for fetch in (False, True):
        leg = Aborted()
        with rendezvous.expect(HOST, KEY.public_bytes) as meeting:
            meeting.arrive(HostLeg(leg, Arrival(0, 0, 0)))
            if fetch:
                await meeting.wait()
        assert not leg.aborted
        meeting.let_go()
        assert leg.aborted
    with rendezvous.expect(HOST, KEY.public_bytes) as meeting:
        meeting.let_go()
    meeting.let_go()


async def test_memory_of_used_tickets_is_bounded() -> None:
    rendezvous = Rendezvous(NODE)
    with rendezvous.expect(HOST, KEY.public_bytes) as oldest:
        pass
    for _ in range(REMEMBERED_TICKETS):
        with rendezvous.expect(HOST, KEY.public_bytes):
            pass
    with pytest.raises(Refused) as caught:
        rendezvous.claim(oldest.ticket, HOST, b"")
    assert caught.value.reason is Reason.TICKET_UNKNOWN
