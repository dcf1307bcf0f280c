"""The agent's side of the exchange: what it answers, and what it keeps."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.agent import flight_link
from dialback.agent.flight_link import FlightLink
from dialback.agent.flights import Flights
from dialback.domain.flight import build, head_of
from dialback.identity.flights import judge, read_copy
from dialback.wire.agent.link import (
    AgentLink,
    FlightHeadReceived,
    FlightReceived,
    FlightRefusedReceived,
    FlightSignedReceived,
    ServerLink,
)
from tests.identity.test_flights import HOST, PLATFORM, chain

LINES = [build(entry) for entry in chain()]
PIN = "ab" * 32


class Exchange:
    """Both sides of a link that is open: the server's machine, and the agent's work on flight records."""

    def __init__(self, flights: Flights | None) -> None:
        self.server = ServerLink(bytes(32), PIN, 20)
        self.agent = AgentLink("h1", HOST.sign, PIN, agent_version="1", host_name="desk", system="test")
        self.server.receive(self.agent.receive(self.server.start()).reply)  # type: ignore[union-attr]
        self.agent.receive(self.server.welcome(datetime.now(UTC)))
        self.said: asyncio.Queue[str] = asyncio.Queue()
        self.work = FlightLink(flights, self.agent, self.said.put_nowait)

    def tell(self, lines: list[str], id: str = "c1") -> None:
        event = self.agent.receive(self.server.flight(id, lines))
        assert isinstance(event, FlightReceived)
        self.work.put(event)

    def show(self, head: FlightSignedReceived) -> None:
        signature = PLATFORM.sign(head_of(chain(head.count)).signed_bytes)
        text = self.server.flight_head(
            head.connection_id,
            head.count,
            head.hash,
            agent_signature=head.signature,
            platform_signature=signature,
            platform_key=PLATFORM.public_bytes,
        )
        event = self.agent.receive(text)
        assert isinstance(event, FlightHeadReceived)
        self.work.put(event)

    async def hear(self) -> object:
        async with asyncio.timeout(10):
            return self.server.receive(await self.said.get())


@contextlib.asynccontextmanager
async def working(flights: Flights | None) -> AsyncIterator[Exchange]:
    exchange = Exchange(flights)
    work = asyncio.create_task(exchange.work.run())
    yield exchange
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def test_entries_are_signed_and_sealed(tmp_path: Path) -> None:
    flights = Flights(tmp_path, HOST)
    async with working(flights) as exchange:
        exchange.tell(LINES[:3])
        first = await exchange.hear()
        exchange.tell(LINES[3:])
        second = await exchange.hear()
        assert isinstance(first, FlightSignedReceived)
        assert isinstance(second, FlightSignedReceived)
        assert (first.count, second.count, second.hash) == (3, 5, chain()[-1].hash)
        exchange.show(second)
        exchange.tell(LINES[4:])
        assert isinstance(await exchange.hear(), FlightSignedReceived)
    assert judge(read_copy(flights.text("c1")), HOST.public_bytes, PLATFORM.public_bytes).proven


async def test_entries_that_do_not_follow_are_refused_with_what_is_kept(tmp_path: Path) -> None:
    async with working(Flights(tmp_path, HOST)) as exchange:
        exchange.tell(LINES[:2])
        await exchange.hear()
        exchange.tell(LINES[3:])
        refused = await exchange.hear()
        assert isinstance(refused, FlightRefusedReceived)
        assert (refused.count, refused.problem) == (2, "entry 3 does not follow the 2 that are kept")


async def test_host_that_keeps_nothing_says_so() -> None:
    async with working(None) as exchange:
        exchange.tell(LINES)
        refused = await exchange.hear()
        assert isinstance(refused, FlightRefusedReceived)
        assert "keeps no flight records" in refused.problem


async def test_more_than_can_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight_link, "MOST_WAITING", 1)
    exchange = Exchange(None)
    exchange.tell(LINES)
    exchange.tell(LINES)
    refused = await exchange.hear()
    assert isinstance(refused, FlightRefusedReceived)
    assert "wait already" in refused.problem


async def test_link_that_has_ended_meanwhile_gets_no_answer(tmp_path: Path) -> None:
    flights = Flights(tmp_path, HOST)
    async with working(flights) as exchange:
        exchange.tell(LINES)
        exchange.agent.receive(json.dumps({"type": "goodbye", "reason": "bye"}))
        async with asyncio.timeout(10):
            while not flights.text("c1"):
                await asyncio.sleep(0.01)
    assert exchange.said.empty()
