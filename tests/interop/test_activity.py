"""Half a minute of a desktop that does not stand still."""

import time

import pytest

from lab.process import wait_for
from tests.interop.records import assert_whole_life
from tests.interop.stage import Login, Published, Stage, desktop_through, sent_bytes

pytestmark = pytest.mark.interop

LASTS_S = 30
LOOK_EVERY_S = 3.0
SCROLLING = f"rm -f done.txt; timeout {LASTS_S} sh -c 'while seq 3000; do sleep .3; done'; echo > done.txt"


def test_thirty_seconds_of_activity_are_carried_and_keys_arrive_after_them(
    stage: Stage, blue: Published, anna: Login
) -> None:
    watch = stage.watch()
    done = anna.home / "done.txt"
    with desktop_through(stage, blue, anna) as desktop:
        desktop.display.type_in_terminal(f"xclock -update 1 -geometry 200x200+20+300 & {SCROLLING}")
        assert wait_for(lambda: not done.exists())
        began_at, sent, pictures = time.monotonic(), [sent_bytes(stage.platform.address)], 0
        before = desktop.display.picture()
        while not wait_for(done.exists, LOOK_EVERY_S):
            sent.append(sent_bytes(stage.platform.address))
            now = desktop.display.picture()
            pictures += now.pixels != before.pixels
            before = now
        assert time.monotonic() - began_at > LASTS_S - 2 * LOOK_EVERY_S
        assert sent == sorted(set(sent)), "each look saw more bytes than the one before"
        assert pictures == len(sent) - 1, "each look saw another picture"
        desktop.types(anna.home)
    record = watch.ended()
    assert_whole_life(record, "tsgu-websocket", anna.user, "blue")
    assert record["totals"]["to_client_bytes"] > sent[-1] - sent[0]
