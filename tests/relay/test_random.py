"""A thousand relays with everything random but the seed; what arrives is what was sent, or a prefix of it.

Most run on uvloop with TLS on both legs. One relay object, and so one buffer, carries all of them, twenty at
a time. The one who ends has heard all it expects, so both ways are whole however the end is made.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import pytest

from dialback.relay.framings import plain
from dialback.relay.join import End, Relay
from dialback.relay.meter import Meter
from dialback.transport.leg import Leg
from tests.relay.clients import KINDS, Client, make_client
from tests.transport.loopback import Certificates, Peer, Wires, wired

SEED = 20261120
AT_ONCE = 20
RELAY_DEADLINE_S = 30
RELAYS = {"uvloop": 800, "asyncio": 200}


@dataclass(frozen=True)
class Plan:
    """One relay: who sends how much, who is slow, and how it ends."""

    seed: int
    kind: str
    tls: tuple[bool, bool]
    kernel_bytes: tuple[int, int]
    up: bytes
    down: bytes
    end: str

    def __str__(self) -> str:
        sizes = f"up {len(self.up)}, down {len(self.down)}, kernel {self.kernel_bytes}"
        return f"seed {self.seed}: {self.kind}, tls {self.tls}, {sizes}, end by {self.end}"


def make_plan(seed: int) -> Plan:
    """Draw a plan."""
    random = Random(seed)
    kind = random.choice(KINDS)
    tls = random.choices([(True, True), (True, False), (False, True), (False, False)], [8, 1, 1, 1])[0]
    end = random.choices(["client", "host", "client-reset", "host-reset"], [4, 4, 1, 1])[0]
    if random.random() < 0.1:  # only legs in the clear can end one way before the other
        kind, tls, end = "plain", (False, False), "halves"
    return Plan(
        seed,
        kind,
        tls,
        (random.choice([0, 0, 16384, 65536]), random.choice([0, 0, 16384, 65536])),
        random.randbytes(int(2 ** random.uniform(0, 18))),
        random.randbytes(int(2 ** random.uniform(0, 20))),
        end,
    )


class Run:
    """One relay in progress."""

    def __init__(self, plan: Plan, client: Client, host: Peer) -> None:
        self.plan = plan
        self.client = client
        self.host = host
        self.random = Random(plan.seed + 1)
        self.host_heard = bytearray()

    async def both_ends(self) -> None:
        """Play both peers to the end."""
        await getattr(self, "_" + self.plan.end.replace("-", "_"))()

    async def _send_up(self) -> None:
        for part in self._parts(self.plan.up):
            await self.client.say(part)
            await self._pause()

    async def _send_down(self) -> None:
        for part in self._parts(self.plan.down):
            await self.host.send(part)
            await self._pause()

    async def _hear_up(self, size: int) -> None:
        while len(self.host_heard) < size:
            data = await self.host.receive(self.random.randint(1, 65536))
            if not data:
                return
            self.host_heard += data
            await self._pause()

    async def _hear_down(self, size: int) -> None:
        while len(self.client.heard) < size and await self.client.hear():
            await self._pause()

    async def _client(self) -> None:
        async def client() -> None:
            await asyncio.gather(self._send_up(), self._hear_down(len(self.plan.down)))
            await self.client.say_end()

        await asyncio.gather(client(), self._send_down(), self._hear_up(1 << 30))

    async def _host(self) -> None:
        async def host() -> None:
            await asyncio.gather(self._send_down(), self._hear_up(len(self.plan.up)))
            await self.host.end()

        await asyncio.gather(host(), self._send_up(), self._hear_down(1 << 30))

    async def _halves(self) -> None:
        async def client() -> None:
            await self._send_up()
            await self.client.said.end()

        async def host() -> None:
            await self._send_down()
            await self.host.end()

        await asyncio.gather(client(), host(), self._hear_up(1 << 30), self._hear_down(1 << 30))

    async def _client_reset(self) -> None:
        await self._until_half(len(self.plan.up), self._send_up(), self._send_down())
        self.client.reset()
        with contextlib.suppress(OSError):
            await self._hear_up(1 << 30)

    async def _host_reset(self) -> None:
        await self._until_half(len(self.plan.up), self._send_up(), self._send_down())
        self.host.reset()
        with contextlib.suppress(OSError):
            await self._hear_down(1 << 30)

    async def _until_half(self, size: int, *sending: Coroutine[None, None, None]) -> None:
        tasks = [asyncio.get_running_loop().create_task(each) for each in sending]
        await self._hear_up(size // 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _parts(self, data: bytes) -> list[bytes]:
        most = self.random.choice([1500, 16384, 70000, 1 << 20])
        cuts = [0]
        while cuts[-1] < len(data):
            cuts.append(cuts[-1] + self.random.randint(max(1, most // 2), most))
        return [data[a:b] for a, b in pairwise(cuts)]

    async def _pause(self) -> None:
        if self.random.random() < 0.05:
            await asyncio.sleep(self.random.choice([0, 0.001, 0.01]))


def digest(data: bytes | bytearray) -> str:
    """Return what is compared."""
    return hashlib.sha256(data).hexdigest()


async def _see_off(run: Run) -> None:
    for peer in {run.host, run.client.hears, run.client.said}:
        if not peer.closed:
            peer.close()


async def relay_once(wires: Wires, relay: Relay, plan: Plan) -> None:
    """Run one relay as planned, and compare."""
    client = await make_client(wires, plan.kind, tls=plan.tls[0], kernel_bytes=plan.kernel_bytes[0])
    host, leg = await wires.pair(tls=plan.tls[1], kernel_bytes=plan.kernel_bytes[1])
    meter = Meter(asyncio.get_running_loop().time)
    right: Leg = leg
    joining = asyncio.get_running_loop().create_task(
        relay.join(client.end(), End(right, right, plain()), meter)
    )
    run = Run(plan, client, host)
    for peer in (host, client.said, client.hears):
        peer.deadline_s = RELAY_DEADLINE_S
    async with asyncio.timeout(RELAY_DEADLINE_S):
        await run.both_ends()
        await _see_off(run)
        await joining
    got_up, got_down = run.host_heard, client.heard
    if plan.end.endswith("reset"):
        assert digest(got_up) == digest(plan.up[: len(got_up)])
        assert digest(got_down) == digest(plan.down[: len(got_down)])
    else:
        assert (len(got_up), len(got_down)) == (len(plan.up), len(plan.down))
        assert digest(got_up) == digest(plan.up)
        assert digest(got_down) == digest(plan.down)
        assert (meter.to_right_bytes, meter.to_left_bytes) == (len(plan.up), len(plan.down))


@pytest.fixture
def _short_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialback.relay.join.FAREWELL_S", 0.02)


@pytest.mark.usefixtures("_short_farewell")
async def test_a_thousand_random_relays_lose_nothing(certificates: Certificates) -> None:
    loop = asyncio.get_running_loop()
    count = RELAYS["uvloop" if "uvloop" in type(loop).__module__ else "asyncio"]
    seeds = iter(range(SEED, SEED + count))
    relay = Relay()
    done: list[int] = []
    failed: list[str] = []

    async def work(wires: Wires) -> None:
        for seed in seeds:
            plan = make_plan(seed)
            try:
                await relay_once(wires, relay, plan)
                done.append(seed)
            except Exception as error:
                failed.append(f"{plan}: {error!r}"[:300])

    async with wired(certificates) as wires:
        await asyncio.gather(*(work(wires) for _ in range(AT_ONCE)))
    assert not failed, "\n".join(failed)
    assert sorted(done) == list(range(SEED, SEED + count))
