"""The console against a real agent over sockets with real TLS, and against those who only pretend."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from dialback.console import management as module
from dialback.console.connecting import Access
from dialback.console.management import ManagementLost, VersionsDiffer, managing, opened, refusal_of
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, TenantId
from dialback.domain.secret import Secret
from dialback.identity.host_keys import HostKey
from dialback.transport.inner_tls import InnerTls, client_side, server_side
from dialback.transport.leg import Leg
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.messages import Done, Goodbye, Log, RefusedAsk, encode
from dialback.wire.management.session import AgentSession, ConsoleGreeted
from tests.agent.management_stage import PLACE, ManagedHost
from tests.console.gateway_stub import GatewayStub
from tests.transport.pairs import legs


async def test_agent_is_proved_and_asked() -> None:
    host = ManagedHost()
    async with host.managed() as management:
        assert (await management.facts()).host_name
        assert len((await management.sessions()).sessions) == 2


@pytest.mark.parametrize("which", ["key", "host"])
async def test_far_end_that_is_another_host_is_refused(which: str) -> None:
    host = ManagedHost()
    key = HostKey.generate() if which == "key" else host.key
    async with host.serving() as leg:
        with pytest.raises(Refused, match="somebody may be in between") as refused:
            async with opened(leg, "host" if which == "key" else "h2", key.public_bytes, PLACE):
                raise AssertionError("expected no session")
    assert refused.value.reason is Reason.HOST_KEY_OTHER


async def test_man_in_the_middle_with_another_certificate_is_refused() -> None:
    """He ends TLS on both sides and hands every message on, the agent's signature among them."""
    host = ManagedHost()
    async with host.serving() as to_agent, legs() as (near, far):
        man = asyncio.create_task(_stand_between(far, to_agent))
        with pytest.raises(Refused, match="somebody may be in between") as refused:
            async with opened(near, "host", host.key.public_bytes, PLACE):
                raise AssertionError("expected no session")
        man.cancel()
        await asyncio.gather(man, return_exceptions=True)
    assert refused.value.reason is Reason.HOST_KEY_OTHER


async def _stand_between(console: Leg, agent: Leg) -> None:
    to_console = InnerTls(console, server_side().context, is_server=True)
    to_agent = InnerTls(agent, client_side(), is_server=False)
    await asyncio.gather(to_console.shake_hands(), to_agent.shake_hands())
    await to_agent.send(await to_console.receive())
    await to_console.send(await to_agent.receive())
    await to_console.receive()


async def test_man_in_the_middle_who_only_hands_bytes_on_sees_nothing_of_it() -> None:
    host = ManagedHost()
    seen = bytearray()

    async def hand_on(source: Leg, sink: Leg) -> None:
        while data := await source.receive():
            seen.extend(data)
            sink.send(data)

    async with host.serving() as to_agent, legs() as (near, far):
        tasks = [asyncio.create_task(hand_on(*pair)) for pair in ((far, to_agent), (to_agent, far))]
        async with opened(near, "host", host.key.public_bytes, PLACE) as management:
            assert (await management.sessions()).sessions[0].user == "ann"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(seen) > 1000
    assert b"ann" not in seen
    assert b"hello" not in seen


@pytest.mark.parametrize(
    ("console", "agent", "shown"),
    [((2, 2), (1, 1), ("2", "1")), ((1, 1), (2, 3), ("1", "2 to 3")), ((3, 4), (1, 2), ("3 to 4", "1 to 2"))],
)
async def test_versions_that_differ_are_named_with_the_way_that_needs_none(
    console: tuple[int, int], agent: tuple[int, int], shown: tuple[str, str]
) -> None:
    host = ManagedHost(versions=VersionRange(*agent))
    with pytest.raises(VersionsDiffer) as problem:
        async with host.managed(VersionRange(*console)):
            raise AssertionError("expected no session")
    assert str(problem.value) == (
        f"The console (protocol {shown[0]}) and the agent on desk (protocol {shown[1]}) cannot manage each "
        "other; `dialback connect acme/desk` opens its remote desktop."
    )
    assert (problem.value.console, problem.value.agent) == (VersionRange(*console), VersionRange(*agent))


async def test_newer_console_speaks_an_older_version_if_both_do() -> None:
    async with ManagedHost(versions=VersionRange(1, 1)).managed(VersionRange(1, 2)) as management:
        assert (await management.facts()).host_name


@contextlib.asynccontextmanager
async def pretending(*said: bytes, greets: bool = True) -> AsyncIterator[tuple[Leg, bytes]]:
    """Yield a leg to an agent that proves itself and then says something of its own; and its key."""
    key, made = HostKey.generate(), server_side()

    async def serve(leg: Leg) -> None:
        tls = InnerTls(leg, made.context, is_server=True)
        await tls.shake_hands()
        machine = AgentSession("host", key.sign, made.certificate_sha256, agent_version="1", scopes=())
        [event] = machine.receive(await tls.receive())
        assert isinstance(event, ConsoleGreeted)
        if greets:
            await tls.send(event.reply)
            await tls.receive()
        for each in said:
            await tls.send(each)
        await tls.close()

    async with legs() as (near, far), asyncio.timeout(20):
        task = asyncio.create_task(serve(far))
        yield near, key.public_bytes
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"\0\0\0\2{}", "broke"),
        (b"\xff\xff\xff\xff", "broke: expected a frame"),
        (encode(Log()), "another answer than one to ask-facts"),
        (encode(Goodbye(why="enough")), "the agent ended the session: enough"),
        (b"", "the agent ended the session"),
    ],
)
async def test_agent_that_answers_something_else_has_lost_the_session(said: bytes, problem: str) -> None:
    async with pretending(said) as (leg, key), opened(leg, "host", key, PLACE) as management:
        with pytest.raises(ManagementLost, match=problem):
            await management.facts()


@pytest.mark.parametrize("said", [encode(Done()), encode(Goodbye(why="full")), b""])
async def test_agent_that_does_not_greet_first_opens_nothing(said: bytes) -> None:
    async with pretending(said, greets=False) as (leg, key):
        with pytest.raises(ManagementLost):
            async with opened(leg, "host", key, PLACE):
                raise AssertionError("expected no session")


async def test_far_end_without_tls_opens_nothing() -> None:
    async with legs() as (near, far):
        far.send(b"SSH-2.0-x\r\n")
        with pytest.raises(ManagementLost, match="while it was opened"):
            async with opened(near, "host", bytes(32), PLACE):
                raise AssertionError("expected no session")


async def test_silent_agent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GREETING_S", 0.05)
    async with legs() as (near, _):
        with pytest.raises(ManagementLost, match=r"did not greet within 0\.05 s"):
            async with opened(near, "host", bytes(32), PLACE):
                raise AssertionError("expected no session")


async def test_after_an_answer_that_came_too_late_nothing_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, made = HostKey.generate(), server_side()

    async def greet_only(leg: Leg) -> None:
        tls = InnerTls(leg, made.context, is_server=True)
        await tls.shake_hands()
        machine = AgentSession("host", key.sign, made.certificate_sha256, agent_version="1", scopes=())
        [event] = machine.receive(await tls.receive())
        assert isinstance(event, ConsoleGreeted)
        await tls.send(event.reply)
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    async with legs() as (near, far), asyncio.timeout(20):
        task = asyncio.create_task(greet_only(far))
        async with opened(near, "host", key.public_bytes, PLACE) as management:
            for said in ("gave no answer within", "has ended; open another"):
                with pytest.raises(ManagementLost, match=said):
                    await management.facts()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_refusal_of_a_newer_agent_keeps_its_words() -> None:
    assert refusal_of(RefusedAsk(reason="management-off", detail="d")).reason is Reason.MANAGEMENT_OFF
    unknown = refusal_of(RefusedAsk(reason="moon-is-full", detail="wait"))
    assert (unknown.reason, unknown.detail) == (Reason.MANAGEMENT_FAILED, "moon-is-full: wait")


@pytest.mark.parametrize("id", ["", "a b", "x" * 65])
async def test_id_that_can_be_none_is_not_sent(id: str) -> None:
    async with ManagedHost().managed() as management:
        with pytest.raises(ValueError, match="session"):
            await management.log_off(id)
        assert (await management.facts()).host_name


def access(key: str) -> Access:
    return Access(TenantId("acme"), HostId("host"), "desk", "alias", Secret("t0ken"), key)


async def test_gateways_refusal_is_told(stub: GatewayStub) -> None:
    stub.refusal = Reason.CONSENT_FORBIDDEN
    with pytest.raises(Refused, match="said the gateway"):
        async with managing(stub.gateway, access("00" * 32), PLACE):
            raise AssertionError("expected no session")


async def test_leg_through_the_gateway_is_used(stub: GatewayStub) -> None:
    """The gateway of these tests says everything back, which is no agent; but the console got that far."""
    with pytest.raises(ManagementLost):
        async with managing(stub.gateway, access("00" * 32), PLACE):
            raise AssertionError("expected no session")
    assert stub.heads[0].startswith("GET /")
    assert "alias" in stub.heads[0].splitlines()[0]


async def test_session_that_was_cut_says_why(stub: GatewayStub) -> None:
    async def read_end() -> dict[str, str]:
        return {"reason": "tenant-suspended", "detail": "since noon"}

    with pytest.raises(Refused) as refused:
        async with managing(stub.gateway, replace(access("00" * 32), read_end=read_end), PLACE):
            raise AssertionError("expected no session")
    assert (refused.value.reason, refused.value.detail) == (Reason.TENANT_SUSPENDED, "since noon")
