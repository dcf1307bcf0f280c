"""The peer that places: the broker over a database, as the server runs it, with links that are said to stand.

Answers each line, which names how many placements are made and how many at once, with how long each took in
milliseconds and the CPU seconds of this process for all.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import uvloop

from bench.estate import Seat, seats
from dialback.broker.inflight import InFlight
from dialback.broker.links import Links
from dialback.broker.orchestrate import NeverWoken, StoreBroker
from dialback.broker.records import Records
from dialback.broker.visits import ConsentHosts, Visits
from dialback.domain.contracts import Admission, Attempt
from dialback.domain.ids import ConnectionId, HostId, TokenHash
from dialback.domain.pools import USUAL_REDIRECTIONS
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN
from dialback.gateway.live import Live
from dialback.store.open import open_store


class StandingLinks:
    """Agent links to every host there is."""

    def __init__(self) -> None:
        self.in_flight = InFlight()

    def up(self, host_id: HostId) -> bool:
        return True


class NoRecords:
    """Keeps no record: what is measured is the decision."""

    def keep(self, record: ConnectionRecord) -> None:
        pass


async def main() -> None:
    """Place as each line says until standard input ends."""
    config = json.loads(sys.stdin.buffer.readline())
    store = await open_store(config["url"])
    links = StandingLinks()
    visits = Visits(
        store, store.provider, cast(ConsentHosts, links), Live(), lambda address: None, NeverWoken()
    )
    broker = StoreBroker(store, cast(Links, links), cast(Records, NoRecords()), visits=visits)
    print(json.dumps("ready"), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        asked = json.loads(line)
        print(json.dumps(await _place(broker, seats(asked["count"]), asked["at_once"])), flush=True)
    await store.close()


async def _place(broker: StoreBroker, wanted: Sequence[Seat], at_once: int) -> dict[str, Any]:
    limit, spent_ms = asyncio.Semaphore(at_once), []
    now = datetime.now(UTC)

    async def one(number: int, seat: Seat) -> None:
        admission = Admission(
            MAIN, seat.user, seat.name, seat.resource, TokenHash("0" * 64), USUAL_REDIRECTIONS
        )
        attempt = Attempt(ConnectionId(f"c{number}"), seat.resource, "192.0.2.7")
        async with limit:
            begun_at = time.perf_counter()
            await broker.place(admission, attempt)
            spent_ms.append((time.perf_counter() - begun_at) * 1000)
            await broker.ended(ConnectionRecord(attempt.connection_id, now, "bench", "192.0.2.7"))

    before = time.process_time()
    await asyncio.gather(*(one(number, seat) for number, seat in enumerate(wanted)))
    return {"ms": spent_ms, "cpu_s": time.process_time() - before}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())
