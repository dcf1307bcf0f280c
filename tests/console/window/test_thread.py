"""The engine in its thread."""

import queue
import threading
from pathlib import Path

import pytest

from dialback.cli.api import Login
from dialback.cli.console import reached
from dialback.cli.context import loop_factory
from dialback.console.clients import find_client
from dialback.console.saved import Saved
from dialback.console.window.engine import Engine
from dialback.console.window.events import Event, Stopped, TreeRead
from dialback.console.window.thread import EngineThread, MakeLoop
from tests.console.window.platform_stub import TOKEN, PlatformStub


@pytest.mark.parametrize("make_loop", [None, loop_factory()])
def test_engine_tells_from_its_thread_and_says_when_it_has_stopped(
    platform_stub: PlatformStub, tmp_path: Path, make_loop: MakeLoop | None
) -> None:
    told: queue.Queue[tuple[Event, int]] = queue.Queue()
    login = Login(platform_stub.address, platform_stub.ca.read_text(), TOKEN)
    thread = EngineThread(
        lambda tell: Engine(lambda: reached(login), find_client, Saved(tmp_path), tell, refresh_s=600),
        lambda event: told.put((event, threading.get_ident())),
        make_loop,
    )
    thread.start()
    first, where = told.get(timeout=20)
    assert isinstance(first, TreeRead)
    assert where != threading.get_ident()
    thread.order(lambda engine: engine.refresh())
    assert isinstance(told.get(timeout=20)[0], TreeRead)

    thread.stop()

    assert thread.join(20)
    assert isinstance(told.get(timeout=1)[0], Stopped)
    thread.order(lambda engine: engine.refresh())
    thread.stop()
    assert told.empty()
