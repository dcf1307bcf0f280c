import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.agent import control
from dialback.agent.build import Build
from dialback.agent.control import HostView, LinkLost, hold_link
from dialback.agent.outbound import dial_platform
from dialback.agent.platform.sessions import SessionProblem, Sessions
from dialback.agent.reverse import Dialler
from dialback.agent.settings import AgentSettings, ManagementSettings
from dialback.observe.tasks import Tasks
from dialback.transport.dial import DialFailed
from dialback.transport.leg import Leg
from dialback.transport.tls import client_context
from dialback.wire.agent.certificate import signed_certificate
from dialback.wire.agent.link import (
    DialledReceived,
    DialRefusedReceived,
    HeartbeatReceived,
    ReportReceived,
    ServerLink,
    SessionOrderDoneReceived,
    SessionsReceived,
)
from dialback.wire.agent.messages import (
    Failing,
    HostSession,
    ManagementOffer,
    RdpServer,
    decode_base64url,
)
from dialback.wire.agent.version import VersionRange
from dialback.wire.head import build_response
from dialback.wire.websocket import FrameReader, Opcode, build_close, build_frame
from tests.agent.platform_stub import Platform, ServerSide, serving, take_leg

FOUND = (RdpServer(target="127.0.0.1:3389", answers=True, security="tls"),)
DOWN = (RdpServer(target="127.0.0.1:3389", answers=False, problem="down"),)


class Probe:
    """Finds one thing after another, and the last for ever."""

    def __init__(self, *found: tuple[RdpServer, ...]) -> None:
        self._found = list(found)

    async def __call__(self, settings: AgentSettings) -> tuple[RdpServer, ...]:
        return self._found.pop(0) if len(self._found) > 1 else self._found[0]


class FakeSessions(Sessions):
    """Sessions in memory; an order for `broken` fails inside, one for an unknown session as it should."""

    def __init__(self, *sessions: HostSession) -> None:
        self.found = list(sessions)
        self.problem = ""
        self.shown: list[tuple[str, str]] = []
        self.disconnected: list[str] = []

    def list(self) -> Sequence[HostSession]:
        if self.problem:
            raise SessionProblem(self.problem)
        return list(self.found)

    def message(self, id: str, text: str, user: str | None = None) -> None:
        self.shown.append((self._find(id, user), text))

    def disconnect(self, id: str, user: str | None = None) -> None:
        self.disconnected.append(self._find(id, user))

    def log_off(self, id: str, user: str | None = None) -> None:
        gone = self._find(id, user)
        self.found = [session for session in self.found if session.id != gone]

    def _find(self, id: str, user: str | None) -> str:
        if id == "broken":
            raise RuntimeError("a bug")
        if not any(session.id == id and user in (None, session.user) for session in self.found):
            raise SessionProblem("the host has no such session")
        return id


def session(id: str) -> HostSession:
    return HostSession(id=id, user="anna", state="active", since=datetime(2026, 3, 1, tzinfo=UTC))


class Checks:
    """Finds one thing after another, and the last for ever."""

    def __init__(self, *found: tuple[Failing, ...]) -> None:
        self._found = list(found)

    def __call__(self, settings: AgentSettings) -> tuple[Failing, ...]:
        return self._found.pop(0) if len(self._found) > 1 else self._found[0]


@contextlib.asynccontextmanager
async def dialler_of(platform: Platform, settings: AgentSettings) -> AsyncIterator[Dialler]:
    tasks = Tasks()
    try:
        yield Dialler(platform.identity, settings, client_context(platform.identity.ca_pem), tasks)
    finally:
        await tasks.close()


async def hold(
    platform: Platform,
    settings: AgentSettings | None = None,
    probe: Probe | None = None,
    opened: asyncio.Event | None = None,
    sessions: Sessions | None = None,
    check: Checks | None = None,
    build: Build | None = None,
) -> None:
    """Hold one link against the platform, ten seconds at most."""
    settings = settings or AgentSettings(dial_timeout_s=5)
    identity, up = platform.identity, opened or asyncio.Event()
    async with dialler_of(platform, settings) as dialler, asyncio.timeout(10):
        context = client_context(identity.ca_pem)
        view = HostView(probe or Probe(FOUND), check or Checks(()), sessions or FakeSessions())
        await hold_link(identity, settings, context, dialler, view, up.set, build=build)


async def test_agent_answers_the_challenge_with_its_key(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        assert server.hello is not None
        good.append(platform.knows(server.hello.signature, server.hello.signed))
        await server.leave("done")

    good: list[bool] = []
    platform.on_link = serve
    opened = asyncio.Event()
    with pytest.raises(LinkLost, match="the server ended the link: done"):
        await hold(platform, opened=opened)
    assert good == [True]
    assert opened.is_set()


def keeping_two(reports: list[tuple[RdpServer, ...]]) -> Callable[[ServerSide], Awaitable[None]]:
    """Return a server that keeps two reports and then says goodbye."""

    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(2):
            event = await server.wait_for(ReportReceived)
            assert isinstance(event, ReportReceived)
            reports.append(event.rdp_servers)
        await server.leave("done")

    return serve


async def test_agent_reports_at_the_start_and_when_something_changes(platform: Platform) -> None:
    reports: list[tuple[RdpServer, ...]] = []
    platform.on_link = keeping_two(reports)
    settings = AgentSettings(probe_interval_s=0.01)
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, Probe(FOUND, FOUND, FOUND, DOWN))
    assert reports == [FOUND, DOWN]


async def test_agent_signs_its_certificates_and_that_alone_is_no_change_to_report(
    platform: Platform,
) -> None:
    reports: list[tuple[RdpServer, ...]] = []
    platform.on_link = keeping_two(reports)
    shows = FOUND[0].model_copy(update={"certificate_sha256": "ab" * 32})
    settings = AgentSettings(probe_interval_s=0.01)
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, Probe((shows,), (shows,), (shows,), DOWN))
    ((first,), (second,)) = reports
    signed = signed_certificate(
        platform.identity.enrolled.host_id, shows.target, shows.certificate_sha256, first.signed_at
    )
    assert platform.knows(decode_base64url(first.signature), signed)
    assert second == DOWN[0]


async def test_agent_reports_anew_when_another_check_fails_but_not_when_a_number_changes(
    platform: Platform,
) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(2):
            event = await server.wait_for(ReportReceived)
            assert isinstance(event, ReportReceived)
            reports.append([(each.check, each.detail) for each in event.failing])
        await server.leave("done")

    reports: list[list[tuple[str, str]]] = []
    platform.on_link = serve
    disk = [(Failing(check="disk", detail=f"{left} MB left"),) for left in (9, 8, 7)]
    load = (*disk[2], Failing(check="load", detail="busy"))
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, AgentSettings(probe_interval_s=0.01), check=Checks(*disk, load))
    assert reports == [[("disk", "9 MB left")], [("disk", "7 MB left"), ("load", "busy")]]


@pytest.mark.parametrize(("first", "check"), [(DOWN, ()), (FOUND, (Failing(check="disk"),))])
async def test_what_fails_is_looked_at_sooner(
    platform: Platform, first: tuple[RdpServer, ...], check: tuple[Failing, ...]
) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(2):
            await server.wait_for(ReportReceived)
        await server.leave("done")

    platform.on_link = serve
    settings = AgentSettings(probe_interval_s=3600, session_interval_s=0.01)
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, Probe(first, FOUND), check=Checks(check, ()))


@pytest.mark.parametrize("then", [DOWN, FOUND])
async def test_dial_that_finds_no_server_is_followed_by_a_probe_and_a_report(
    platform: Platform, unused: int, then: tuple[RdpServer, ...]
) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(2):
            event = await server.wait_for(ReportReceived)
            assert isinstance(event, ReportReceived)
            reports.append(event.rdp_servers)
            server.send(dial_of(server, platform, target))
        await server.leave("done")

    reports: list[tuple[RdpServer, ...]] = []
    target = f"127.0.0.1:{unused}"
    platform.on_link, platform.on_leg = serve, take_leg
    # The intervals alone would be far too late.
    settings = AgentSettings(
        dial_timeout_s=5, targets=(target,), probe_interval_s=3600, session_interval_s=3600
    )
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, Probe(FOUND, then))
    assert reports == [FOUND, then]


def dial_of(server: ServerSide, platform: Platform, target: str) -> str:
    return server.link.dial(
        connection_id="connection",
        gateway=platform.address,
        certificate_sha256=platform.certificate_sha256,
        ticket="t1cket",
        target=target,
        user="ann",
    )


async def listed(server: ServerSide) -> SessionsReceived:
    event = await server.wait_for(SessionsReceived)
    assert isinstance(event, SessionsReceived)
    return event


async def test_agent_lists_its_sessions_when_they_change(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        lists.append([each.id for each in (await listed(server)).sessions])
        sessions.found.append(session("two"))
        lists.append([each.id for each in (await listed(server)).sessions])
        sessions.problem = "nobody may look"
        last = await listed(server)
        lists.append([last.problem])
        await server.leave("done")

    lists: list[list[str]] = []
    sessions = FakeSessions(session("one"))
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, AgentSettings(session_interval_s=0.01), sessions=sessions)
    assert lists == [["one"], ["one", "two"], ["nobody may look"]]


async def test_agent_says_all_again_after_a_while(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(2):
            await listed(server)
            await server.wait_for(ReportReceived)
        await server.leave("done")

    platform.on_link = serve
    settings = AgentSettings(session_interval_s=0.01, probe_interval_s=0.01, report_most_s=0.03)
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings)


async def test_agent_says_what_it_is_and_announces_how_it_is_managed(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        assert server.hello is not None
        said.append(server.hello.agent_version)
        event = await server.wait_for(ReportReceived)
        assert isinstance(event, ReportReceived)
        said.append(event.management)
        await server.leave("done")

    said: list[object] = []
    platform.on_link = serve
    settings = AgentSettings(management=ManagementSettings(enabled=True))
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, build=Build("0.0.9", VersionRange(1, 1)))
    offer = ManagementOffer(lowest_version=1, highest_version=1, offers=("restart-agent",))
    assert said == ["0.0.9", offer]


async def test_server_of_version_1_hears_of_no_sessions(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.link = ServerLink(bytes(32), platform.certificate_sha256, 1, VersionRange(1, 1))
        await server.open()
        heard.append(await server.next_event())
        await server.leave("done")

    heard: list[object] = []
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, sessions=FakeSessions(session("one")))
    assert isinstance(heard[0], ReportReceived)


async def test_orders_for_sessions_are_carried_out_and_answered(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        await listed(server)
        orders = [("message", "one"), ("disconnect", "one"), ("message", "no"), ("message", "broken")]
        for action, which in orders:
            server.send(server.link.session_order(f"{action}-{which}", action, which, "hello"))  # type: ignore[arg-type]
            event = await server.wait_for(SessionOrderDoneReceived)
            assert isinstance(event, SessionOrderDoneReceived)
            answers[event.order_id] = event.problem
        await server.leave("done")

    answers: dict[str, str] = {}
    sessions = FakeSessions(session("one"))
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, sessions=sessions)
    assert answers == {
        "message-one": "",
        "disconnect-one": "",
        "message-no": "the host has no such session",
        "message-broken": "the agent failed inside; its log says more",
    }
    assert (sessions.shown, sessions.disconnected) == ([("one", "hello")], ["one"])


async def test_order_is_for_the_sessions_of_the_user_it_names(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for action in ("message", "disconnect", "log-off"):
            for user in ("ben", "anna"):
                server.send(server.link.session_order(f"{action}-{user}", action, "one", "x", user))  # type: ignore[arg-type]
                event = await server.wait_for(SessionOrderDoneReceived)
                assert isinstance(event, SessionOrderDoneReceived)
                answers[event.order_id] = event.problem
        await server.leave("done")

    answers: dict[str, str] = {}
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, sessions=FakeSessions(session("one")))
    assert answers == {
        f"{action}-{user}": "the host has no such session" if user == "ben" else ""
        for action in ("message", "disconnect", "log-off")
        for user in ("ben", "anna")
    }


async def test_order_that_nobody_waits_for_any_more_is_not_begun(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send(server.link.session_order("first", "disconnect", "one"))
        server.send(server.link.session_order("second", "log-off", "one"))
        for _ in range(2):
            event = await server.wait_for(SessionOrderDoneReceived)
            assert isinstance(event, SessionOrderDoneReceived)
            answers[event.order_id] = event.problem
        await server.leave("done")

    class Slow(FakeSessions):
        def disconnect(self, id: str, user: str | None = None) -> None:
            # What comes behind the first has waited too long, however short that is.
            monkeypatch.setattr(control, "SESSION_ORDER_S", 0.0)

    answers: dict[str, str] = {}
    sessions = Slow(session("one"))
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, sessions=sessions)
    assert answers == {"first": "", "second": "it was not begun in time"}
    assert len(sessions.found) == 1


async def test_session_that_was_logged_off_is_gone_from_the_very_next_list(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        assert len((await listed(server)).sessions) == 1
        server.send(server.link.session_order("o1", "log-off", "one"))
        gone.append(await listed(server))
        await server.leave("done")

    gone: list[SessionsReceived] = []
    platform.on_link = serve
    # The interval alone would be far too late.
    settings = AgentSettings(session_interval_s=3600)
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, sessions=FakeSessions(session("one")))
    assert gone == [SessionsReceived((), "")]


async def test_order_that_does_not_end_holds_up_nothing_but_orders(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send(server.link.session_order("o1", "disconnect", "one"))
        await begun.wait()
        sessions.found.append(session("two"))
        while len((await listed(server)).sessions) < 2:
            pass
        release.set()
        event = await server.wait_for(SessionOrderDoneReceived)
        assert isinstance(event, SessionOrderDoneReceived)
        done.append(event.problem)
        await server.leave("done")

    class Stuck(FakeSessions):
        def disconnect(self, id: str, user: str | None = None) -> None:
            loop.call_soon_threadsafe(begun.set)
            release.wait()

    done: list[str] = []
    loop, begun, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    sessions = Stuck(session("one"))
    platform.on_link = serve
    # All that looks at the host has this one thread.
    loop.set_default_executor(ThreadPoolExecutor(1))
    try:
        with pytest.raises(LinkLost, match="done"):
            await hold(platform, AgentSettings(session_interval_s=0.01), sessions=sessions)
    finally:
        release.set()
    assert done == [""]


async def test_orders_beyond_what_may_wait_are_declined(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for number in range(control.MOST_ORDERS + 3):
            server.send(server.link.session_order(str(number), "disconnect", "one"))
        event = await server.wait_for(SessionOrderDoneReceived)
        assert isinstance(event, SessionOrderDoneReceived)
        declined.append(event.problem)
        release.set()
        await server.leave("done")

    class Slow(FakeSessions):
        def disconnect(self, id: str, user: str | None = None) -> None:
            release.wait(5)

    declined: list[str] = []
    release = threading.Event()
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, sessions=Slow(session("one")))
    assert declined == ["16 orders wait on this host already"]


async def test_canary_is_answered_when_the_gateway_has_taken_it(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send(
            server.link.canary(
                connection_id="canary",
                gateway=platform.address,
                certificate_sha256=platform.certificate_sha256,
                ticket="t1cket",
            )
        )
        got.append(await server.wait_for(DialledReceived))
        await server.leave("done")

    got: list[object] = []
    platform.on_link, platform.on_leg = serve, take_leg
    with pytest.raises(LinkLost, match="done"):
        await hold(platform)
    assert got == [DialledReceived("canary")]


async def test_agent_beats_as_often_as_the_server_asks(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "HEARTBEAT_MOST_S", 0.02)
    monkeypatch.setattr(control, "SILENT_HEARTBEATS", 200)

    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(3):
            await server.wait_for(HeartbeatReceived)
            beats.append(1)
        await server.leave("done")

    beats: list[int] = []
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform)
    assert len(beats) == 3


async def test_silent_server_is_given_up(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SILENT_HEARTBEATS", 0.1)

    async def serve(server: ServerSide) -> None:
        await server.open()
        with contextlib.suppress(EOFError):
            while True:
                await server.next_text()

    platform.on_link = serve
    with pytest.raises(LinkLost, match=r"said nothing for 0\.1 s"):
        await hold(platform)


async def test_server_that_never_says_welcome_is_given_up(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        with contextlib.suppress(EOFError):
            await server.next_text()

    async def dial(address: str, context: ssl.SSLContext, settings: AgentSettings) -> Leg:
        # Only the wait for the welcome is short.
        return await dial_platform(address, context, replace(settings, dial_timeout_s=5))

    monkeypatch.setattr(control, "dial_platform", dial)
    platform.on_link = serve
    opened = asyncio.Event()
    with pytest.raises(LinkLost, match=r"did not open the link within 0\.3 s"):
        await hold(platform, AgentSettings(dial_timeout_s=0.3), opened=opened)
    assert not opened.is_set()


async def test_refusal_of_the_server_is_told(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.send(server.link.start())
        await server.next_event()
        server.send(server.link.refuse("this host was removed"))

    platform.on_link = serve
    with pytest.raises(LinkLost, match="this host was removed"):
        await hold(platform)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (build_close(1001), "closed the link with code 1001"),
        (build_frame(Opcode.BINARY, b"x"), "broke the protocol: expected a text in one piece"),
        (build_frame(Opcode.TEXT, b"x", final=False), "broke the protocol: expected a text in one piece"),
        (build_frame(Opcode.TEXT, b"x"), "broke the protocol"),
        (build_frame(Opcode.TEXT, b'{"type":"heartbeat-echo"}'), "broke the protocol"),
        (
            build_frame(
                Opcode.TEXT,
                b'{"type":"challenge","nonce":"%s","lowest_version":7,"highest_version":9}' % (b"A" * 43),
            ),
            "speaks versions 7-9",
        ),
        (build_frame(Opcode.TEXT, b"x", mask_key=b"abcd"), "broke the protocol: expected an unmasked"),
        (b"", "the server closed the connection"),
    ],
)
async def test_what_a_server_may_not_say_ends_the_link(platform: Platform, raw: bytes, said: str) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.stream.writer.write(raw)
        await server.stream.writer.drain()

    platform.on_link = serve
    with pytest.raises(LinkLost, match=said):
        await hold(platform)


async def test_broken_protocol_is_told_with_its_close_code(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.send("no message")
        frame = FrameReader(masked=True, max_message_bytes=100).feed(await server.stream.receive())[0]
        got.append((frame.opcode, frame.payload))

    got: list[tuple[Opcode, bytes]] = []
    platform.on_link = serve
    with pytest.raises(LinkLost, match="broke the protocol"):
        await hold(platform)
    assert got == [(Opcode.CLOSE, (1002).to_bytes(2, "big"))]


async def test_ping_is_answered_masked(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.stream.writer.write(build_frame(Opcode.PING, b"p") + build_frame(Opcode.PONG, b"q"))
        got.append(await server.stream.receive())

    got: list[bytes] = []
    platform.on_link = serve
    with pytest.raises(LinkLost):
        await hold(platform)
    assert got[0][:2] == bytes([0x80 | Opcode.PONG, 0x80 | 1])


async def test_other_answers_than_an_upgrade_are_told(platform: Platform) -> None:
    with pytest.raises(LinkLost, match="status 404"):
        await hold(platform)


async def test_upgrade_with_a_wrong_key_is_none(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.stream.writer.write(build_response(101, [("Sec-WebSocket-Accept", "x")]))

    platform.on_link = serve
    with pytest.raises(LinkLost, match="WebSocket key"):
        await hold(platform)


async def test_server_that_is_down_is_told(platform: Platform, unused: int) -> None:
    platform.port = unused
    with pytest.raises(DialFailed, match="cannot be reached"):
        await hold(platform)


async def test_unknown_messages_are_passed_over(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send('{"type":"moon-phase","phase":3}')
        await server.leave("done")

    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform)


async def test_cancelled_link_says_that_the_agent_goes_away(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        try:
            while True:
                await server.next_text()
        except EOFError:
            ended.set()

    ended, opened = asyncio.Event(), asyncio.Event()
    platform.on_link = serve
    task = asyncio.create_task(hold(platform, opened=opened))
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await ended.wait()


async def order_over_link(platform: Platform, target: str, answer: type) -> object:
    """Order the agent to dial and return its answer; the link ends after it."""

    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send(dial_of(server, platform, target))
        got.append(await server.wait_for(answer))
        await server.leave("done")

    got: list[object] = []
    platform.on_link, platform.on_leg = serve, take_leg
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, AgentSettings(targets=(target,)))
    return got[0]


async def test_order_to_dial_is_carried_out_and_answered(platform: Platform) -> None:
    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(wait) as port:
        answer = await order_over_link(platform, f"127.0.0.1:{port}", DialledReceived)
    assert answer == DialledReceived("connection")


async def test_order_that_cannot_be_carried_out_is_answered_with_the_reason(
    platform: Platform, unused: int
) -> None:
    answer = await order_over_link(platform, f"127.0.0.1:{unused}", DialRefusedReceived)
    assert isinstance(answer, DialRefusedReceived)
    assert answer.reason == "rdp-server-down"
