import asyncio

from dialback.transport.flag import Flag


async def test_flag_that_is_up_holds_nobody() -> None:
    await Flag(up=True).wait()


async def test_all_who_wait_go_on_when_it_goes_up() -> None:
    flag = Flag()
    waiting = [asyncio.create_task(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    flag.set()
    await asyncio.gather(*waiting)
    assert flag.is_set()


async def test_flag_that_went_down_holds_again() -> None:
    flag = Flag(up=True)
    flag.clear()
    waiting = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    assert (flag.is_set(), waiting.done()) == (False, False)
    flag.set()
    await waiting


async def test_wait_that_was_cancelled_is_forgotten() -> None:
    flag = Flag()
    given_up, waiting = asyncio.create_task(flag.wait()), asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    flag.set()
    await waiting
    assert given_up.cancelled()


async def test_flag_put_up_and_down_at_once_still_lets_go_on() -> None:
    flag = Flag()
    waiting = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    flag.set()
    flag.clear()
    await waiting
