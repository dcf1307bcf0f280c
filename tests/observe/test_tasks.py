import asyncio

import pytest
import structlog

from dialback.observe.tasks import Tasks, first_of, set_within


async def forever() -> str:
    await asyncio.Event().wait()
    return "never"


async def value(text: str) -> str:
    return text


async def failing() -> str:
    raise KeyError("a bug")


async def test_close_cancels_and_waits_and_may_be_repeated() -> None:
    tasks = Tasks()
    task = tasks.start("one", forever())
    assert (len(tasks), task.get_name()) == (1, "one")
    await tasks.close()
    assert task.cancelled()
    assert len(tasks) == 0
    await tasks.close()


async def test_task_that_holds_on_is_cancelled_again() -> None:
    tasks = Tasks()
    ended = asyncio.Event()

    async def stubborn() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.set()
            raise

    tasks.start("stubborn", stubborn())
    await asyncio.sleep(0)
    await tasks.close()
    assert ended.is_set()


async def test_nothing_starts_after_close() -> None:
    tasks = Tasks()
    await tasks.close()
    with pytest.raises(RuntimeError, match="no task is started after close: late"):
        tasks.start("late", forever())


async def test_failure_is_logged_with_the_name_of_the_task() -> None:
    tasks = Tasks()
    with structlog.testing.capture_logs() as logs:
        task = tasks.start("broken", failing())
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [(line["event"], line["task"]) for line in logs] == [("task failed", "broken")]
    assert len(tasks) == 0


async def test_first_to_end_counts_and_the_others_are_cancelled() -> None:
    assert await first_of("x", forever(), value("won")) == "won"
    assert await first_of("x", value("earlier"), value("later")) == "earlier"
    with pytest.raises(KeyError):
        await first_of("x", forever(), failing())
    left = [task for task in asyncio.all_tasks() if task.get_name() == "x"]
    assert left == []


async def test_cancelling_the_wait_cancels_all() -> None:
    waiting = asyncio.get_running_loop().create_task(first_of("y", forever(), forever()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [task for task in asyncio.all_tasks() if task.get_name() == "y"] == []


async def test_wait_for_an_event_ends_when_it_is_set_or_its_time_is_over() -> None:
    event = asyncio.Event()
    await set_within(event, 0.001)
    assert not event.is_set()

    waiting = asyncio.get_running_loop().create_task(set_within(event, 3600))
    event.set()
    await waiting


async def test_wait_for_an_event_is_cancelled_as_any_other() -> None:
    waiting = asyncio.get_running_loop().create_task(set_within(asyncio.Event(), 3600))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
