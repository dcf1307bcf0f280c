import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable

import pytest

from dialback.broker import links
from dialback.broker.countersign import LinkGone
from dialback.broker.links import Links
from dialback.broker.settings import BrokerSettings
from dialback.domain.canary import CanaryOrder
from dialback.domain.contracts import DialOrder
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.flight import Head, SignedHead
from dialback.domain.health import Check
from dialback.domain.ids import ConnectionId, HostId, SessionId, TenantId, UserName
from dialback.domain.management import ManagementOffer
from dialback.domain.orders import SessionAction
from dialback.domain.secret import Secret
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN
from dialback.edge.accept import Arrival
from dialback.identity.host_keys import HostKey
from dialback.observe.metrics import Metrics
from dialback.wire.agent import messages
from dialback.wire.agent.link import (
    LINK_PATH,
    LINK_SUBPROTOCOL,
    AgentEvent,
    AgentLink,
    CanaryReceived,
    ChallengeReceived,
    DialReceived,
    EchoReceived,
    FlightHeadReceived,
    FlightReceived,
    FlightSignedReceived,
    GoodbyeReceived,
    SessionOrderReceived,
    WelcomeReceived,
)
from dialback.wire.agent.messages import MAX_MESSAGE_BYTES, Failing, HostSession, RdpServer
from dialback.wire.agent.version import SUPPORTED, VersionRange
from dialback.wire.head import RequestHead, ResponseReader
from dialback.wire.websocket import NORMAL_CLOSURE, PROTOCOL_ERROR, FrameReader, Opcode, build_frame
from tests.broker.stores import AWAY, HOST, KEY, NOW, POOL, RESOURCE, USER, FailingStore, filled

PIN = "ab" * 32
ARRIVAL = Arrival(0, 0, 0)
HEAD = RequestHead(
    "GET",
    LINK_PATH,
    (
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("sec-websocket-protocol", LINK_SUBPROTOCOL),
    ),
)
ORDER = DialOrder(
    ConnectionId("c1"), HOST.id, "gw.example.org:443", PIN, Secret("ticket"), RESOURCE.target, USER
)
DEADLINE_S = 10


class FakeLeg:
    """A leg whose far end is the test: `inbox` is what the agent sent, `outbox` what it would hear."""

    peer = "192.0.2.7"

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()

    async def receive(self) -> bytes:
        return await self.inbox.get()

    def send(self, data: bytes) -> None:
        self.outbox.put_nowait(data)

    async def drain(self) -> None:
        await self.taking.wait()

    async def close(self) -> None:
        self.outbox.put_nowait(b"")


class Agent:
    """The far end of a link."""

    def __init__(self, key: HostKey = KEY, versions: VersionRange = SUPPORTED) -> None:
        self.leg = FakeLeg()
        self.machine = AgentLink(
            HOST.id,
            key.sign,
            PIN,
            agent_version="0.1.0",
            host_name="WIN-7",
            system="test",
            versions=versions,
        )
        self.closed_with: int | None = None
        self.status = 0
        self._head = ResponseReader()
        self._frames = FrameReader(masked=False, max_message_bytes=MAX_MESSAGE_BYTES)
        self._texts: list[bytes] = []

    def say(self, text: str) -> None:
        self.say_frame(Opcode.TEXT, text.encode())

    def say_frame(self, opcode: Opcode, payload: bytes) -> None:
        self.leg.inbox.put_nowait(build_frame(opcode, payload, mask_key=b"mask"))

    def leave(self) -> None:
        self.leg.inbox.put_nowait(b"")

    async def hear(self) -> AgentEvent | None:
        """Return the server's next message; None when it has closed."""
        async with asyncio.timeout(DEADLINE_S):
            while not self._texts:
                data = await self.leg.outbox.get()
                if not data:
                    return None
                self._take(data)
        return self.machine.receive(self._texts.pop(0))

    def _take(self, data: bytes) -> None:
        if not self.status:
            head = self._head.feed(data)
            assert head is not None
            self.status, data = head.status, self._head.leftover
        for frame in self._frames.feed(data):
            if frame.opcode is Opcode.CLOSE:
                self.closed_with = int.from_bytes(frame.payload[:2], "big")
            elif frame.opcode is Opcode.TEXT:
                self._texts.append(frame.payload)

    async def hear_end(self) -> list[AgentEvent]:
        """Return what the server still says before it closes."""
        events = []
        while (event := await self.hear()) is not None:
            events.append(event)
        return events

    async def answer_challenge(self) -> None:
        challenge = await self.hear()
        assert isinstance(challenge, ChallengeReceived)
        self.say(challenge.reply)

    async def open(self) -> None:
        await self.answer_challenge()
        assert isinstance(await self.hear(), WelcomeReceived)

    async def next_order(self) -> DialReceived:
        event = await self.hear()
        assert isinstance(event, DialReceived)
        return event

    async def beat(self) -> None:
        """Say a heartbeat and wait until it was dealt with."""
        self.say(self.machine.heartbeat())
        assert isinstance(await self.hear(), EchoReceived)


class Broker:
    """The links under test over a filled store."""

    def __init__(self, store: FailingStore) -> None:
        self.store = store
        self.metrics = Metrics()
        self.links = self.make()

    def make(self, **settings: float) -> Links:
        self.links = Links(self.store, PIN, self.metrics, BrokerSettings(**settings), lambda: NOW)  # type: ignore[arg-type]
        return self.links

    @contextlib.asynccontextmanager
    async def serving(self, agent: Agent) -> AsyncIterator["asyncio.Task[None]"]:
        """Serve the agent's link while the block runs."""
        task = asyncio.create_task(self.links.serve(HEAD, agent.leg, ARRIVAL))  # type: ignore[arg-type]
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stored_link(self) -> bool:
        host = await self.store.any_host(HOST.id)
        assert host is not None
        return host.link_up


@pytest.fixture
async def broker() -> Broker:
    return Broker(await filled())


@contextlib.asynccontextmanager
async def linked(broker: Broker, versions: VersionRange = SUPPORTED) -> AsyncIterator[Agent]:
    """Return an agent whose link stands."""
    agent = Agent(versions=versions)
    async with broker.serving(agent):
        await agent.open()
        await agent.beat()
        yield agent


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not met():
            await asyncio.sleep(0)


# Opening.


async def test_agent_that_proves_its_key_is_welcome_and_noted(broker: Broker) -> None:
    async with linked(broker) as agent:
        assert agent.status == 101
        assert broker.links.up(HOST.id)
        assert await broker.stored_link()
        assert broker.metrics.value("dialback_agent_links") == 1
        host = await broker.store.any_host(HOST.id)
        assert host is not None
        assert host.report is not None
        assert host.report.host_name == "WIN-7"


async def test_link_that_ends_is_noted(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.leave()
        await agent.hear_end()
        await broker.links.settled()

        assert agent.closed_with == NORMAL_CLOSURE
        assert not broker.links.up(HOST.id)
        assert not await broker.stored_link()
        assert broker.metrics.value("dialback_agent_links") == 0


async def _refuse(broker: Broker, agent: Agent) -> list[AgentEvent]:
    async with broker.serving(agent) as task:
        await agent.answer_challenge()
        events = await agent.hear_end()
        await task
    assert not broker.links.up(HOST.id)
    return events


async def test_wrong_key_is_refused_with_a_goodbye(broker: Broker) -> None:
    assert await _refuse(broker, Agent(HostKey.generate())) == [
        GoodbyeReceived(SENTENCES[Reason.HOST_KEY_REFUSED])
    ]
    assert broker.metrics.value("dialback_refused_total", reason="host-key-refused") == 1


async def test_removed_host_is_refused_with_a_goodbye(broker: Broker) -> None:
    await broker.store.revoke_host(HOST.id, NOW)

    assert await _refuse(broker, Agent()) == [GoodbyeReceived(SENTENCES[Reason.HOST_REVOKED])]


async def test_store_that_is_away_refuses_with_a_goodbye(broker: Broker) -> None:
    broker.store.away = AWAY

    assert await _refuse(broker, Agent()) == [GoodbyeReceived(SENTENCES[Reason.STORE_UNAVAILABLE])]


async def test_agent_of_another_version_is_told_which_are_spoken(broker: Broker) -> None:
    agent = Agent()
    async with broker.serving(agent):
        challenge = await agent.hear()
        assert isinstance(challenge, ChallengeReceived)
        hello = json.loads(challenge.reply)
        agent.say(json.dumps({**hello, "lowest_version": 900, "highest_version": 901}))
        (event,) = await agent.hear_end()

    assert isinstance(event, GoodbyeReceived)
    assert "no common version" in event.reason
    assert agent.closed_with == NORMAL_CLOSURE


async def test_unknown_message_before_the_hello_is_ignored(broker: Broker) -> None:
    agent = Agent()
    async with broker.serving(agent):
        agent.say('{"type":"from-a-newer-minor"}')
        await agent.open()

        await agent.beat()
        assert broker.links.up(HOST.id)


async def test_agent_that_is_silent_at_first_is_let_go(broker: Broker) -> None:
    broker.make(hello_deadline_s=0.01)
    agent = Agent()
    async with broker.serving(agent) as task:
        await agent.hear()
        assert await agent.hear_end() == []
        await task


async def test_request_without_upgrade_is_told_so(broker: Broker) -> None:
    agent = Agent()

    await broker.links.serve(RequestHead("GET", LINK_PATH, ()), agent.leg, ARRIVAL)  # type: ignore[arg-type]

    head = ResponseReader().feed(await agent.leg.outbox.get())
    assert head is not None
    assert head.status == 426


# A link that stands.


@pytest.mark.parametrize(
    "breach",
    [
        (Opcode.TEXT, b"{"),
        (Opcode.TEXT, b"\xff"),
        (Opcode.TEXT, b'{"type":"report","rdp_servers":7}'),
        (Opcode.BINARY, b"{}"),
        (Opcode.TEXT, b"x" * (MAX_MESSAGE_BYTES + 1)),
    ],
    ids=["no-json", "no-utf-8", "wrong-field", "binary", "oversized"],
)
async def test_breach_of_the_protocol_closes_with_1002(broker: Broker, breach: tuple[Opcode, bytes]) -> None:
    async with linked(broker) as agent:
        agent.say_frame(*breach)
        await agent.hear_end()

        assert agent.closed_with == PROTOCOL_ERROR
        assert not broker.links.up(HOST.id)


async def test_breach_before_the_hello_closes_with_1002(broker: Broker) -> None:
    agent = Agent()
    async with broker.serving(agent):
        await agent.hear()
        agent.say('{"type":"heartbeat"}')
        await agent.hear_end()

    assert agent.closed_with == PROTOCOL_ERROR


async def test_ping_is_answered_and_a_close_ends_the_link(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.say_frame(Opcode.PING, b"are you there")
        async with asyncio.timeout(DEADLINE_S):
            assert await agent.leg.outbox.get() == build_frame(Opcode.PONG, b"are you there")
        agent.say_frame(Opcode.CLOSE, b"\x03\xe8")
        await agent.hear_end()

        assert agent.closed_with == NORMAL_CLOSURE


OFFER = messages.ManagementOffer(lowest_version=1, highest_version=2, offers=("restart-rdp",))


async def test_report_is_kept(broker: Broker) -> None:
    async with linked(broker) as agent:
        found = RdpServer(target=RESOURCE.target, answers=True, security="tls", tls_version="TLSv1.3")
        agent.say(agent.machine.report([found], management=OFFER))
        await agent.beat()

        host = await broker.store.any_host(HOST.id)
        assert host is not None
        assert host.report is not None
        assert [server.security for server in host.report.rdp_servers] == ["tls"]
        assert host.report.management == ManagementOffer(1, 2, ("restart-rdp",))


async def test_store_that_goes_away_ends_no_link_and_learns_of_it_later(broker: Broker) -> None:
    async with linked(broker) as agent:
        broker.store.away = AWAY
        agent.say(agent.machine.report([]))
        await agent.beat()
        broker.store.away = None
        await broker.store.set_link(HOST.id, False, NOW)

        await agent.beat()
        await agent.beat()

        assert broker.links.up(HOST.id)
        assert await broker.stored_link()


async def test_link_that_ends_while_the_store_is_away_is_noted_once_it_is_back(broker: Broker) -> None:
    async with linked(broker) as agent:
        broker.store.away = AWAY
        agent.leave()
        await agent.hear_end()
    await broker.links.settled()
    keeping = asyncio.create_task(broker.links.run(every_s=0.001))
    for _ in range(20):
        await asyncio.sleep(0)
    broker.store.away = None
    async with asyncio.timeout(30):
        while await broker.stored_link():
            await asyncio.sleep(0.001)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_host_that_is_removed_is_sent_away_at_its_next_heartbeat(broker: Broker) -> None:
    async with linked(broker) as agent:
        await broker.store.revoke_host(HOST.id, NOW)
        await agent.beat()

        assert await agent.hear_end() == [GoodbyeReceived(SENTENCES[Reason.HOST_REVOKED])]
        assert not broker.links.up(HOST.id)


async def test_newer_link_takes_the_place_of_the_older(broker: Broker) -> None:
    async with linked(broker) as older, linked(broker):
        (event,) = await older.hear_end()

        assert isinstance(event, GoodbyeReceived)
        assert "newer link" in event.reason
        assert broker.links.up(HOST.id)
        assert await broker.stored_link()
        assert broker.metrics.value("dialback_agent_links") == 1


async def test_server_that_stops_says_goodbye(broker: Broker) -> None:
    agent = Agent()
    async with broker.serving(agent):
        await agent.open()
        await agent.beat()

    assert await agent.hear_end() == [GoodbyeReceived(SENTENCES[Reason.SERVER_STOPPED])]


async def test_nothing_is_read_from_an_agent_that_takes_nothing(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.leg.taking.clear()
        agent.say(agent.machine.heartbeat())
        agent.say(agent.machine.heartbeat())
        await until(lambda: agent.leg.inbox.qsize() == 1)
        for _ in range(20):
            await asyncio.sleep(0)

        assert agent.leg.inbox.qsize() == 1


# Orders.


async def test_order_is_carried_to_the_agent_and_its_answer_back(broker: Broker) -> None:
    async with linked(broker) as agent:
        dialling = asyncio.create_task(broker.links.dial(ORDER))
        order = (await agent.next_order()).order
        agent.say(agent.machine.dialled(order.connection_id))
        await dialling

    assert (order.gateway, order.ticket, order.target, order.user) == (
        ORDER.gateway,
        "ticket",
        ORDER.target,
        USER,
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("agent-refused", Reason.AGENT_REFUSED),
        ("rdp-server-down", Reason.RDP_SERVER_DOWN),
        ("gateway-unreachable", Reason.HOST_LEG_LATE),
    ],
)
async def test_refusal_of_the_agent_becomes_ours(broker: Broker, said, reason) -> None:  # type: ignore[no-untyped-def]
    async with linked(broker) as agent:
        dialling = asyncio.create_task(broker.links.dial(ORDER))
        order = (await agent.next_order()).order
        agent.say(agent.machine.dial_refused(order.connection_id, said, "because"))

        with pytest.raises(Refused) as refused:
            await dialling
    assert (refused.value.reason, refused.value.detail) == (reason, "because")


async def test_order_for_a_host_without_link_is_refused_at_once(broker: Broker) -> None:
    with pytest.raises(Refused) as refused:
        await broker.links.dial(ORDER)

    assert refused.value.reason is Reason.HOST_OFFLINE


async def test_order_whose_agent_leaves_is_refused_at_once(broker: Broker) -> None:
    async with linked(broker) as agent:
        dialling = asyncio.create_task(broker.links.dial(ORDER))
        await agent.next_order()
        agent.leave()

        with pytest.raises(Refused) as refused:
            await dialling
    assert refused.value.reason is Reason.HOST_OFFLINE


async def test_order_that_is_not_answered_is_refused_after_its_deadline(broker: Broker) -> None:
    broker.make(dial_deadline_s=0.01)
    async with linked(broker) as agent:
        with pytest.raises(Refused) as refused:
            await broker.links.dial(ORDER)
        order = (await agent.next_order()).order
        agent.say(agent.machine.dialled(order.connection_id))
        await agent.beat()

    assert refused.value.reason is Reason.AGENT_SILENT
    assert re.fullmatch(
        r"no answer within 0\.01 s, last heard of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", refused.value.detail
    )


async def test_answer_nobody_waits_for_is_dropped(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.say(agent.machine.dialled("never-ordered"))
        await agent.beat()

        assert broker.links.up(HOST.id)


async def test_orders_that_wait_are_refused_when_a_newer_link_takes_over(broker: Broker) -> None:
    async with linked(broker) as older:
        ordering = asyncio.create_task(order_session(broker))
        dialling = asyncio.create_task(broker.links.dial(ORDER))
        await older.hear()
        await older.hear()
        async with linked(broker):
            for waiting in (ordering, dialling):
                with pytest.raises(Refused):
                    await waiting


# What the host says of itself.


async def failed(broker: Broker) -> set[Check]:
    """Return what is kept of the host's health."""
    standings = await broker.store.directory.standings(MAIN, POOL, USER)
    return set(next(each for each in standings if each.member.host == HOST.id).failed)


def answering(answers: bool) -> RdpServer:
    return RdpServer(target="127.0.0.1:3389", answers=answers, problem="" if answers else "nothing listens")


async def test_health_is_kept_as_the_agent_reports_it(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.say(agent.machine.report([answering(False)], [Failing(check="disk", detail="full")]))
        await agent.beat()
        assert await failed(broker) == {Check.RDP, Check.DISK}
        assert broker.metrics.value("dialback_hosts_failing", check="rdp") == 1

        agent.say(agent.machine.report([answering(False), answering(True)]))
        await agent.beat()
        assert await failed(broker) == set()


async def test_health_of_an_earlier_link_is_forgotten(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.say(agent.machine.report([]))
        await agent.beat()
        assert await failed(broker) == {Check.RDP}
    await broker.links.settled()
    assert broker.metrics.value("dialback_hosts_failing", check="rdp") == 0
    async with linked(broker):
        assert await failed(broker) == set()


async def test_sessions_are_kept_as_the_agent_lists_them(broker: Broker) -> None:
    async with linked(broker) as agent:
        found = HostSession(id="xrdp-10", user="anna", state="active", since=NOW)
        agent.say(agent.machine.sessions([found]))
        await agent.beat()
        (kept,) = await broker.store.directory.sessions(MAIN, HOST.id)
        assert (kept.id, kept.user, kept.since) == ("xrdp-10", "anna", NOW)

        agent.say(agent.machine.sessions([]))
        await agent.beat()
        assert await broker.store.directory.sessions(MAIN, HOST.id) == []


async def test_host_is_ready_once_its_rdp_server_answers_and_its_sessions_are_listed(broker: Broker) -> None:
    assert not broker.links.ready(HOST.id)
    async with linked(broker) as agent:
        said = [agent.machine.report([answering(False)]), agent.machine.report([answering(True)])]
        for text in (*said, agent.machine.sessions([])):
            assert not broker.links.ready(HOST.id)
            agent.say(text)
            await agent.beat()
        assert broker.links.ready(HOST.id)
    await broker.links.settled()
    assert not broker.links.ready(HOST.id)


async def test_host_that_cannot_list_its_sessions_is_ready_all_the_same(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.say(agent.machine.report([answering(True)]))
        agent.say(agent.machine.sessions([], "no session manager"))
        await agent.beat()
        assert broker.links.ready(HOST.id)
    async with linked(broker, ONE) as old:
        old.say(old.machine.report([answering(True)]))
        await old.beat()
        assert broker.links.ready(HOST.id)


async def test_host_is_not_ready_while_the_store_does_not_know_its_sessions(broker: Broker) -> None:
    async with linked(broker) as agent:
        agent.say(agent.machine.report([answering(True)]))
        broker.store.away = AWAY
        agent.say(agent.machine.sessions([]))
        await agent.beat()
        assert not broker.links.ready(HOST.id)
        broker.store.away = None
        await agent.beat()
        await agent.beat()
        assert broker.links.ready(HOST.id)


async def test_list_that_the_store_missed_is_kept_at_the_next_heartbeat(broker: Broker) -> None:
    async with linked(broker) as agent:
        broker.store.away = AWAY
        agent.say(agent.machine.sessions([HostSession(id="1", user="anna", state="active", since=NOW)]))
        await agent.beat()
        broker.store.away = None
        await agent.beat()
        await agent.beat()
        assert len(await broker.store.directory.sessions(MAIN, HOST.id)) == 1


# Canaries.

CANARY = CanaryOrder(ConnectionId("c2"), HOST.id, "gw.example.org:443", PIN, Secret("ticket"))
ONE = VersionRange(1, 1)


async def test_canary_is_carried_to_the_agent_and_its_answer_back(broker: Broker) -> None:
    async with linked(broker) as agent:
        (bird,) = broker.links.birds()
        assert (bird.host_id, bird.host_key) == (HOST.id, KEY.public_bytes)
        flying = asyncio.create_task(broker.links.canary(CANARY))
        event = await agent.hear()
        assert isinstance(event, CanaryReceived)
        assert (event.order.gateway, event.order.ticket) == (CANARY.gateway, "ticket")
        agent.say(agent.machine.dialled(event.order.connection_id))
        await flying


async def test_what_came_of_a_canary_is_kept(broker: Broker) -> None:
    async with linked(broker):
        await broker.links.dialled_back(HOST.id, "no route")
        assert await failed(broker) == {Check.DIAL_BACK}
        await broker.links.dialled_back(HOST.id, "")
        assert await failed(broker) == set()
    await broker.links.dialled_back(HOST.id, "no route")
    assert await failed(broker) == set()


async def test_agent_of_version_1_is_never_asked(broker: Broker) -> None:
    async with linked(broker, ONE):
        assert broker.links.birds() == []
        with pytest.raises(Refused) as refused:
            await broker.links.canary(CANARY)
        assert refused.value.reason is Reason.HOST_OFFLINE
        with pytest.raises(Refused, match="too old"):
            await order_session(broker)


async def test_canary_for_a_host_without_link_is_refused_at_once(broker: Broker) -> None:
    with pytest.raises(Refused) as refused:
        await broker.links.canary(CANARY)
    assert refused.value.reason is Reason.HOST_OFFLINE


async def test_dial_counts_as_a_canary(broker: Broker) -> None:
    async with linked(broker) as agent:
        dialling = asyncio.create_task(broker.links.dial(ORDER))
        order = (await agent.next_order()).order
        agent.say(agent.machine.dial_refused(order.connection_id, "gateway-unreachable", "no route"))
        with pytest.raises(Refused):
            await dialling
        assert await failed(broker) == {Check.DIAL_BACK}

        before = asyncio.get_running_loop().time()
        dialling = asyncio.create_task(broker.links.dial(ORDER))
        order = (await agent.next_order()).order
        agent.say(agent.machine.dialled(order.connection_id))
        await dialling
        assert await failed(broker) == set()
        assert broker.links.birds()[0].proved_at >= before


# Orders for sessions.


async def order_session(
    broker: Broker, text: str = "", tenant: TenantId = MAIN, host: HostId = HOST.id
) -> None:
    session = Session(tenant, host, SessionId("xrdp-10"), UserName("anna"), SessionState.ACTIVE, NOW)
    await broker.links.order(session, SessionAction.MESSAGE, text)


@pytest.mark.parametrize("problem", ["", "the host has no such session"])
async def test_order_for_a_session_is_carried_to_the_agent_and_its_answer_back(
    broker: Broker, problem: str
) -> None:
    async with linked(broker) as agent:
        ordering = asyncio.create_task(order_session(broker, "back at\nnoon"))
        event = await agent.hear()
        assert isinstance(event, SessionOrderReceived)
        order = event.order
        assert (order.action, order.session, order.text) == ("message", "xrdp-10", "back at\nnoon")
        assert order.user == "anna"
        agent.say(agent.machine.session_order_done("never-ordered", "x"))
        agent.say(agent.machine.session_order_done(order.order_id, problem))
        if problem:
            with pytest.raises(Refused) as refused:
                await ordering
            assert (refused.value.reason, refused.value.detail) == (Reason.SESSION_ORDER_FAILED, problem)
        else:
            await ordering


async def test_order_that_the_agent_does_not_answer_is_given_up(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "SESSION_ORDER_S", 0.01)
    async with linked(broker):
        with pytest.raises(Refused, match="nobody knows"):
            await order_session(broker)


async def test_order_whose_link_breaks_says_that_nobody_knows(broker: Broker) -> None:
    async with linked(broker) as agent:
        ordering = asyncio.create_task(order_session(broker))
        await agent.hear()
        agent.leave()
        with pytest.raises(Refused, match="nobody knows"):
            await ordering


async def test_order_for_a_host_without_link_or_of_another_tenant_is_refused(broker: Broker) -> None:
    async with linked(broker):
        for tenant, host in ((MAIN, HostId("other")), (TenantId("other"), HOST.id)):
            with pytest.raises(Refused) as refused:
                await order_session(broker, tenant=tenant, host=host)
            assert refused.value.reason is Reason.HOST_OFFLINE


LINE = '{"at":"now"}'


async def test_flight_record_is_told_signed_and_shown(broker: Broker) -> None:
    up: list[tuple[HostId, TenantId]] = []
    broker.links.linked = lambda host, tenant: up.append((host, tenant))
    async with linked(broker) as agent:
        assert up == [(HOST.id, MAIN)]
        assert broker.links.flight_key(HOST.id) == HOST.public_key
        telling = asyncio.create_task(broker.links.tell_flight(HOST.id, ConnectionId("c1"), [LINE]))
        event = await agent.hear()
        assert event == FlightReceived("c1", (LINE,))
        agent.say(agent.machine.flight_signed("c1", 1, "ef" * 32, bytes(64)))
        assert await telling == FlightSignedReceived("c1", 1, "ef" * 32, bytes(64))
        head = Head(ConnectionId("c1"), 1, "ef" * 32)
        broker.links.show_head(HOST.id, SignedHead(head, bytes(64), bytes(64)), bytes(32))
        shown = await agent.hear()
        assert isinstance(shown, FlightHeadReceived)
        assert shown.hash == head.hash


async def test_agent_of_version_3_and_one_that_is_away_keep_no_flight_record(broker: Broker) -> None:
    signed = SignedHead(Head(ConnectionId("c1"), 1, "ef" * 32), bytes(64), bytes(64))
    async with linked(broker, VersionRange(1, 3)):
        assert broker.links.flight_key(HOST.id) is None
        broker.links.show_head(HOST.id, signed, bytes(32))
        with pytest.raises(LinkGone):
            await broker.links.tell_flight(HOST.id, ConnectionId("c1"), [LINE])
    broker.links.show_head(HOST.id, signed, bytes(32))
    assert broker.links.flight_key(HOST.id) is None


async def test_link_that_is_lost_ends_the_wait_for_a_signature(broker: Broker) -> None:
    async with linked(broker) as agent:
        telling = asyncio.create_task(broker.links.tell_flight(HOST.id, ConnectionId("c1"), [LINE]))
        await agent.hear()
        agent.leave()
        with pytest.raises(LinkGone):
            await telling
