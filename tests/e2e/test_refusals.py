"""Every way to be refused: the client gets the protocol's code, the record gets the reason."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.agent.settings import FILE_NAME
from dialback.broker.settings import BrokerSettings
from dialback.domain.errors import Reason
from dialback.domain.tenancy import MAIN, User
from dialback.gateway.settings import GatewaySettings
from dialback.wire.agent.messages import Dial
from dialback.wire.tsgu.client import TunnelRefused, TunnelStage
from dialback.wire.tsgu.codes import ErrorCode
from dialback.wire.tsgu.packets import Data, encode
from dialback.wire.websocket import Opcode
from tests.e2e.stage import OFFICE, USER, Client, Desktop, ScriptedAgent, Stage, until

pytestmark = pytest.mark.e2e
LONG_GONE = timedelta(minutes=-5)


async def refusal(stage: Stage, token: str, alias: str = OFFICE) -> tuple[TunnelStage, int, Reason | None]:
    """Return at which stage and with which code a client is refused, and the reason of record."""
    with pytest.raises(TunnelRefused) as refused:
        await stage.connect(token, alias)
    (record,) = await stage.records()
    return refused.value.stage, refused.value.code, record.reason


async def revoked(stage: Stage) -> str:
    token = await stage.token()
    await stage.revoke(token)
    return token


async def expired(stage: Stage) -> str:
    return await stage.token(LONG_GONE)


async def missing(_stage: Stage) -> str:
    return ""


async def malformed(_stage: Stage) -> str:
    return "no token at all"


async def oversized(_stage: Stage) -> str:
    return "x" * 65


async def unknown(_stage: Stage) -> str:
    return "x" * 43


@pytest.mark.parametrize(
    ("make", "code", "reason"),
    [
        (missing, ErrorCode.COOKIE_ACCESS_DENIED, Reason.TOKEN_MISSING),
        (malformed, ErrorCode.COOKIE_BAD_PACKET, Reason.TOKEN_MALFORMED),
        (oversized, ErrorCode.COOKIE_ACCESS_DENIED, Reason.TOKEN_OVERSIZED),
        (unknown, ErrorCode.COOKIE_ACCESS_DENIED, Reason.TOKEN_UNKNOWN),
        (expired, ErrorCode.COOKIE_ACCESS_DENIED, Reason.TOKEN_EXPIRED),
        (revoked, ErrorCode.COOKIE_ACCESS_DENIED, Reason.TOKEN_REVOKED),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_token_that_admits_nobody_is_refused(stage: Stage, make, code, reason) -> None:  # type: ignore[no-untyped-def]
    await stage.start_server()

    assert await refusal(stage, await make(stage)) == (TunnelStage.TUNNEL, code, reason)


async def test_alias_that_was_not_granted_is_refused(stage: Stage) -> None:
    await stage.begin()

    refused = await refusal(stage, await stage.token(), "127.0.0.1")

    assert refused == (TunnelStage.CHANNEL, ErrorCode.RAP_ACCESS_DENIED, Reason.RESOURCE_NOT_GRANTED)


async def test_disabled_user_is_not_admitted(stage: Stage) -> None:
    await stage.begin()
    token = await stage.token()
    user = await stage.store.directory.find(User, MAIN, USER)
    assert user is not None
    await stage.store.directory.save(replace(user, disabled_at=datetime.now(UTC)))

    refused = await refusal(stage, token)

    assert refused == (TunnelStage.TUNNEL, ErrorCode.NAP_ACCESS_DENIED, Reason.USER_DISABLED)


async def test_host_without_its_agent_is_offline(stage: Stage) -> None:
    await stage.begin()
    await stage.stop_agent()
    await _until_down(stage)

    refused = await refusal(stage, await stage.token())

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.HOST_OFFLINE)


async def test_pool_whose_only_host_was_removed_is_empty_although_its_link_stands(
    stage: Stage,
) -> None:
    await stage.begin()
    host = (await stage.store.all_hosts())[0]
    await stage.store.revoke_host(host.id, datetime.now(UTC))

    refused = await refusal(stage, await stage.token())

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.POOL_EMPTY)


async def test_agent_refuses_a_target_its_own_settings_do_not_name(stage: Stage) -> None:
    await stage.begin()
    await stage.publish("127.0.0.1:1")

    refused = await refusal(stage, await stage.token())

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.AGENT_REFUSED)


async def test_rdp_server_that_is_down_is_told_apart(stage: Stage) -> None:
    await stage.begin()
    stage.desktop.stop()

    refused = await refusal(stage, await stage.token())

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.RDP_SERVER_DOWN)
    # The agent's refusal names the target; its report, if it was faster, lets the broker name the host.
    detail = (await stage.records())[0].detail
    assert stage.desktop.target in detail or "desk" in detail


async def test_unix_socket_nobody_listens_on_is_told_apart(stage: Stage, tmp_path: Path) -> None:
    await stage.begin()
    await stage.stop_agent()
    target = f"unix:{tmp_path / 'rdp'}"
    (stage.agent_folder / FILE_NAME).write_text(f'targets = ["{target}"]\n')
    await stage.publish(target)
    await _until_down(stage)
    await stage.start_agent()

    refused = await refusal(stage, await stage.token())

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.RDP_SERVER_DOWN)


async def test_agent_that_does_not_answer_is_silent(stage: Stage) -> None:
    stage.broker = BrokerSettings(dial_deadline_s=0.2)
    refused, order = await _scripted_refusal(stage, answers=False)

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.AGENT_SILENT)
    assert order.target == stage.desktop.target


async def test_agent_that_says_it_dialled_and_never_comes_is_late(stage: Stage) -> None:
    stage.gateway = GatewaySettings(host_deadline_s=0.5)
    refused, _ = await _scripted_refusal(stage, answers=True)

    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.HOST_LEG_LATE)


async def test_agent_that_goes_away_while_it_dials_is_offline_at_once(stage: Stage) -> None:
    agent = await _scripted_stage(stage)
    connecting = asyncio.create_task(refusal(stage, await stage.token()))
    await agent.next_dial()

    await agent.wire.close()

    refused = await connecting
    assert refused == (TunnelStage.CHANNEL, ErrorCode.TS_CONNECT_FAILED, Reason.HOST_OFFLINE)


async def test_client_that_leaves_while_it_is_parked_is_recorded(stage: Stage) -> None:
    agent = await _scripted_stage(stage)
    wire = await stage.wire()
    connecting = asyncio.create_task(Client.connect(wire, await stage.token(), OFFICE))
    await agent.next_dial()

    wire.writer.transport.abort()

    (record,) = await stage.records()
    assert record.reason is Reason.CLIENT_LEFT
    with pytest.raises(EOFError):
        await connecting


async def test_bearer_client_with_a_bad_token_is_told_403(stage: Stage) -> None:
    await stage.start_server()
    wire = await stage.wire()

    answer = await wire.ask(
        "GET",
        "/rdp/office",
        [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("Authorization", f"Bearer {'x' * 43}"),
        ],
    )

    (record,) = await stage.records()
    assert (answer.status, record.reason, record.transport) == (403, Reason.TOKEN_UNKNOWN, "websocket")


async def test_packet_out_of_order_is_a_violation(stage: Stage) -> None:
    await stage.start_server()
    wire = await stage.wire()
    await wire.upgrade("RDG_OUT_DATA", "/remoteDesktopGateway/")

    wire.say(Opcode.BINARY, encode(Data(b"x")))

    assert (await stage.records())[0].reason is Reason.PROTOCOL_VIOLATION


async def _until_down(stage: Stage) -> None:
    await until(stage.link_is_down)


async def _scripted_stage(stage: Stage) -> ScriptedAgent:
    stage.desktop = Desktop()
    await stage.desktop.start()
    await stage.start_server()
    agent = await stage.script_agent()
    assert await agent.open() == ""
    await stage.publish()
    return agent


async def _scripted_refusal(
    stage: Stage, *, answers: bool
) -> tuple[tuple[TunnelStage, int, Reason | None], Dial]:
    agent = await _scripted_stage(stage)
    connecting = asyncio.create_task(refusal(stage, await stage.token()))
    order = await agent.next_dial()
    if answers:
        agent.say(agent.machine.dialled(order.connection_id))
    return await connecting, order
