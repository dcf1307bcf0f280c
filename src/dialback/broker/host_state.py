"""What is known of a host through its agent link, and keeping it where placements look.

Three sources say which checks fail: the agent's report of its host, its probes, and canaries. What changes is
kept in the directory at once. A directory that does not answer is asked again at the host's next heartbeat:
what is known lives here, and the newest is what is written. Sessions are kept whole, so that one that the
host no longer lists is gone with its next list.

Everything an agent says is its claim: what does not fit a session is dropped, with a log line.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from dialback.domain.directory import Directory
from dialback.domain.errors import Problem
from dialback.domain.health import Check
from dialback.domain.hosts import Host
from dialback.domain.ids import HostId, SessionId, UserName
from dialback.domain.sessions import Session, SessionState
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.wire.agent.messages import Failing, HostSession

_log = get_logger(__name__)
_REPORTED = {check.value: check for check in (Check.DISK, Check.LOAD, Check.RESTART)}


class HostState:
    """The state of one host while one link of it stands; `listed` is told of each list that is kept."""

    def __init__(
        self,
        directory: Directory,
        host: Host,
        metrics: Metrics,
        listed: Callable[[HostId, Sequence[Session]], None] = lambda _host, _sessions: None,
    ) -> None:
        self._directory = directory
        self._host = host
        self._metrics = metrics
        self._listed = listed
        self._why: dict[Check, str] = {}
        self._kept: frozenset[Check] | None = None
        self._sessions: tuple[Session, ...] | None = None
        self._kept_sessions: tuple[Session, ...] | None = None
        self._problem = ""
        self._reported = False
        self._ended = False
        self._keeping = asyncio.Lock()

    @property
    def failed(self) -> frozenset[Check]:
        """The checks that fail now."""
        return frozenset(self._why)

    @property
    def answers(self) -> bool:
        """Whether the host has reported that an RDP server answers."""
        return self._reported and Check.RDP not in self._why

    @property
    def listed(self) -> bool:
        """Whether the host has listed its sessions where placements look, or said that it cannot."""
        kept = self._sessions is not None and self._kept_sessions == self._sessions
        return kept or bool(self._problem)

    async def report(self, answers: bool, why: str, failing: Iterable[Failing]) -> None:
        """Take what the agent reports: whether an RDP server `answers`, `why` not, and what else fails."""
        said = {_REPORTED[each.check]: each.detail for each in failing if each.check in _REPORTED}
        if not answers:
            said[Check.RDP] = why
        for check in (Check.RDP, *_REPORTED.values()):
            self._set(check, said.get(check))
        self._reported = True
        await self.keep()

    async def dialled_back(self, problem: str) -> None:
        """Take what came of a canary or a dial: empty, or why the host did not dial back."""
        self._set(Check.DIAL_BACK, problem or None)
        await self.keep()

    async def list_sessions(self, found: Sequence[HostSession], problem: str) -> None:
        """Take the host's list of sessions, or why there is none: then what it listed before stays."""
        if problem != self._problem:
            _log.info(
                "host lists its sessions" if not problem else "host lists no sessions", **self._named(problem)
            )
            self._problem = problem
        if not problem:
            self._sessions = self._fit(found)
            await self.keep()
            # Unless the directory is away: a session that nobody can read there must go on counting.
            if self._kept_sessions is not None and self._kept_sessions == self._sessions:
                self._listed(self._host.id, self._kept_sessions)

    async def keep(self) -> None:
        """Write what is not written yet; a directory that is away is asked again later."""
        async with self._keeping:
            if self._ended:
                return
            try:
                if self._kept != self.failed:
                    failed = self.failed
                    await self._directory.save_health(self._host.tenant, self._host.id, failed)
                    self._kept = failed
                if self._sessions is not None and self._kept_sessions != self._sessions:
                    sessions = self._sessions
                    await self._directory.save_sessions(self._host.tenant, self._host.id, sessions)
                    self._kept_sessions = sessions
            except Problem as problem:
                _log.debug("state of a host not kept", host=self._host.id, why=str(problem))

    def end(self) -> None:
        """Count and keep no more: the link is down, or a newer one knows better."""
        self._ended = True
        for check in self._why:
            self._metrics.hosts_failing.labels(check.value).dec()
        self._why = {}

    def _set(self, check: Check, why: str | None) -> None:
        if self._ended:
            return
        before = check in self._why
        if why is None:
            self._why.pop(check, None)
        else:
            self._why[check] = why
        after = check in self._why
        if before == after:
            return
        self._metrics.hosts_failing.labels(check.value).inc(1 if after else -1)
        _log.info(
            "host fails a check" if after else "host passes a check again",
            check=check.value,
            **self._named(why),
        )

    def _named(self, why: str | None) -> dict[str, str]:
        named = {"host": self._host.id, "name": self._host.name}
        return {**named, "why": why} if why else named

    def _fit(self, found: Sequence[HostSession]) -> tuple[Session, ...]:
        fit: dict[SessionId, Session] = {}
        unfit = 0
        for each in found:
            try:
                session = Session(
                    tenant=self._host.tenant,
                    host=self._host.id,
                    id=SessionId(each.id),
                    user=UserName(each.user),
                    state=SessionState(each.state),
                    since=each.since,
                    locked=each.locked,
                )
            except ValueError:
                unfit += 1
            else:
                fit[session.id] = session
        if unfit:
            _log.info("sessions of a host dropped, they are none", count=unfit, **self._named(None))
        return tuple(fit.values())
