"""A host to be managed, and a console at the other end of a leg: for the tests of both sides."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dialback.agent.build import Build
from dialback.agent.control import HostView
from dialback.agent.identity_file import Enrolled, Identity
from dialback.agent.management import ManagementContext, serve_management
from dialback.agent.platform.sessions import SessionProblem
from dialback.agent.settings import AgentSettings, ManagementSettings
from dialback.console.management import Management, opened
from dialback.domain.consent import ConsentPolicy, ConsentScope
from dialback.domain.ids import HostId
from dialback.identity.host_keys import HostKey
from dialback.observe.tail import LogTail
from dialback.transport.leg import Leg
from dialback.wire.agent.messages import HostSession, RdpServer
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.version import SUPPORTED
from tests.transport.pairs import legs

PLACE = "acme/desk"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
EVERYTHING = frozenset(ConsentScope)


class FakeSessions:
    """The sessions of a host that has two."""

    def __init__(self) -> None:
        self.users = {"xrdp-10": "ann", "xrdp-11": "bob"}

    def list(self) -> Sequence[HostSession]:
        return [
            HostSession(id=id, user=user, state="active" if user == "ann" else "disconnected", since=NOW)
            for id, user in self.users.items()
        ]

    def message(self, id: str, text: str, user: str | None = None) -> None:
        raise AssertionError(f"no message was expected in {id}: {text}")

    def disconnect(self, id: str, user: str | None = None) -> None:
        raise AssertionError(f"nobody was to disconnect {id}")

    def log_off(self, id: str, user: str | None = None) -> None:
        if id not in self.users:
            raise SessionProblem("the host has no such session")
        del self.users[id]


async def probe(settings: AgentSettings) -> tuple[RdpServer, ...]:
    return tuple(
        RdpServer(target=target, answers=True, security="tls", certificate_sha256="ab" * 32)
        for target in settings.targets
    )


@dataclass
class ManagedHost:
    """A host, whose agent serves one console after the other."""

    allowed: frozenset[ConsentScope] = EVERYTHING
    settings: ManagementSettings = field(default_factory=lambda: ManagementSettings(enabled=True))
    versions: VersionRange = SUPPORTED
    key: HostKey = field(default_factory=HostKey.generate)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    tail: LogTail = field(default_factory=LogTail)
    policy: ConsentPolicy | None = None
    restarts: int = 0

    def context(self) -> ManagementContext:
        return ManagementContext(
            connection_id="connection",
            who="tom",
            allowed=self.allowed,
            identity=Identity(Enrolled("127.0.0.1:443", HostId("host"), "desk"), self.key, ""),
            settings=AgentSettings(management=self.settings),
            view=HostView(probe, lambda settings: (), self.sessions),
            tail=self.tail,
            restart=self.restart,
            purpose="ticket 7",
            policy=self.policy,
            build=Build(management=self.versions),
        )

    def restart(self) -> None:
        self.restarts += 1

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Leg]:
        """Yield a leg that reaches the agent; at the end, wait until it has served."""
        async with legs() as (near, far), asyncio.timeout(30):
            task = asyncio.create_task(serve_management(far, self.context()))
            try:
                yield near
                await near.close()
                await task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def managed(self, versions: VersionRange = SUPPORTED) -> AsyncIterator[Management]:
        """Yield an open session of a console."""
        async with (
            self.serving() as leg,
            opened(leg, "host", self.key.public_bytes, PLACE, versions) as management,
        ):
            yield management
