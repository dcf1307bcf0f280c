import asyncio
import os
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from dialback.agent import management as module
from dialback.agent.management import SCOPES, ManagementContext, policy_of, serve_management
from dialback.agent.settings import ManagementSettings
from dialback.console.management import Management, ManagementLost
from dialback.domain.consent import ConsentMode, ConsentPolicy, ConsentScope, parse_window
from dialback.domain.errors import Reason, Refused
from dialback.observe.log import get_logger
from dialback.transport.inner_tls import InnerTls, client_side
from dialback.wire.management.messages import AskFacts, Policy, encode
from dialback.wire.management.session import ConsoleSession
from tests.agent.management_stage import NOW, FakeSessions, ManagedHost
from tests.transport.pairs import legs

Act = Callable[[Management], Awaitable[Any]]
ACTS: dict[str, tuple[Act, set[ConsentScope]]] = {
    "facts": (lambda session: session.facts(), {ConsentScope.FACTS}),
    "log": (lambda session: session.log_tail(5), {ConsentScope.LOG}),
    "sessions": (lambda session: session.sessions(), {ConsentScope.FACTS, ConsentScope.END_SESSIONS}),
    "log-off": (lambda session: session.log_off("xrdp-10"), {ConsentScope.END_SESSIONS}),
    "restart-rdp": (lambda session: session.restart_rdp(), {ConsentScope.RESTART_RDP}),
    "restart-agent": (lambda session: session.restart_agent(), {ConsentScope.RESTART_AGENT}),
    "update": (lambda session: session.update_agent(), {ConsentScope.UPDATE_AGENT}),
}


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def commands() -> ManagementSettings:
    return ManagementSettings(
        enabled=True, restart_rdp=python("print('restarted')"), update_agent=python("print('updating')")
    )


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("scope", ConsentScope)
async def test_each_action_takes_its_own_consent(act: str, scope: ConsentScope) -> None:
    do, wanted = ACTS[act]
    host = ManagedHost(frozenset({scope}), commands())
    async with host.managed() as management:
        assert management.scopes == {scope}
        if scope in wanted:
            await do(management)
        else:
            with pytest.raises(Refused) as refused:
                await do(management)
            assert refused.value.reason is Reason.CONSENT_WANTED
            assert f"this connection has {scope}" in refused.value.detail
    assert (len(host.sessions.users), host.restarts) == (
        1 if act == "log-off" and scope in wanted else 2,
        1 if act == "restart-agent" and scope in wanted else 0,
    )


def test_every_ask_has_its_consent() -> None:
    assert frozenset().union(*SCOPES.values()) == set(ConsentScope) - {ConsentScope.DESKTOP}


async def test_without_consent_nothing_is_done() -> None:
    async with ManagedHost(frozenset(), commands()).managed() as management:
        for do, _ in ACTS.values():
            with pytest.raises(Refused, match="this connection has nothing"):
                await do(management)


async def test_facts_say_how_the_host_is() -> None:
    policy = ConsentPolicy(
        mode=ConsentMode.WINDOW, windows=(parse_window("mon-fri 08:00-18:00"),), approvers=2
    )
    async with ManagedHost(policy=policy).managed() as management:
        facts = await management.facts()
    assert (facts.active_sessions, facts.disconnected_sessions) == (1, 1)
    assert facts.rdp_servers[0].certificate_sha256 == "ab" * 32
    assert facts.targets == ("127.0.0.1:3389",)
    assert facts.uptime_s
    assert facts.disks
    assert facts.policy is not None
    assert (facts.policy.mode, facts.policy.approvers) == ("window", 2)
    assert facts.policy.windows == ("mon,tue,wed,thu,fri 08:00-18:00",)


def test_policy_names_nobody() -> None:
    told = policy_of(ConsentPolicy(staff=frozenset({"tom"}), scopes=frozenset({ConsentScope.FACTS})))
    assert told == Policy(mode="ask", scopes=("facts",))


async def test_sessions_that_cannot_be_listed_leave_the_other_facts() -> None:
    class Broken(FakeSessions):
        def list(self) -> Any:
            raise OSError("no /proc here")

    async with ManagedHost(sessions=Broken()).managed() as management:
        facts = await management.facts()
        assert (facts.active_sessions, facts.sessions_problem) == (None, "no /proc here")
        with pytest.raises(Refused, match="the agent failed inside"):
            await management.sessions()
        assert (await management.facts()).host_name


async def test_sessions_are_listed_and_logged_off() -> None:
    host = ManagedHost()
    async with host.managed() as management:
        listed = await management.sessions()
        assert [(each.id, each.user, each.state, each.since) for each in listed.sessions] == [
            ("xrdp-10", "ann", "active", NOW),
            ("xrdp-11", "bob", "disconnected", NOW),
        ]
        await management.log_off("xrdp-10")
        with pytest.raises(Refused, match="no such session") as refused:
            await management.log_off("xrdp-10")
    assert refused.value.reason is Reason.MANAGEMENT_FAILED
    assert list(host.sessions.users) == ["xrdp-11"]


async def test_own_log_is_told_from_its_end() -> None:
    host = ManagedHost()
    with host.tail.listening():
        for number in range(10):
            get_logger("m").info("line", number=number)
        async with host.managed() as management:
            log = await management.log_tail(3)
    assert log.cut
    assert len(log.lines) == 3
    assert "management" in log.lines[-1]
    assert "line number=9" in log.lines[-2]


async def test_log_of_the_rdp_service_is_told_as_text_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "xrdp.log"
    path.write_bytes(b"old\n" * 100_000 + b"one\x1b[2J\ntwo \xff\nthree\n")
    host = ManagedHost(settings=ManagementSettings(enabled=True, rdp_log=str(path)))
    async with host.managed() as management:
        log = await management.log_tail(3, "rdp")
        assert log.lines == ("one [2J", "two \ufffd", "three")
        assert len((await management.log_tail(1000, "rdp")).lines) == 1000


@pytest.mark.parametrize("kind", ["off", "gone", "fifo", "folder"])
async def test_log_that_cannot_be_told_has_a_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    host = ManagedHost(settings=ManagementSettings(enabled=True, rdp_log="" if kind == "off" else str(path)))
    async with host.managed() as management:
        with pytest.raises(Refused) as refused:
            await management.log_tail(3, "rdp")
    off = kind == "off"
    assert refused.value.reason is (Reason.MANAGEMENT_OFF if off else Reason.MANAGEMENT_FAILED)
    assert ("rdp_log is not set" if off else str(path)) in refused.value.detail


async def test_commands_of_the_settings_are_run() -> None:
    async with ManagedHost(settings=commands()).managed() as management:
        assert (await management.restart_rdp()).detail == "restarted"
        assert (await management.update_agent()).detail == "updating"


async def test_commands_that_are_not_set_are_not_offered() -> None:
    async with ManagedHost().managed() as management:
        for do, setting in (
            (management.restart_rdp, "restart_rdp"),
            (management.update_agent, "update_agent"),
        ):
            with pytest.raises(Refused, match=f"{setting} is not set") as refused:
                await do()
            assert refused.value.reason is Reason.MANAGEMENT_OFF


async def test_command_that_fails_says_so() -> None:
    settings = ManagementSettings(enabled=True, restart_rdp=python("raise SystemExit('no such unit')"))
    async with ManagedHost(settings=settings).managed() as management:
        with pytest.raises(Refused, match="ended with status 1: no such unit") as refused:
            await management.restart_rdp()
    assert refused.value.reason is Reason.MANAGEMENT_FAILED


async def test_agent_answers_then_leaves_then_restarts() -> None:
    host = ManagedHost()
    async with host.managed() as management:
        assert (await management.restart_agent()).detail == "the agent restarts"
        with pytest.raises(ManagementLost):
            await management.facts()
    assert host.restarts == 1


async def test_every_action_is_logged_with_who_and_why() -> None:
    host = ManagedHost(frozenset({ConsentScope.END_SESSIONS}))
    with capture_logs() as lines:
        async with host.managed() as management:
            await management.log_off("xrdp-11")
            with pytest.raises(Refused):
                await management.facts()
    told = [
        (line["event"], line["action"], line.get("session"), line.get("reason"))
        for line in lines
        if "action" in line
    ]
    assert told == [
        ("management action done", "log-off", "xrdp-11", None),
        ("management action refused", "ask-facts", None, "consent-wanted"),
    ]
    assert {(line["user"], line["connection_id"]) for line in lines} == {("tom", "connection")}
    assert {line["purpose"] for line in lines if "action" in line} == {"ticket 7"}
    assert lines[-1]["event"] == "management ended"


async def test_action_that_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACTION_S", 0.01)

    async def never(context: ManagementContext) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "_facts", never)
    async with ManagedHost().managed() as management:
        with pytest.raises(Refused, match=r"not done within 0\.01 s"):
            await management.facts()


async def test_ask_that_this_agent_does_not_know_is_refused() -> None:
    async with ManagedHost().managed() as management:
        asked = b'{"type":"ask-facts-of-tomorrow"}'
        await management._tls.send(len(asked).to_bytes(4, "big") + asked)
        answer = await management._tls.receive()
    assert b'"reason":"management-off"' in answer
    assert b"knows no ask-facts-of-tomorrow" in answer


async def test_idle_console_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    async with ManagedHost().serving() as leg:
        tls = InnerTls(leg, client_side(), is_server=False)
        await tls.shake_hands()
        console = ConsoleSession(bytes(32), "host", "ab" * 32, console_version="1")
        await tls.send(console.greet())
        heard = b""
        while data := await tls.receive():
            heard += data
    assert b"the console asked nothing" in heard


async def test_console_that_does_not_greet_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GREETING_S", 0.05)
    with capture_logs() as lines:
        async with ManagedHost().serving() as leg:
            await leg.wait_gone()
    assert [line["event"] for line in lines] == ["management broken off", "management ended"]


@pytest.mark.parametrize("said", ["no-tls", "nothing", "garbage", "ask-first", "hello-and-more"])
async def test_console_that_breaks_the_protocol_is_left_and_logged(said: str) -> None:
    with capture_logs() as lines:
        async with ManagedHost().serving() as leg:
            if said == "no-tls":
                leg.send(b"GET / HTTP/1.1\r\n\r\n")
            elif said != "nothing":
                await _break(InnerTls(leg, client_side(), is_server=False), said)
            if said != "nothing":
                await leg.wait_gone()
    assert lines[0]["event"] == "management broken off"
    assert lines[0]["why"]


async def _break(tls: InnerTls, how: str) -> None:
    hello = ConsoleSession(bytes(32), "host", "ab" * 32, console_version="1").greet()
    await tls.shake_hands()
    said = {"garbage": b"\xff" * 100, "ask-first": encode(AskFacts())}
    await tls.send(said.get(how, hello + encode(AskFacts())))


async def test_session_that_is_cancelled_is_cut_at_once() -> None:
    async with legs() as (near, far), asyncio.timeout(10):
        task = asyncio.create_task(serve_management(far, ManagedHost().context()))
        tls = InnerTls(near, client_side(), is_server=False)
        await tls.shake_hands()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await near.wait_gone()
        assert task.cancelled()
