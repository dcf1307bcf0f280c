import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dialback.agent import reverse
from dialback.agent.consent_uses import REST_S
from dialback.agent.reverse import Declined, Dialler
from dialback.agent.settings import AgentSettings
from dialback.domain.consent import ConsentScope
from dialback.observe.tasks import Tasks
from dialback.transport.leg import Leg
from dialback.transport.tls import client_context
from dialback.wire.agent.link import HOST_HEADER, SIGNATURE_HEADER, TICKET_HEADER, signed_ticket
from dialback.wire.agent.messages import Canary, Dial, decode_base64url
from tests.agent import consents
from tests.agent.consents import GRANT, HOST, Agent, asking, signed
from tests.agent.platform_stub import HOST_ID, Platform, Stream, running, serving, take_leg

TICKET = "t1cket"


class Answers:
    """Answers to orders, as they come."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[str, Declined | None]] = asyncio.Queue()

    def __call__(self, connection_id: str, declined: Declined | None) -> None:
        self._queue.put_nowait((connection_id, declined))

    async def next(self) -> Declined | None:
        async with asyncio.timeout(5):
            connection_id, declined = await self._queue.get()
        assert connection_id == "connection"
        return declined


@contextlib.asynccontextmanager
async def dialling(
    platform: Platform, targets: tuple[str, ...], agent: Agent | None = None
) -> AsyncIterator[Dialler]:
    tasks = Tasks()
    settings = AgentSettings(targets=targets, dial_timeout_s=5)
    identity = platform.identity
    try:
        consent = agent.consent if agent else None
        yield Dialler(identity, settings, client_context(identity.ca_pem), tasks, consent=consent)
    finally:
        await tasks.close()


def order(platform: Platform, target: str, *, pin: str = "", gateway: str = "") -> Dial:
    return Dial(
        connection_id="connection",
        gateway=gateway or platform.address,
        certificate_sha256=pin or platform.certificate_sha256,
        ticket=TICKET,
        target=target,
        user="ann",
    )


def visiting(platform: Platform, target: str, grant: str | None = None) -> Dial:
    """Return an order for somebody of the provider."""
    consent = consents.order(grant).consent
    return order(platform, target).model_copy(update={"consent": consent})


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, until it ends."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


class Gateway:
    """Takes host legs and keeps them."""

    def __init__(self, platform: Platform) -> None:
        self.legs: asyncio.Queue[Stream] = asyncio.Queue()
        self._ended = asyncio.Event()
        platform.on_leg = self._take

    async def _take(self, stream: Stream) -> None:
        await take_leg(stream)
        self.legs.put_nowait(stream)
        await self._ended.wait()

    async def leg(self) -> Stream:
        async with asyncio.timeout(5):
            return await self.legs.get()


@pytest.mark.parametrize("where", ["tcp", "unix"])
async def test_bytes_go_both_ways_between_gateway_and_target(
    platform: Platform, tmp_path: Path, where: str
) -> None:
    gateway, answers = Gateway(platform), Answers()
    path = tmp_path / "rdp.sock" if where == "unix" else None
    async with serving(echo, path=path) as port:
        target = f"unix:{path}" if path else f"127.0.0.1:{port}"
        async with dialling(platform, (target,)) as dialler:
            dialler.start(order(platform, target), answers)
            assert await answers.next() is None
            leg = await gateway.leg()
            sent = bytes(range(256)) * 4096
            leg.writer.write(sent)
            async with asyncio.timeout(10):
                assert await leg.reader.readexactly(len(sent)) == sent


async def test_host_leg_brings_the_signed_ticket(platform: Platform) -> None:
    gateway, answers = Gateway(platform), Answers()
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}"), answers)
        head = (await gateway.leg()).head
    assert head.wants_upgrade("dialback-reverse/1")
    assert (head.header(HOST_HEADER), head.header(TICKET_HEADER)) == (HOST_ID, TICKET)
    signature = decode_base64url(head.header(SIGNATURE_HEADER) or "")
    assert platform.knows(signature, signed_ticket(TICKET, HOST_ID, platform.certificate_sha256))


async def test_target_that_speaks_first_is_heard(platform: Platform) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()

    gateway, answers = Gateway(platform), Answers()
    async with serving(greet) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}"), answers)
        assert await (await gateway.leg()).reader.readexactly(5) == b"hello"


async def test_end_at_the_target_ends_the_host_leg(platform: Platform) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)

    gateway, answers = Gateway(platform), Answers()
    async with serving(end) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}"), answers)
        leg = await gateway.leg()
        leg.writer.write(b"x")
        async with asyncio.timeout(5):
            assert await leg.reader.read() == b""


async def test_policy_refuses_a_target_before_anything_is_dialled(platform: Platform) -> None:
    answers = Answers()
    async with dialling(platform, ("127.0.0.1:3389",)) as dialler:
        dialler.start(order(platform, "10.0.0.7:3389"), answers)
        declined = await answers.next()
    assert declined is not None
    assert declined.reason == "agent-refused"
    assert "10.0.0.7:3389 is not among the targets" in declined.detail
    assert platform.requests == []


async def test_ticket_is_not_shown_while_the_target_is_down(platform: Platform, unused: int) -> None:
    Gateway(platform)
    answers, target = Answers(), f"127.0.0.1:{unused}"
    async with dialling(platform, (target,)) as dialler:
        dialler.start(order(platform, target), answers)
        declined = await answers.next()
    assert declined is not None
    assert declined.reason == "rdp-server-down"
    assert target in declined.detail
    assert dialler.target_failed.is_set()
    assert platform.requests == []


async def test_gateway_with_another_certificate_gets_no_ticket(platform: Platform) -> None:
    Gateway(platform)
    answers = Answers()
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}", pin="0" * 64), answers)
        declined = await answers.next()
    assert declined is not None
    assert declined.reason == "gateway-unreachable"
    assert not dialler.target_failed.is_set()
    assert "shows the certificate" in declined.detail
    assert platform.requests == []


async def test_gateway_of_another_authority_gets_no_ticket(platform: Platform, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    answers = Answers()
    async with (
        running(other_folder) as other,
        serving(echo) as port,
        dialling(platform, (f"127.0.0.1:{port}",)) as dialler,
    ):
        place = order(platform, f"127.0.0.1:{port}", gateway=other.address, pin=other.certificate_sha256)
        dialler.start(place, answers)
        declined = await answers.next()
        assert declined is not None
        assert "is not trusted" in declined.detail
        assert other.requests == []


async def refuse(stream: Stream) -> None:
    await stream.answer(403)


async def hang_up(stream: Stream) -> None:
    stream.writer.close()


async def talk_nonsense(stream: Stream) -> None:
    stream.writer.write(b"SSH-2.0-x\r\n\r\n")
    await stream.writer.drain()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (refuse, "refused the host leg with status 403"),
        (hang_up, "closed the connection"),
        (talk_nonsense, "no proper answer"),
    ],
)
async def test_gateway_that_does_not_take_the_leg_is_told(
    platform: Platform, behaviour: Callable[[Stream], None], said: str
) -> None:
    platform.on_leg = behaviour
    answers = Answers()
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}"), answers)
        declined = await answers.next()
    assert declined is not None
    assert declined.reason == "gateway-unreachable"
    assert said in declined.detail


@pytest.mark.parametrize("gateway", ["gate:0", "gate:99999", "[1:2]:443"])
async def test_gateway_address_that_is_none_is_declined(platform: Platform, gateway: str) -> None:
    answers = Answers()
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}", gateway=gateway), answers)
        declined = await answers.next()
    assert declined is not None
    assert declined.reason == "gateway-unreachable"


async def test_too_many_dials_at_once_are_declined(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reverse, "MOST_DIALLING", 1)
    gateway, first, second = Gateway(platform), Answers(), Answers()
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
        dialler.start(order(platform, f"127.0.0.1:{port}"), first)
        dialler.start(order(platform, f"127.0.0.1:{port}"), second)
        declined = await second.next()
        assert declined is not None
        assert declined.reason == "agent-refused"
        assert await first.next() is None
        await gateway.leg()
        third = Answers()
        dialler.start(order(platform, f"127.0.0.1:{port}"), third)
        assert await third.next() is None


async def test_connections_end_with_their_tasks(platform: Platform) -> None:
    gateway, answers = Gateway(platform), Answers()
    async with serving(echo) as port:
        async with dialling(platform, (f"127.0.0.1:{port}",)) as dialler:
            dialler.start(order(platform, f"127.0.0.1:{port}"), answers)
            leg = await gateway.leg()
            assert await answers.next() is None
        async with asyncio.timeout(5):
            assert await leg.reader.read() == b""


def canary(platform: Platform, *, gateway: str = "", number: str = "connection") -> Canary:
    return Canary(
        connection_id=number,
        gateway=gateway or platform.address,
        certificate_sha256=platform.certificate_sha256,
        ticket=TICKET,
    )


async def test_canary_presents_its_ticket_and_ends(platform: Platform) -> None:
    gateway, answers = Gateway(platform), Answers()
    async with dialling(platform, ()) as dialler:
        dialler.show(canary(platform), answers)
        assert await answers.next() is None
        leg = await gateway.leg()
        assert leg.head.header(TICKET_HEADER) == TICKET
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                assert await leg.reader.read() == b""


async def test_canary_that_reaches_no_gateway_says_why(platform: Platform, unused: int) -> None:
    answers = Answers()
    async with dialling(platform, ()) as dialler:
        for _ in range(2):
            dialler.show(canary(platform, gateway=f"127.0.0.1:{unused}"), answers)
            declined = await answers.next()
            assert declined is not None
            assert declined.reason == "gateway-unreachable"
            assert "cannot be reached" in declined.detail
        Gateway(platform)
        dialler.show(canary(platform), answers)
        assert await answers.next() is None


async def test_newer_canary_takes_the_place_of_one_that_hangs(platform: Platform) -> None:
    async def hang(stream: Stream) -> None:
        hanging.set()
        await asyncio.Event().wait()

    hanging, answers = asyncio.Event(), Answers()
    platform.on_leg = hang
    async with dialling(platform, ()) as dialler:
        dialler.show(canary(platform, number="older"), answers)
        async with asyncio.timeout(5):
            await hanging.wait()
        Gateway(platform)
        dialler.show(canary(platform), answers)
        assert await answers.next() is None


async def test_console_is_served_on_the_host_leg_and_nothing_local_is_dialled(platform: Platform) -> None:
    served: list[tuple[str, frozenset[ConsentScope]]] = []

    async def manage(order: Dial, allowed: frozenset[ConsentScope], leg: Leg) -> None:
        served.append((order.user, allowed))
        leg.send(await leg.receive())
        await leg.close()

    gateway, answers, tasks = Gateway(platform), Answers(), Tasks()
    identity, settings = platform.identity, AgentSettings(targets=(), dial_timeout_s=5)
    dialler = Dialler(identity, settings, client_context(identity.ca_pem), tasks, manage)
    dialler.start(order(platform, "management"), answers)
    assert await answers.next() is None
    leg = await gateway.leg()
    leg.writer.write(b"hello")
    async with asyncio.timeout(5):
        assert await leg.reader.readexactly(5) == b"hello"
    assert served == [("ann", frozenset())]
    await tasks.close()


async def test_console_is_declined_where_management_is_not_enabled(platform: Platform) -> None:
    answers = Answers()
    async with dialling(platform, ()) as dialler:
        dialler.start(order(platform, "management"), answers)
        declined = await answers.next()
    assert declined is not None
    assert (declined.reason, platform.requests) == ("agent-refused", [])
    assert "management is not enabled" in declined.detail


@pytest.mark.parametrize("way", ["status", "unreachable"])
async def test_console_gets_no_leg_while_the_gateway_does_not_take_it(
    platform: Platform, unused: int, way: str
) -> None:
    async def manage(order: Dial, allowed: frozenset[ConsentScope], leg: Leg) -> None:
        raise AssertionError("expected no console")

    platform.on_leg = refuse
    answers, tasks, identity = Answers(), Tasks(), platform.identity
    dialler = Dialler(identity, AgentSettings(), client_context(identity.ca_pem), tasks, manage)
    gateway = f"127.0.0.1:{unused}" if way == "unreachable" else ""
    dialler.start(order(platform, "management", gateway=gateway), answers)
    declined = await answers.next()
    assert declined is not None
    assert declined.reason == "gateway-unreachable"
    await tasks.close()


async def test_provider_is_let_in_by_nobody_where_there_is_no_consent(platform: Platform) -> None:
    answers = Answers()
    async with dialling(platform, ("127.0.0.1:3389",)) as dialler:
        dialler.start(visiting(platform, "127.0.0.1:3389"), answers)
        declined = await answers.next()
    assert declined == Declined("consent-forbidden", "no consent policy on this host")
    assert platform.requests == []


async def test_user_is_refused_where_only_the_provider_is_let_in(platform: Platform, tmp_path: Path) -> None:
    answers = Answers()
    async with dialling(platform, ("127.0.0.1:3389",), Agent(tmp_path, asking())) as dialler:
        dialler.start(order(platform, "127.0.0.1:3389"), answers)
        declined = await answers.next()
    assert declined is not None
    assert declined.reason == "agent-refused"
    assert platform.requests == []


async def test_what_lost_its_consent_is_told_and_cut(platform: Platform, tmp_path: Path) -> None:
    gateway, answers, agent = Gateway(platform), Answers(), Agent(tmp_path, asking())
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",), agent) as dialler:
        target = f"127.0.0.1:{port}"
        grant = signed(replace(GRANT, host=HOST, targets=frozenset()))
        dialler.start(visiting(platform, target, grant), answers)
        assert await answers.next() is None
        leg = await gateway.leg()
        dialler.look()
        leg.writer.write(b"x")
        assert await leg.reader.readexactly(1) == b"x"

        dialler.revoke("another")
        leg.writer.write(b"y")
        assert await leg.reader.readexactly(1) == b"y"

        dialler.revoke("g1")
        assert await answers.next() == Declined("grant-revoked", "g1")
        async with asyncio.timeout(2):
            assert await leg.reader.read() == b""
        dialler.start(visiting(platform, target, grant), answers)
        assert await answers.next() == Declined("grant-revoked", "g1")


async def test_visit_whose_leg_ended_goes_on_for_a_short_time(platform: Platform, tmp_path: Path) -> None:
    gateway, answers, agent = Gateway(platform), Answers(), Agent(tmp_path, asking())
    async with serving(echo) as port, dialling(platform, (f"127.0.0.1:{port}",), agent) as dialler:
        grant = signed(replace(GRANT, host=HOST, targets=frozenset(), uses=1))
        asked = visiting(platform, f"127.0.0.1:{port}", grant)
        for _ in range(2):
            dialler.start(asked, answers)
            assert await answers.next() is None
            (await gateway.leg()).writer.close()
            async with asyncio.timeout(5):
                while dialler._visits:
                    await asyncio.sleep(0.01)
        agent.clock_s = REST_S
        dialler.start(asked, answers)
        assert await answers.next() == Declined("grant-used", "1 of 1 uses")


async def test_cut_does_not_wait_for_a_gateway_that_does_not_read(platform: Platform, tmp_path: Path) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(65536))
                await writer.drain()

    gateway, answers, agent = Gateway(platform), Answers(), Agent(tmp_path, asking())
    async with serving(flood) as port, dialling(platform, (f"127.0.0.1:{port}",), agent) as dialler:
        grant = signed(replace(GRANT, host=HOST, targets=frozenset()))
        dialler.start(visiting(platform, f"127.0.0.1:{port}", grant), answers)
        assert await answers.next() is None
        await gateway.leg()
        await asyncio.sleep(0.1)
        dialler.revoke("g1")
        assert await answers.next() == Declined("grant-revoked", "g1")
        async with asyncio.timeout(5):
            while dialler._visits:
                await asyncio.sleep(0.05)
