import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dialback.broker import canary
from dialback.broker.canary import Bird, Canaries, CanaryHosts, CanarySettings
from dialback.domain.canary import DialBack
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.ids import HostId

FAST = CanarySettings(interval_s=0.02, deadline_s=0.02)


def bird(number: int, proved_at: float = -1e9) -> Bird:
    return Bird(HostId(f"h{number}"), b"key", proved_at)


class Hosts(CanaryHosts):
    def __init__(self, *birds: Bird) -> None:
        self.flock = list(birds)
        self.told: list[tuple[str, str]] = []

    def birds(self) -> Sequence[Bird]:
        return list(self.flock)

    async def dialled_back(self, host_id: HostId, problem: str) -> None:
        self.told.append((host_id, problem))


class Way(DialBack):
    """The way back of every host; what a host does is set by its id."""

    def __init__(self) -> None:
        self.does: dict[str, Exception | None] = {}
        self.asked: list[str] = []
        self.under_way = 0
        self.most = 0

    async def prove(self, host_id: HostId, host_key: bytes) -> None:
        self.asked.append(host_id)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if host_id not in self.does:
                await asyncio.Event().wait()
            if error := self.does[host_id]:
                raise error
        finally:
            self.under_way -= 1


async def until(canaries: Canaries, met: Callable[[], bool]) -> None:
    """Run the loop until the condition is met."""
    task = asyncio.create_task(canaries.run())
    try:
        async with asyncio.timeout(10):
            while not met():
                await asyncio.sleep(0.001)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "TICK_S", 0.002)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ({"h1": None}, ""),
        ({}, "it did not dial back within 0.02 s"),
        ({"h1": Refused(Reason.HOST_LEG_LATE, "no route")}, "no route"),
        ({"h1": Refused(Reason.HOST_LEG_LATE)}, SENTENCES[Reason.HOST_LEG_LATE]),
    ],
)
async def test_what_came_of_a_canary_is_told_in_words(does: dict[str, Any], told: str) -> None:
    hosts, way = Hosts(bird(1)), Way()
    way.does = does
    await until(Canaries(hosts, way, FAST), lambda: len(hosts.told) >= 2)
    assert set(hosts.told) == {("h1", told)}


async def test_link_that_is_gone_says_nothing_about_the_way_back() -> None:
    hosts, way = Hosts(bird(1)), Way()
    way.does = {"h1": Refused(Reason.HOST_OFFLINE)}
    await until(Canaries(hosts, way, FAST), lambda: len(way.asked) >= 2)
    assert hosts.told == []


async def test_bug_with_one_host_does_not_stop_the_others() -> None:
    hosts, way = Hosts(bird(1), bird(2)), Way()
    way.does = {"h1": RuntimeError("a bug"), "h2": None}
    await until(Canaries(hosts, way, FAST), lambda: len(hosts.told) >= 2)
    assert set(hosts.told) == {("h2", "")}


async def test_host_has_one_canary_at_most_and_ends_leave_none() -> None:
    hosts, way = Hosts(bird(1)), Way()
    slow = CanarySettings(interval_s=0.005, deadline_s=0.1)
    await until(Canaries(hosts, way, slow), lambda: bool(hosts.told))
    assert way.most == 1
    assert way.under_way == 0


async def test_hosts_take_their_turn_at_a_steady_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "TICK_S", 0.1)
    hosts = Hosts(*(bird(number) for number in range(500)))
    canaries = Canaries(hosts, Way(), CanarySettings(interval_s=5, deadline_s=4))
    begun: dict[str, list[float]] = {}
    for tick in range(150):
        now = tick / 10
        due = canaries.due(now)
        assert len(due) <= 13
        for each in due:
            begun.setdefault(each.host_id, []).append(now)
            canaries._began_at[each.host_id] = now
    assert len(begun) == 500
    assert max(at[0] for at in begun.values()) <= 5
    gaps = [later - earlier for at in begun.values() for earlier, later in itertools.pairwise(at)]
    assert max(gaps) <= 5.2
    assert min(gaps) >= 4.99


async def test_host_that_has_just_dialled_back_is_left_alone() -> None:
    hosts = Hosts(bird(1, proved_at=100), bird(2, proved_at=94))
    canaries = Canaries(hosts, Way(), CanarySettings(interval_s=5))
    assert [each.host_id for each in canaries.due(101)] == ["h2"]


async def test_host_that_is_gone_is_forgotten() -> None:
    hosts = Hosts(bird(1))
    canaries = Canaries(hosts, Way(), CanarySettings(interval_s=5))
    canaries.due(0)
    canaries._began_at[HostId("h1")] = 0
    hosts.flock = []
    assert canaries.due(1) == []
    hosts.flock = [bird(1)]
    assert [each.host_id for each in canaries.due(2)] == ["h1"]


def test_host_is_found_out_within_ten_seconds_by_default() -> None:
    settings = CanarySettings()
    assert settings.interval_s + settings.deadline_s < 10 - 0.5
