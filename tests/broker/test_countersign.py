"""Countersigning against a host that signs, is slow, refuses, lies, or has lost what it kept."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.agent.flights import Flights as HostFlights
from dialback.agent.flights import Taken
from dialback.broker.countersign import Countersigner, FlightAnswer, LinkGone
from dialback.broker.flights import Chain
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.flight import (
    FlightEntry,
    FlightEvent,
    SignedHead,
    build,
    extend,
    head_of,
)
from dialback.domain.ids import ConnectionId, HostId, TenantId
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import judge, read_copy
from dialback.identity.host_keys import HostKey
from dialback.observe.tasks import Tasks
from dialback.store.memory import MemoryStore
from dialback.store.memory_provider import MemoryProvider
from dialback.wire.agent.link import FlightRefusedReceived, FlightSignedReceived
from tests.broker.stores import AWAY

ID, HOST = ConnectionId("c1"), HostId("h1")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PLATFORM, KEY = HostKey.generate(), HostKey.generate()


def chain(count: int, id: ConnectionId = ID, host: HostId = HOST) -> list[FlightEntry]:
    made = [extend([], id, NOON, FlightEvent.ASKED, host=host)]
    for number in range(1, count):
        made.append(extend(made, id, NOON, FlightEvent.BYTES, to_host_bytes=number))
    return made


class Hosts:
    """The link to one host, whose agent keeps its copies in a folder; takes `most` entries at once."""

    def __init__(self, folder: Path) -> None:
        self.copies = HostFlights(folder, KEY)
        self.up = True
        self.silent = False
        self.lies = False
        self.most = 100
        self.asked = 0

    def flight_key(self, host: HostId) -> bytes | None:
        return KEY.public_bytes if self.up and host == HOST else None

    async def tell_flight(self, host: HostId, id: ConnectionId, lines: Sequence[str]) -> FlightAnswer:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.up or self.silent:
            raise LinkGone("no answer")
        answer = self.copies.take(id, lines[: self.most])
        if not isinstance(answer, Taken):
            return FlightRefusedReceived(id, answer.count, answer.problem)
        signature = bytes(64) if self.lies else answer.signature
        return FlightSignedReceived(id, answer.head.count, answer.head.hash, signature)

    def show_head(self, host: HostId, signed: SignedHead, platform_key: bytes) -> None:
        assert self.copies.seal(signed, platform_key) == ""


class Provider(MemoryProvider):
    """A store that is away for as many writes as it is told."""

    away = 0

    async def sign_flight(self, tenant: TenantId, signed: SignedHead) -> None:
        if self.away:
            self.away -= 1
            raise AWAY
        await super().sign_flight(tenant, signed)


class Platform:
    """The platform's store and its countersigner."""

    def __init__(self, folder: Path) -> None:
        self.provider = Provider(MemoryStore().directory)
        self.hosts = Hosts(folder)
        self.tasks = Tasks()
        self.signer = Countersigner(self.provider, self.hosts, PLATFORM, self.tasks, retry_s=0.01)

    async def save(self, count: int, ended: bool = False) -> None:
        await self.provider.append_flight(MAIN, [build(entry) for entry in chain(count)])
        self.signer.saved(Chain(MAIN, ID, HOST, "", 0.0, head=head_of(chain(count)), ended=ended))
        await self.settled()

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while len(self.tasks):
                await asyncio.sleep(0.005)

    async def signed(self) -> SignedHead | None:
        flight = await self.provider.flight(MAIN, ID)
        assert flight is not None
        return flight.signed


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    platform = Platform(tmp_path)
    yield platform
    await platform.tasks.close()


async def test_head_is_signed_by_both_and_both_copies_have_it(platform: Platform) -> None:
    await platform.save(2)
    await platform.save(5)
    signed = await platform.signed()
    assert signed is not None
    assert signed.head == head_of(chain(5))
    assert signed.agent_signature == KEY.sign(signed.head.signed_bytes)
    assert signed.platform_signature == PLATFORM.sign(signed.head.signed_bytes)
    copy = read_copy(platform.hosts.copies.text(ID))
    assert [seal.signed.head.count for seal in copy.seals] == [2, 5]
    verdict = judge(copy, KEY.public_bytes, PLATFORM.public_bytes)
    assert (verdict.by_agent, verdict.by_platform) == (5, 5)


async def test_many_entries_go_in_several_messages(platform: Platform) -> None:
    platform.hosts.most = 3
    await platform.save(10)
    signed = await platform.signed()
    assert signed is not None
    assert (signed.head.count, platform.hosts.asked) == (10, 4)


async def test_host_that_has_lost_its_copy_gets_all_of_it_again(platform: Platform, tmp_path: Path) -> None:
    await platform.save(3)
    (tmp_path / "flights" / "c1.jsonl").unlink()
    await platform.save(6)
    assert len(read_copy(platform.hosts.copies.text(ID)).lines) == 6


@pytest.mark.parametrize(("ended", "alone"), [(False, False), (True, True)])
async def test_platform_signs_alone_what_has_ended_while_the_host_is_away(
    platform: Platform, ended: bool, alone: bool
) -> None:
    platform.hosts.up = False
    await platform.save(3, ended)
    signed = await platform.signed()
    assert (signed is not None) == alone
    if signed is not None:
        assert (signed.agent_signature, len(signed.platform_signature)) == (b"", 64)


async def test_what_a_host_has_missed_is_signed_when_its_link_is_back(platform: Platform) -> None:
    platform.hosts.up = False
    await platform.save(3, ended=True)
    others = chain(2, ConnectionId("c2"), HostId("h2"))
    await platform.provider.append_flight(MAIN, [build(entry) for entry in others])
    platform.hosts.up = True
    platform.signer.linked(HOST, MAIN)
    await platform.settled()
    signed = await platform.signed()
    assert signed is not None
    assert signed.agent_signature
    assert platform.hosts.asked == 1
    platform.signer.linked(HOST, MAIN)
    await platform.settled()
    assert platform.hosts.asked == 1


async def test_host_that_cannot_sign_is_not_asked_what_it_has_missed(platform: Platform) -> None:
    platform.hosts.up = False
    platform.signer.linked(HOST, MAIN)
    await platform.settled()
    assert platform.hosts.asked == 0


async def test_signature_that_is_not_good_is_not_kept(platform: Platform) -> None:
    platform.hosts.lies = True
    await platform.save(3, ended=True)
    signed = await platform.signed()
    assert signed is not None
    assert signed.agent_signature == b""


async def test_host_that_keeps_something_else_does_not_sign(platform: Platform, tmp_path: Path) -> None:
    await platform.save(2)
    path = tmp_path / "flights" / "c1.jsonl"
    path.write_text(path.read_text().replace('"host":"h1"', '"host":"h9"', 1))
    await platform.save(4, ended=True)
    signed = await platform.signed()
    assert signed is not None
    assert (signed.head.count, signed.agent_signature) == (4, b"")


async def test_silent_host_is_given_up_and_holds_up_nobody(platform: Platform) -> None:
    platform.hosts.silent = True
    await platform.save(3)
    assert await platform.signed() is None
    platform.hosts.silent = False
    await platform.save(4)
    assert await platform.signed() is not None


async def test_signing_waits_for_a_store_that_is_away(platform: Platform) -> None:
    platform.provider.away = 3
    await platform.save(3)
    assert await platform.signed() is not None


async def test_store_that_is_away_when_a_link_is_up_is_no_failure(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(platform.provider, "flights", away)
    platform.signer.linked(HOST, MAIN)
    await platform.settled()


async def test_broker_that_stops_begins_nothing_more(platform: Platform) -> None:
    await platform.tasks.close()
    await platform.save(2)
    platform.signer.linked(HOST, MAIN)
    assert await platform.signed() is None


async def test_host_that_takes_nothing_more_is_given_up(platform: Platform) -> None:
    await platform.save(2)
    platform.hosts.most = 0
    await platform.save(4, ended=True)
    signed = await platform.signed()
    assert signed is not None
    assert signed.agent_signature == b""
