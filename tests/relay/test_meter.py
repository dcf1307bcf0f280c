import asyncio

from dialback.relay.meter import Meter


async def test_bytes_are_counted_each_way() -> None:
    meter = Meter(lambda: 7.0)
    meter.count_to_right(5)
    meter.count_to_left(3)
    meter.count_to_left(4)
    assert (meter.to_left_bytes, meter.to_right_bytes) == (7, 5)


async def test_first_byte_is_the_first_from_the_right() -> None:
    now = [1.0]
    meter = Meter(lambda: now[0])
    meter.count_to_right(1)
    waiting = asyncio.get_running_loop().create_task(meter.first_byte())
    await asyncio.sleep(0)
    waiting.cancel()
    now[0] = 2.0
    meter.count_to_left(1)
    now[0] = 3.0
    meter.count_to_left(1)
    assert await meter.first_byte() == 2.0
