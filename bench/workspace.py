"""A workspace of the size that is promised: how long a list takes, and how long choosing a host.

Lists come from a whole server over TLS, to clients that logged in by NTLM, one after the other: of ordinary
users, each a different one, and of a user who may use everything. The decision is the broker's `place`, in a
process that does nothing else, with SQLite and with PostgreSQL.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from statistics import quantiles

from bench import estate
from bench.children import Child, peer
from bench.node import listening, store_url_in
from bench.rows import Row, row
from bench.subscriber import Listed, Subscriber
from dialback.domain.ids import UserName
from dialback.store.open import open_store
from dialback.transport.tls import client_context
from tests import postgresql

FEED_BOUND_MS = 50
PLACE_BOUND_MS = 5
LISTS = 200
LISTS_OF_ALL = 60
WARM_UP = 20
AT_ONCE = 10
PLACEMENTS = 400
PLACED_AT_ONCE = 8
STEP_S = 120
SPAN_PERCENT = 5


async def workspace_rows(folder: Path, turns: int) -> list[Row]:
    """Return what lists and placements take."""
    return [*await _feed_rows(folder, turns), *await _place_rows(folder, turns)]


async def _feed_rows(folder: Path, turns: int) -> list[Row]:
    name = "workspace"
    async with listening(folder, name) as (_, port):
        pass
    url = store_url_in(folder / name)
    await estate.fill(url)
    ordinary, everything, together, first = [], [], [], []
    for _ in range(turns):
        # A server that has just started has built nothing yet.
        async with listening(folder, name, port):
            spent = await asyncio.to_thread(_listed, folder / name / "ca.pem", port)
        first.append(spent.first)
        ordinary.append(_p95(spent.ordinary))
        everything.append(_p95(spent.everything))
        together.append(_p95(spent.together))
    size = f"{estate.RESOURCES:,} resources"
    return [
        row("feed, ordinary user, p95", "ms", ordinary, FEED_BOUND_MS),
        row(f"feed, user with {size}, p95", "ms", everything, FEED_BOUND_MS),
        row(f"feed, {size}, first after start", "ms", first),
        row(f"feed, {AT_ONCE} ordinary users at once, p95", "ms", together),
    ]


class _Spent:
    """Milliseconds of each list, by what was asked."""

    def __init__(self) -> None:
        self.first = 0.0
        self.everything: list[float] = []
        self.ordinary: list[float] = []
        self.together: list[float] = []


def _listed(ca: Path, port: int) -> _Spent:
    context, spent = client_context(ca.read_text()), _Spent()

    def subscribe(name: UserName) -> Subscriber:
        return Subscriber(port, context, name, estate.password_of(name))

    greedy, others = subscribe(estate.ALL), [subscribe(name) for name in estate.sampled()[:LISTS]]
    spent.first = _checked(greedy.list(), estate.RESOURCES).ms
    spent.everything = [greedy.list().ms for _ in range(LISTS_OF_ALL)]
    for number, other in enumerate(others[:WARM_UP]):
        _checked(other.list(), estate.resources_of(number * estate.USERS // estate.SAMPLED))
    spent.ordinary = [other.list().ms for other in others]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        spent.together = [listed.ms for listed in threads.map(Subscriber.list, others)]
    return spent


def _checked(listed: Listed, resources: int) -> Listed:
    if (found := listed.body.count(b"<Resource ")) != resources:
        raise ConnectionError(f"expected {resources} resources, got {found}")
    return listed


async def _place_rows(folder: Path, turns: int) -> list[Row]:
    small, large = f"{estate.HOSTS // estate.POOLS} hosts", f"{estate.HOSTS} hosts"
    sqlite = f"sqlite:///{folder / 'pools.sqlite'}"
    one_pool = f"sqlite:///{folder / 'pool.sqlite'}"
    rows = await _placements(folder, "SQLite", sqlite, small, turns, PLACE_BOUND_MS)
    rows += await _placements(folder, "SQLite", one_pool, large, turns, pools=1)
    if postgresql.programs() is None:
        print("PostgreSQL is not installed: nothing about it is reported", file=sys.stderr)
        return rows
    with ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, postgresql.running())
        rows += await _placements(folder, "PostgreSQL", server.new_database(), small, turns)
    return rows


async def _placements(
    folder: Path,
    kind: str,
    url: str,
    hosts: str,
    turns: int,
    bound: float | None = None,
    pools: int = estate.POOLS,
) -> list[Row]:
    """Return how long placing takes in pools of so many hosts, and how many are placed per CPU second."""
    async with _placing(folder, url, pools) as child:
        tails, rates = [], []
        for turn in range(turns + 1):
            alone_ms, _ = await _place(child, 1)
            _, cpu_s = await _place(child, PLACED_AT_ONCE)
            if turn:  # the first turn warms up
                tails.append(_p95(alone_ms))
                rates.append(PLACEMENTS / cpu_s)
    named = f"placement, pool of {hosts}, {kind}"
    return [row(f"{named}, p95", "ms", tails, bound), row(named, "per CPU s", rates)]


@asynccontextmanager
async def _placing(folder: Path, url: str, pools: int) -> AsyncIterator[Child]:
    await (await open_store(url)).close()
    await estate.fill(url, pools)
    async with peer("place_peer", {"url": url}, folder) as child:
        yield child


async def _place(child: Child, at_once: int) -> tuple[list[float], float]:
    """Return how long each placement took, in milliseconds, and the CPU seconds of all."""
    child.say({"count": PLACEMENTS, "at_once": at_once})
    answer = await child.answer(STEP_S)
    return answer["ms"], answer["cpu_s"]


def _p95(samples: Sequence[float]) -> float:
    return quantiles(samples, n=100 // SPAN_PERCENT)[-1]
