import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

import pytest

from dialback.relay.framings import PAYLOAD_BYTES, plain
from dialback.relay.join import End, Relay
from dialback.relay.meter import Meter
from dialback.relay.pacing import Pacer
from tests.relay.clients import KINDS, Client, make_client
from tests.transport.loopback import DEADLINE_S, Certificates, Peer, Wires, wired

RATE = 1_000_000
MUCH = 3 * RATE


@pytest.fixture
async def wires(certificates: Certificates) -> AsyncIterator[Wires]:
    async with wired(certificates) as made:
        yield made


class Time:
    """Stands still until it is told to pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Office:
    """Relays of one pacer, whose time stands still; each is with a client that reads what comes."""

    def __init__(self, wires: Wires) -> None:
        self.wires = wires
        self.time = Time()
        self.held_s: defaultdict[str, float] = defaultdict(float)
        self.limit_node(None)
        self.relay = Relay()
        self.meters: dict[str, Meter] = {}
        self.tasks: list[asyncio.Task[object]] = []

    def limit_node(self, most_bytes_s: int | None) -> None:
        """Begin anew, with this limit over all."""
        self.pacer = Pacer(most_bytes_s, self.time, self._note)

    def _note(self, tenant: str, seconds: float) -> None:
        self.held_s[tenant] += seconds

    async def open(
        self, user: str, limit: int | None, tenant: str = "acme", kind: str = "plain", tls: bool = True
    ) -> tuple[Client, Peer]:
        """Join a client with a host, whose peer is returned too."""
        client = await make_client(self.wires, kind, tls=tls)
        host, leg = await self.wires.pair(tls=tls)
        meter = self.meters[user] = Meter(asyncio.get_running_loop().time)

        async def joined() -> None:
            with self.pacer.account(tenant, user, limit) as account:
                await self.relay.join(client.end(), End(leg, leg, plain()), meter, account)

        self.start(joined())
        return client, host

    def start(self, work: object) -> None:
        """Run something beside."""
        self.tasks.append(asyncio.get_running_loop().create_task(work))  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Wait until nothing is moved any more."""
        seen, still = -1, 0
        async with asyncio.timeout(DEADLINE_S):
            while still < 5:
                await asyncio.sleep(0.02)
                moved = self.moved
                still, seen = (still + 1, seen) if moved == seen else (0, moved)

    @property
    def moved(self) -> int:
        """How many bytes have been moved to clients and hosts."""
        return sum(each.to_left_bytes + each.to_right_bytes for each in self.meters.values())

    async def close(self) -> None:
        """End every relay."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def office(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    # Peers that are still busy answer no farewell.
    monkeypatch.setattr("dialback.relay.join.FAREWELL_S", 0.05)
    monkeypatch.setattr("dialback.relay.join.LINGER_S", 0.05)
    made = Office(wires)
    yield made
    await made.close()


async def reading(client: Client) -> None:
    while await client.hear():
        pass


def busy(office: Office, client: Client, host: Peer, size: int = MUCH) -> None:
    office.start(host.send(bytes(size)))
    office.start(reading(client))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [True, False])
async def test_a_limited_relay_moves_what_time_allows(office: Office, kind: str, tls: bool) -> None:
    client, host = await office.open("ada", RATE, kind=kind, tls=tls)
    busy(office, client, host)
    await office.settle()
    # The saved up quarter of a second, a lot of two hundredths, and the chunk that went over.
    burst = RATE // 4 + RATE // 50 + PAYLOAD_BYTES
    assert 0 < office.moved <= burst

    office.time.now += 1
    await office.settle()
    assert burst < office.moved + PAYLOAD_BYTES
    assert office.moved <= burst + RATE


async def test_both_directions_count(office: Office) -> None:
    client, host = await office.open("ada", RATE)
    busy(office, client, host)
    office.start(client.say(bytes(MUCH)))
    office.start(host.receive_all())
    await office.settle()
    assert office.moved <= RATE // 4 + 2 * (RATE // 50 + PAYLOAD_BYTES)


async def test_without_a_limit_nothing_is_held(office: Office) -> None:
    client, host = await office.open("ada", None)
    busy(office, client, host)
    async with asyncio.timeout(DEADLINE_S):
        while office.moved < MUCH:
            await asyncio.sleep(0.01)
    assert not office.held_s


async def test_a_limit_that_comes_and_goes_holds_for_open_relays(office: Office) -> None:
    client, host = await office.open("ada", None)
    await office.settle()
    office.pacer.limit("acme", RATE)
    busy(office, client, host)
    await office.settle()
    assert 0 < office.moved < RATE
    office.time.now += 0.1
    office.pacer.limit("acme", None)
    async with asyncio.timeout(DEADLINE_S):
        while office.moved < MUCH:
            await asyncio.sleep(0.01)
    assert office.held_s == {"acme": pytest.approx(0.1)}


async def test_a_busy_user_leaves_another_of_the_tenant_their_share(office: Office) -> None:
    for _ in range(3):
        busy(office, *await office.open("bulk", RATE))
    await office.settle()
    client, host = await office.open("ada", RATE)
    busy(office, client, host)
    for _ in range(40):
        office.time.now += 0.05
        office.pacer.tick()
        await asyncio.sleep(0.02)
    await office.settle()
    # Two seconds of a million bytes, half of it hers.
    assert office.meters["ada"].to_left_bytes > 0.7 * RATE


async def test_other_tenants_are_not_held(office: Office) -> None:
    busy(office, *await office.open("ada", RATE))
    await office.settle()
    client, host = await office.open("bob", None, tenant="birch")
    busy(office, client, host)
    async with asyncio.timeout(DEADLINE_S):
        while office.meters["bob"].to_left_bytes < MUCH:
            await asyncio.sleep(0.01)


async def test_the_limit_of_the_node_holds_for_everybody(office: Office) -> None:
    office.limit_node(RATE)
    for user in ("ada", "bob"):
        busy(office, *await office.open(user, None, tenant=user))
    await office.settle()
    assert office.moved <= RATE // 4 + 2 * (RATE // 50 + PAYLOAD_BYTES)


async def test_a_relay_that_ends_while_held_is_over(office: Office) -> None:
    client, host = await office.open("ada", RATE)
    office.start(host.send(bytes(MUCH)))
    await office.settle()
    client.reset()
    relay = office.tasks[0]
    office.time.now += 60
    async with asyncio.timeout(DEADLINE_S):
        await relay
    assert not office.pacer.busy


async def test_a_host_s_last_bytes_come_though_they_are_held(office: Office) -> None:
    client, host = await office.open("ada", RATE)
    office.start(host.send(bytes(RATE)))
    await office.settle()
    assert office.moved < RATE
    office.start(host.end())
    office.start(reading(client))
    for _ in range(60):
        office.time.now += 0.05
        await asyncio.sleep(0.02)
    assert len(client.heard) == RATE
