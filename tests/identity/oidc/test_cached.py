"""What a provider publishes is kept for an hour, a failure for seconds, and fetched by one at a time."""

import asyncio
from datetime import timedelta

import pytest

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.cached import FAILURE_LIFE, LIFE, Cached
from tests.identity.oidc.issuer import Clock

BLINK = timedelta(seconds=1)


class Source:
    """Counts how often it is asked, and fails while it is down."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False

    async def load(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise Refused(Reason.OIDC_PROVIDER_UNAVAILABLE, "down")
        return self.asked


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cached(source: Source, clock: Clock) -> Cached[int]:
    return Cached(source.load, clock)


async def test_value_is_kept_for_an_hour(cached: Cached[int], clock: Clock) -> None:
    assert await cached.get() == 1
    clock.advance(LIFE - BLINK)
    assert await cached.get() == 1
    clock.advance(BLINK)
    assert await cached.get() == 2


async def test_many_who_ask_at_once_cause_one_question(cached: Cached[int], source: Source) -> None:
    assert await asyncio.gather(*(cached.get() for _ in range(5))) == [1] * 5
    assert source.asked == 1


async def test_failure_is_told_to_all_who_wait_and_forgotten_soon(
    cached: Cached[int], source: Source, clock: Clock
) -> None:
    source.down = True
    outcomes = await asyncio.gather(*(cached.get() for _ in range(5)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["oidc-provider-unavailable: down"] * 5
    assert source.asked == 1
    source.down = False
    clock.advance(FAILURE_LIFE)
    assert await cached.get() == 2


async def test_forgotten_value_is_asked_for_anew(cached: Cached[int]) -> None:
    await cached.get()
    cached.forget()
    assert await cached.get() == 2


async def test_who_gives_up_leaves_the_question_to_the_next(cached: Cached[int]) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(cached.get())
        await asyncio.sleep(0)
        waiting.cancel()
    assert await cached.get() == 2
