"""Who waits for an agent's answers about flight records."""

import asyncio

import pytest

from dialback.broker.countersign import LinkGone
from dialback.broker.flight_links import FlightWaiters
from dialback.domain.ids import ConnectionId
from dialback.wire.agent.link import FlightRefusedReceived

ID = ConnectionId("c1")
ANSWER = FlightRefusedReceived(ID, 0, "no")


async def test_answer_goes_to_who_waits_for_it_and_no_other() -> None:
    waiters = FlightWaiters()
    assert await waiters.ask(ID, lambda: waiters.answer(ANSWER)) is ANSWER
    waiters.answer(ANSWER)
    waiters.fail_all()


async def test_second_answer_is_dropped() -> None:
    waiters = FlightWaiters()

    def twice() -> None:
        waiters.answer(ANSWER)
        waiters.answer(FlightRefusedReceived(ID, 1, "again"))
        waiters.fail_all()

    assert await waiters.ask(ID, twice) is ANSWER


async def test_who_waits_is_told_when_the_link_ends_or_nothing_comes() -> None:
    waiters = FlightWaiters()
    with pytest.raises(LinkGone, match="the agent link was lost"):
        await waiters.ask(ID, lambda: asyncio.get_running_loop().call_soon(waiters.fail_all) and None)
    with pytest.raises(LinkGone, match="did not answer within"):
        await waiters.ask(ID, lambda: None, deadline_s=0.01)
