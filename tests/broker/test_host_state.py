from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dialback.broker.host_state import HostState
from dialback.domain.health import Check
from dialback.domain.sessions import Session
from dialback.domain.tenancy import MAIN
from dialback.observe.metrics import Metrics
from dialback.wire.agent.messages import Failing, HostSession
from tests.broker.stores import AWAY, HOST, NOW, FailingStore, filled


class Kept:
    """A state over a directory, of which every write is counted."""

    def __init__(self, store: FailingStore) -> None:
        self.store = store
        self.metrics = Metrics()
        self.writes: list[tuple[str, Any]] = []
        self.listed: list[tuple[Any, list[str]]] = []
        self.state = HostState(self, HOST, self.metrics, self.listed_now)  # type: ignore[arg-type]

    def listed_now(self, host: Any, sessions: Sequence[Session]) -> None:
        self.listed.append((host, [each.id for each in sessions]))

    async def save_health(self, tenant: Any, host: Any, failed: Any) -> None:
        self.writes.append(("health", sorted(failed)))
        await self.store.directory.save_health(tenant, host, failed)

    async def save_sessions(self, tenant: Any, host: Any, sessions: Any) -> None:
        self.writes.append(("sessions", [each.id for each in sessions]))
        await self.store.directory.save_sessions(tenant, host, sessions)

    async def sessions(self) -> Sequence[Session]:
        found: Sequence[Session] = await self.store.directory.sessions(MAIN, HOST.id)
        return found

    def failing(self, check: Check) -> float:
        return self.metrics.value("dialback_hosts_failing", check=check.value)


@pytest.fixture
async def kept() -> Kept:
    return Kept(await filled())


def session(id: str = "xrdp-10", user: str = "anna", state: str = "active") -> HostSession:
    return HostSession(id=id, user=user, state=state, since=NOW)  # type: ignore[arg-type]


async def test_new_link_keeps_that_nothing_fails(kept: Kept) -> None:
    await kept.state.keep()
    await kept.state.keep()
    assert kept.writes == [("health", [])]


async def test_health_is_kept_when_it_changes_and_only_then(kept: Kept) -> None:
    disk = Failing(check="disk", detail="9 MB left")
    await kept.state.report(True, "", [disk])
    await kept.state.report(True, "", [Failing(check="disk", detail="8 MB left")])
    await kept.state.dialled_back("no route")
    await kept.state.report(False, "nothing listens", [])
    assert kept.failing(Check.RDP) == kept.failing(Check.DIAL_BACK) == 1
    await kept.state.dialled_back("")
    await kept.state.report(True, "", [])

    assert kept.writes == [
        ("health", ["disk"]),
        ("health", ["dial-back", "disk"]),
        ("health", ["dial-back", "rdp"]),
        ("health", ["rdp"]),
        ("health", []),
    ]
    assert [kept.failing(check) for check in Check] == [0] * len(Check)


async def test_agent_can_report_its_own_checks_alone(kept: Kept) -> None:
    claims = [Failing(check=name) for name in ("link", "dial-back", "rdp", "moon-phase", "load", "restart")]
    await kept.state.report(True, "", claims)
    assert kept.state.failed == {Check.LOAD, Check.RESTART}


async def test_host_without_a_link_is_counted_no_more(kept: Kept) -> None:
    await kept.state.dialled_back("no route")
    kept.state.end()
    assert kept.failing(Check.DIAL_BACK) == 0
    # What comes late does not count, and does not overwrite what a newer link has found.
    before = list(kept.writes)
    await kept.state.report(False, "nothing listens", [])
    await kept.state.list_sessions([session()], "")
    assert (kept.failing(Check.RDP), kept.writes) == (0, before)


async def test_whether_a_session_is_locked_is_kept(kept: Kept) -> None:
    await kept.state.list_sessions([session().model_copy(update={"locked": True})], "")
    assert [each.locked for each in await kept.sessions()] == [True]


async def test_sessions_are_kept_whole_so_that_ghosts_vanish(kept: Kept) -> None:
    await kept.state.list_sessions([session(), session("xrdp-11", "CORP\\ben", "disconnected")], "")
    assert [(each.id, each.user, each.state) for each in await kept.sessions()] == [
        ("xrdp-10", "anna", "active"),
        ("xrdp-11", "CORP\\ben", "disconnected"),
    ]
    await kept.state.list_sessions([session("xrdp-11")], "")
    assert [each.id for each in await kept.sessions()] == ["xrdp-11"]
    await kept.state.list_sessions([], "")
    assert await kept.sessions() == []


async def test_same_list_is_written_once(kept: Kept) -> None:
    for _ in range(3):
        await kept.state.list_sessions([session()], "")
    assert [what for what, _ in kept.writes].count("sessions") == 1


async def test_host_that_cannot_list_keeps_what_it_listed(kept: Kept) -> None:
    await kept.state.list_sessions([session()], "")
    await kept.state.list_sessions([], "loginctl does not answer")
    assert len(await kept.sessions()) == 1


async def test_unfit_sessions_are_dropped_and_the_others_kept(kept: Kept) -> None:
    unfit = [session("a", " anna"), session("b", "\ufffe")]
    twice = [session("xrdp-10", "anna"), session("xrdp-10", "ben")]
    await kept.state.list_sessions([*unfit, *twice], "")
    assert [(each.id, each.user) for each in await kept.sessions()] == [("xrdp-10", "ben")]


async def test_store_that_was_away_learns_the_newest_later(kept: Kept) -> None:
    kept.store.away = AWAY
    await kept.state.dialled_back("no route")
    await kept.state.list_sessions([session()], "")
    await kept.state.list_sessions([session("xrdp-12")], "")
    kept.store.away = None
    assert await kept.sessions() == []

    await kept.state.keep()
    assert [each.id for each in await kept.sessions()] == ["xrdp-12"]
    assert kept.writes[-2:] == [("health", ["dial-back"]), ("sessions", ["xrdp-12"])]


async def test_host_that_its_tenant_does_not_have_breaks_nothing(kept: Kept) -> None:
    stranger = HostState(kept.store.directory, replace(HOST, id="nobody"), kept.metrics)  # type: ignore[arg-type]
    await stranger.list_sessions([session()], "")
    assert await kept.sessions() == []


async def test_each_list_is_told_once_it_can_be_read(kept: Kept) -> None:
    await kept.state.list_sessions([session("1")], "")
    await kept.state.list_sessions([session("1")], "")
    await kept.state.list_sessions([], "the tool is gone")
    kept.store.away = AWAY
    await kept.state.list_sessions([session("2")], "")
    assert kept.listed == [(HOST.id, ["1"])] * 2

    kept.store.away = None
    await kept.state.list_sessions([session("2")], "")
    assert kept.listed[2:] == [(HOST.id, ["2"])]
