"""The engine in a thread of its own, with its own event loop, beside the one in which Qt runs.

Orders are handed over and run in the engine's loop; events come back by `tell`, which is called in the
engine's thread. Closing waits for nobody: `Stopped` is told when everything the engine started has ended.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from dialback.console.window.engine import Engine
from dialback.console.window.events import Event, Stopped
from dialback.observe.tasks import Tasks

MakeEngine = Callable[[Callable[[Event], None]], Engine]
"""Makes the engine, in its event loop, of a function that takes its events."""
LEFT_S = 3.0
MakeLoop = Callable[[], asyncio.AbstractEventLoop]


class EngineThread:
    """Runs an engine from `start` until some time after `stop`."""

    def __init__(
        self, make: MakeEngine, tell: Callable[[Event], None], make_loop: MakeLoop | None = None
    ) -> None:
        self._make = make
        self._tell = tell
        self._make_loop = make_loop or asyncio.new_event_loop
        self._thread = threading.Thread(target=self._run, name="console engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        """Start the thread; return when it takes orders."""
        self._thread.start()
        self._ready.wait()

    def order(self, order: Callable[[Engine], None]) -> None:
        """Have the order run in the engine's loop; one that comes after the end is dropped."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(order, self._engine)

    def stop(self) -> None:
        """Begin to end; `Stopped` follows."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._end.set)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; say whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._make_loop) as runner:
                runner.run(self._serve())
        finally:
            self._ready.set()
            self._tell(Stopped())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        self._engine = self._make(self._tell)
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        tasks = Tasks()
        running = tasks.start("engine", self._engine.run())
        await self._end.wait()
        running.cancel()
        await asyncio.wait([running])
        # Legs of relays that have just ended are let go of in the background.
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(left, timeout=LEFT_S)
