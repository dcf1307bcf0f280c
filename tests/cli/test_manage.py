"""`dialback manage` against a real agent, through a gateway with TLS, and the API's answers."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from dialback.agent.management import serve_management
from dialback.agent.settings import ManagementSettings
from dialback.cli import manage as module
from dialback.cli.api import Api
from dialback.cli.context import Failed
from dialback.cli.manage import SCOPES, Action, HostAnswer, Wish, ask_host, show
from dialback.console.management import VersionsDiffer
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason, Refused
from dialback.identity.host_keys import HostKey
from dialback.observe.tasks import Tasks
from dialback.transport.leg import Leg
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.messages import Disk, Done, Facts, Log, Policy, Session, Sessions
from tests.agent.management_stage import ManagedHost
from tests.cli.conftest import HOSTILE, Terminal
from tests.console.gateway_stub import SWITCHING, GatewayStub

NOW = datetime(2026, 5, 4, tzinfo=UTC)


class Platform:
    """The API, and a gateway behind which a host's agent serves."""

    def __init__(self, folder: Path, host: ManagedHost) -> None:
        folder.mkdir()
        self._stub = GatewayStub(folder)
        self._tasks = Tasks()
        self.host = host
        self.key = host.key.public_bytes
        self.port = 0
        self.asked: list[object] = []
        self.announced: dict[str, object] | None = None

    def api(self) -> Api:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="https://gw")
        return Api(client, "gw", "gw", self._stub.client)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            report = {"management": self.announced} if self.announced else None
            host = {"id": "host", "name": "desk", "report": report}
            return httpx.Response(200, json={"items": [host], "after": ""})
        self.asked.append(json.loads(request.content))
        way = {
            "request": "r1",
            "token": "t",
            "alias": "r1",
            "address": f"localhost:{self.port}",
            "host_name": "desk",
            "host_key": self.key.hex(),
            "target": "",
            "certificates": {},
        }
        return httpx.Response(201, json=way)

    async def _serve(self, leg: Leg) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await leg.receive()
        leg.send(SWITCHING)
        await serve_management(leg, self.host.context())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Platform"]:
        platform = self

        class Accepted(Leg):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                platform._tasks.start("gateway", platform._serve(self))

        loop = asyncio.get_running_loop()
        server = await loop.create_server(Accepted, "127.0.0.1", 0, ssl=self._stub.context)
        self.port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(20):
            try:
                yield self
            finally:
                server.close()
                await self._tasks.close()


@pytest.fixture(autouse=True)
def _remembers_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "default_folder", lambda: tmp_path / "remembered")


@pytest.mark.parametrize("action", Action)
async def test_each_action_asks_for_its_consent_and_is_done(tmp_path: Path, action: Action) -> None:
    settings = ManagementSettings(enabled=True, restart_rdp="true", update_agent="true")
    host = ManagedHost(frozenset({SCOPES[action]}), settings)
    session = "xrdp-10" if action is Action.LOG_OFF else ""
    async with Platform(tmp_path / "p", host).running() as platform:
        answer = await ask_host(platform.api(), "acme/desk", Wish(action, "stuck", session, "4711"))
    assert isinstance(answer, Facts | Log | Sessions | Done)
    [asked] = platform.asked
    assert asked == {
        "tenant": "acme",
        "host": "host",
        "scope": SCOPES[action].value,
        "purpose": "stuck",
        "ticket_number": "4711",
        "target": "",
    }


def test_every_consent_has_its_action() -> None:
    assert set(SCOPES) == set(Action)
    assert set(SCOPES.values()) == set(ConsentScope) - {ConsentScope.DESKTOP}


async def test_versions_that_differ_are_a_warning_that_names_both(tmp_path: Path) -> None:
    host = ManagedHost(versions=VersionRange(1, 1))
    async with Platform(tmp_path / "p", host).running() as platform:
        with pytest.raises(VersionsDiffer) as problem:
            await ask_host(platform.api(), "acme/desk", Wish(Action.FACTS, "stuck"))
    assert str(problem.value) == (
        "The console (protocol 2) and the agent on desk (protocol 1) cannot manage each other; "
        "`dialback connect acme/desk` opens its remote desktop."
    )


async def test_announced_versions_that_differ_are_warned_of_before_anybody_is_asked(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "p", ManagedHost())
    platform.announced = {"lowest_version": 1, "highest_version": 1, "offers": []}
    with pytest.raises(VersionsDiffer, match=r"console \(protocol 2\) and the agent on desk \(protocol 1\)"):
        await ask_host(platform.api(), "acme/desk", Wish(Action.FACTS, "stuck"))
    assert platform.asked == []


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        (Wish(Action.RESTART_RDP, "stuck"), "restart-rdp is not set up on acme/desk"),
        (Wish(Action.LOG, "stuck", source="rdp"), "rdp-log is not set up on acme/desk"),
    ],
)
async def test_what_the_host_does_not_offer_is_said_before_anybody_is_asked(
    tmp_path: Path, wish: Wish, named: str
) -> None:
    platform = Platform(tmp_path / "p", ManagedHost())
    platform.announced = {"lowest_version": 2, "highest_version": 2, "offers": ["restart-agent"]}
    with pytest.raises(Refused, match=named) as refused:
        await ask_host(platform.api(), "acme/desk", wish)
    assert refused.value.reason is Reason.MANAGEMENT_OFF
    assert platform.asked == []


async def test_what_was_announced_is_not_believed_against_the_signed_hello(tmp_path: Path) -> None:
    async with Platform(tmp_path / "p", ManagedHost(versions=VersionRange(1, 1))).running() as platform:
        platform.announced = {"lowest_version": 2, "highest_version": 2, "offers": []}
        with pytest.raises(VersionsDiffer):
            await ask_host(platform.api(), "acme/desk", Wish(Action.FACTS, "stuck"))
    assert len(platform.asked) == 1


async def test_host_with_another_key_than_before_is_refused_before_it_is_reached(tmp_path: Path) -> None:
    async with Platform(tmp_path / "p", ManagedHost()).running() as platform:
        await ask_host(platform.api(), "acme/desk", Wish(Action.FACTS, "stuck"))
        platform.key = HostKey.generate().public_bytes
        with pytest.raises(Refused) as refused:
            await ask_host(platform.api(), "acme/desk", Wish(Action.FACTS, "stuck"))
    assert refused.value.reason is Reason.HOST_KEY_OTHER
    assert "known is" in refused.value.detail


async def test_platform_that_names_its_own_key_is_refused_by_the_agents_signature(tmp_path: Path) -> None:
    async with Platform(tmp_path / "p", ManagedHost()).running() as platform:
        platform.key = HostKey.generate().public_bytes
        with pytest.raises(Refused, match="somebody may be in between"):
            await ask_host(platform.api(), "acme/desk", Wish(Action.FACTS, "stuck"))


@pytest.mark.parametrize(("action", "session"), [(Action.LOG_OFF, ""), (Action.FACTS, "xrdp-10")])
async def test_session_that_is_missing_or_too_much_is_said(
    tmp_path: Path, action: Action, session: str
) -> None:
    platform = Platform(tmp_path / "p", ManagedHost())
    with pytest.raises(Failed, match="takes the id of a session"):
        await ask_host(platform.api(), "acme/desk", Wish(action, "stuck", session))
    assert platform.asked == []


FACTS = Facts(
    host_name="desk",
    system="Debian 12",
    agent_version="0.1",
    now=NOW,
    offers=("restart-rdp",),
    uptime_s=90_061,
    load_per_cpu=0.5,
    free_memory_percent=41.6,
    disks=(Disk(path="/", size_bytes=20 * 10**9, free_bytes=5 * 10**9),),
    active_sessions=1,
    disconnected_sessions=2,
    targets=("127.0.0.1:3389",),
    policy=Policy(mode="window", windows=("mon 08:00-18:00",), scopes=("facts",), approvers=2),
)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (FACTS, ["up for", "1 day, 1:01:01", "42 %", "5.0 of 20.0 GB free", "1 active, 2 disconnected"]),
        (FACTS, ["window mon 08:00-18:00", "approvers", "127.0.0.1:3389"]),
        (FACTS.model_copy(update={"sessions_problem": "no loginctl"}), ["no loginctl"]),
        (Log(lines=("one", "[bold]two")), ["one\n[bold]two\n"]),
        (
            Sessions(sessions=(Session(id="xrdp-10", user="ann", state="active", since=NOW),)),
            ["xrdp-10", "ann", "active"],
        ),
        (Sessions(), ["There is no session."]),
        (Done(), ["Done: x on acme/desk."]),
        (Done(detail="restarted"), ["Done: x on acme/desk: restarted"]),
    ],
)
def test_answer_is_shown(answer: HostAnswer, said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    show("x on acme/desk", answer)
    shown = capsys.readouterr().out
    for each in said:
        assert each in shown


@pytest.mark.parametrize(
    "answer",
    [
        FACTS.model_copy(update={"host_name": HOSTILE, "system": HOSTILE, "sessions_problem": HOSTILE}),
        Log.model_construct(lines=(HOSTILE,)),
        Sessions.model_construct(
            sessions=(Session.model_construct(id=HOSTILE, user=HOSTILE, state="active", since=NOW),)
        ),
        Done.model_construct(detail=HOSTILE),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_nothing_an_agent_says_steers_the_terminal(
    answer: HostAnswer, capsys: pytest.CaptureFixture[str]
) -> None:
    show("x on acme/desk", answer)
    shown = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\u200f"} & set(shown)
    assert "\\x1b[2J" in shown
    assert "[bold]" in shown


def test_command_wants_a_purpose(terminal: Terminal) -> None:
    result = terminal.run("manage", "acme/desk", "facts")
    assert result.exit_code == 2
    assert "--purpose" in result.stderr
