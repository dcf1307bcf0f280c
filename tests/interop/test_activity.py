"""Half a minute of a desktop that does not stand still."""

import time

import pytest

from lab.process import wait_for
from tests.interop.records import assert_whole_life
from tests.interop.stage import Login, Published, Stage, desktop_through, sent_bytes

pytestmark = pytest.mark.interop

LASTS_S = 30
LOOK_EVERY_S = 3.0
SCROLLING = f"echo > begun.txt; timeout {LASTS_S} sh -c 'while seq 3000; do sleep .3; done'; echo > done.txt"


def test_thirty_seconds_of_activity_are_carried_and_keys_arrive_after_them(
    stage: Stage, blue: Published, anna: Login
) -> None:
    address, watch = stage.platform.address, stage.watch()
    begun, done = anna.home / "begun.txt", anna.home / "done.txt"
    for file in (begun, done):
        file.unlink(missing_ok=True)
    with desktop_through(stage, blue, anna) as desktop:
        desktop.display.type_in_terminal(f"xclock -update 1 -geometry 200x200+20+300 & {SCROLLING}")
        assert wait_for(begun.exists)
        began_at, first = time.monotonic(), sent_bytes(address)
        sent, pixels = first, desktop.display.picture().pixels
        while not wait_for(done.exists, LOOK_EVERY_S):
            assert wait_for(lambda sent=sent: sent_bytes(address) > sent), "more bytes than before"
            assert wait_for(lambda pixels=pixels: desktop.display.picture().pixels != pixels, poll_s=0.5)
            sent, pixels = sent_bytes(address), desktop.display.picture().pixels
        assert time.monotonic() - began_at > LASTS_S - 2 * LOOK_EVERY_S
        desktop.types(anna.home)
    record = watch.ended()
    assert_whole_life(record, "tsgu-websocket", anna.user, "blue")
    assert record["totals"]["to_client_bytes"] > sent - first > 0
