"""The canary loop: every host with an agent link is asked to dial back, in turn, every few seconds.

A host that did dial back a moment ago, for a canary or for a connection, is left alone until it is due again.
Busy hosts take their turn like idle ones: their next connection needs the way back too. The loop starts
canaries at a steady pace, hardly faster than one round needs, so that many links that came up at once are
spread out from the first round on; a canary that hangs costs nothing but a timer, and each host has one at
most. So a host is found out within `interval_s + deadline_s`.

A host whose agent speaks a version without canaries is never asked, and nothing is held against it.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dialback.domain.canary import DialBack
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.ids import HostId
from dialback.observe.log import get_logger
from dialback.settings.file import Seconds

PACE = 1.25
"""How much faster than needed canaries are started at most."""
TICK_S = 0.1
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """The `[canary]` table of the settings file.

    Attributes:
        interval_s: seconds between two proofs that a host dials back.
        deadline_s: seconds a host has to dial back; with the interval, how long a placement may still choose
            one that cannot.
    """

    interval_s: Seconds = 5
    deadline_s: Seconds = 4


@dataclass(frozen=True, slots=True)
class Bird:
    """One host that can be asked: `proved_at` is when it last began to dial back, on the loop's clock."""

    host_id: HostId
    host_key: bytes
    proved_at: float


class CanaryHosts(Protocol):
    """Whom to ask, and whom to tell."""

    def birds(self) -> Sequence[Bird]:
        """Return the hosts whose link stands and takes canaries."""

    async def dialled_back(self, host_id: HostId, problem: str) -> None:
        """Take what came of a canary: empty, or why the host did not dial back."""


class Canaries:
    """Asks the hosts of one broker."""

    def __init__(self, hosts: CanaryHosts, dial_back: DialBack, settings: CanarySettings) -> None:
        self._hosts = hosts
        self._dial_back = dial_back
        self._settings = settings
        self._began_at: dict[HostId, float] = {}
        self._flying: set[HostId] = set()

    async def run(self) -> None:
        """Ask, for ever."""
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as group:
            while True:
                for bird in self.due(clock()):
                    self._flying.add(bird.host_id)
                    self._began_at[bird.host_id] = clock()
                    group.create_task(self._fly(bird), name=f"canary of host {bird.host_id}")
                await asyncio.sleep(TICK_S)

    def due(self, now: float) -> Sequence[Bird]:
        """Return the hosts to ask now: those that wait longest, as many as the pace allows."""
        birds = self._hosts.birds()
        self._began_at = {bird.host_id: self._began_at.get(bird.host_id, -math.inf) for bird in birds}
        asked = sorted(
            (self._last(bird), bird.host_id, bird) for bird in birds if bird.host_id not in self._flying
        )
        due = [bird for last, _, bird in asked if now - last >= self._settings.interval_s]
        return due[: math.ceil(PACE * len(birds) * TICK_S / self._settings.interval_s)]

    def _last(self, bird: Bird) -> float:
        return max(bird.proved_at, self._began_at[bird.host_id])

    async def _fly(self, bird: Bird) -> None:
        try:
            await self._ask(bird)
        except Exception:
            # A bug with one host must not stop the canaries of all.
            _log.exception("canary failed inside", host=bird.host_id)
        finally:
            self._flying.discard(bird.host_id)

    async def _ask(self, bird: Bird) -> None:
        problem = ""
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                await self._dial_back.prove(bird.host_id, bird.host_key)
        except TimeoutError:
            problem = f"it did not dial back within {self._settings.deadline_s:g} s"
        except Refused as refused:
            if refused.reason is Reason.HOST_OFFLINE:
                return
            problem = refused.detail or SENTENCES[refused.reason]
        await self._hosts.dialled_back(bird.host_id, problem)
