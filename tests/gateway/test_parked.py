"""Parked clients: what their timeline says, what they are told once connected, and how a cut ends them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dialback.domain.errors import Reason
from dialback.domain.sessions import Stage as Step
from dialback.wire.tsgu.client import TunnelRefused
from dialback.wire.tsgu.packets import (
    CloseChannel,
    CloseChannelResponse,
    Data,
    ServiceMessage,
    TunnelCreate,
    cookie_of_text,
    decode,
    encode,
)
from tests.gateway.stage import HOST, TOKEN, Stage, WebSocketTunnel, open_channel, staged
from tests.gateway.test_tunnels import AUTH, CHANNEL, HANDSHAKE, KINDS, every_kind
from tests.transport.loopback import Certificates

NOTICE = "Approved by anna at 12:00 UTC."


@pytest.fixture
async def stage(certificates: Certificates) -> AsyncIterator[Stage]:
    async with staged(certificates) as made:
        yield made


@every_kind
async def test_notice_comes_once_the_channel_is_open_and_before_any_data(stage: Stage, kind: str) -> None:
    stage.broker.notice = NOTICE
    tunnel = await KINDS[kind](stage)
    await open_channel(tunnel)
    host = await stage.host()
    await host.send(b"down")
    assert decode(await tunnel.packet()) == ServiceMessage(NOTICE)
    assert decode(await tunnel.packet()) == Data(b"down")
    await tunnel.end()


async def test_client_that_takes_no_messages_is_told_nothing(stage: Stage) -> None:
    stage.broker.notice = NOTICE
    tunnel = await WebSocketTunnel.upgrade(stage)
    for packet in (
        HANDSHAKE,
        encode(TunnelCreate(capabilities=2, cookie=cookie_of_text(TOKEN))),
        AUTH,
        CHANNEL,
    ):
        await tunnel.send(packet)
        assert await tunnel.packet()
    await (await stage.host()).send(b"down")
    assert decode(await tunnel.packet()) == Data(b"down")
    await tunnel.end()


async def test_timeline_tells_waiting_from_placing(stage: Stage) -> None:
    stage.broker.parked_s = {Step.APPROVE: 12.0, Step.WAKE: 3.0}
    tunnel = await WebSocketTunnel.upgrade(stage)
    await open_channel(tunnel)
    await tunnel.end()
    record = await stage.broker.record()
    assert record.timeline[Step.APPROVE] == pytest.approx(12_000, rel=0.1)
    assert record.timeline[Step.WAKE] == pytest.approx(3_000, rel=0.1)


@pytest.mark.parametrize(
    ("reason", "stage_reached"),
    [
        (Reason.APPROVAL_DENIED, Step.APPROVE),
        (Reason.APPROVAL_TIMED_OUT, Step.APPROVE),
        (Reason.TOO_MANY_APPROVALS, Step.APPROVE),
        (Reason.WAKE_FAILED, Step.WAKE),
        (Reason.WAKE_TIMED_OUT, Step.WAKE),
    ],
)
async def test_refused_while_parked_says_in_its_timeline_for_what(
    stage: Stage, reason: Reason, stage_reached: Step
) -> None:
    stage.broker.place_refusal = reason
    with pytest.raises(TunnelRefused):
        await open_channel(await WebSocketTunnel.upgrade(stage))
    record = await stage.broker.record()
    assert stage_reached in record.timeline
    assert Step.PLACE not in record.timeline


@every_kind
async def test_parked_connection_is_listed_and_can_be_cut(stage: Stage, kind: str) -> None:
    stage.broker.place_waits.clear()
    opening = asyncio.create_task(open_channel(await KINDS[kind](stage)))
    await stage.broker.placing.wait()
    [live] = stage.gateway.live.live()
    assert (live.user, live.host_id) == ("ann", None)
    assert await stage.gateway.live.cut([live.id], Reason.CUT_BY_ADMINISTRATOR, "by ben") == 1
    with pytest.raises(TunnelRefused):
        await opening
    record = await stage.broker.record()
    assert (record.id, record.reason, record.detail) == (live.id, Reason.CUT_BY_ADMINISTRATOR, "by ben")
    assert stage.broker.place_cancelled.is_set()
    assert stage.gateway.live.live() == []


@every_kind
async def test_relay_is_listed_with_its_host_and_can_be_cut(stage: Stage, kind: str) -> None:
    tunnel = await KINDS[kind](stage)
    await open_channel(tunnel)
    host = await stage.host()
    await host.send(b"down")
    assert decode(await tunnel.packet()) == Data(b"down")
    [live] = stage.gateway.live.live()
    assert live.host_id == HOST
    await stage.gateway.live.cut([live.id], Reason.USER_DISABLED)
    assert isinstance(decode(await tunnel.packet()), CloseChannel)
    await tunnel.send(encode(CloseChannelResponse(0)))
    assert await host.receive() == b""
    record = await stage.broker.record()
    assert record.reason is Reason.USER_DISABLED
    assert stage.metrics.value("dialback_ended_total", reason="user-disabled") == 1
