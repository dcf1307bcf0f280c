import asyncio
from collections.abc import AsyncIterator

import pytest

from dialback.domain.contracts import DialOrder
from dialback.identity.host_keys import HostKey
from dialback.wire.head import build_request
from tests.gateway.stage import Stage, WebSocketTunnel, open_channel, response, staged
from tests.transport.loopback import DEADLINE_S, Certificates


@pytest.fixture
async def stage(certificates: Certificates) -> AsyncIterator[Stage]:
    async with staged(certificates) as made:
        yield made


async def ordered(stage: Stage) -> tuple[str, "asyncio.Task[object]"]:
    """Return the ticket of an order to dial, while its client waits."""
    orders: asyncio.Queue[DialOrder] = asyncio.Queue()
    stage.broker.agent = orders.put
    tunnel = await WebSocketTunnel.upgrade(stage)
    opening = asyncio.get_running_loop().create_task(open_channel(tunnel))
    async with asyncio.timeout(DEADLINE_S):
        return (await orders.get()).ticket.reveal(), opening


async def refused(stage: Stage, reason: str) -> None:
    """Expect that one host leg was refused for this reason."""
    assert stage.metrics.value("dialback_refused_total", reason=reason) == 1


async def test_good_ticket_opens_the_channel_once(stage: Stage) -> None:
    ticket, opening = await ordered(stage)
    answer, peer = await stage.present(ticket)
    assert (answer.status, answer.header("upgrade")) == (101, "dialback-reverse/1")
    await opening
    again, _ = await stage.present(ticket)
    assert again.status == 403
    await refused(stage, "ticket-used")
    await peer.end()


async def test_unknown_ticket_is_refused(stage: Stage) -> None:
    answer, peer = await stage.present("never-issued")
    assert (answer.status, answer.header("content-length")) == (403, "0")
    assert await peer.receive_all() == b""
    await refused(stage, "ticket-unknown")


@pytest.mark.parametrize("wrong", ["host", "key", "certificate"])
async def test_ticket_of_another_host_is_refused_and_not_used_up(stage: Stage, wrong: str) -> None:
    ticket, opening = await ordered(stage)
    answer, _ = await stage.present(
        ticket,
        host="host-2" if wrong == "host" else "host-1",
        key=HostKey.generate() if wrong == "key" else None,
        sha256="0" * 64 if wrong == "certificate" else "",
    )
    assert answer.status == 403
    await refused(stage, "ticket-other-host")
    answer, _ = await stage.present(ticket)
    assert answer.status == 101
    await opening


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Dialback-Ticket", "x" * 300)],
        [("Dialback-Host", "h"), ("Dialback-Ticket", "t"), ("Dialback-Signature", "no base64!")],
    ],
)
async def test_request_without_proper_headers_is_refused(
    stage: Stage, headers: list[tuple[str, str]]
) -> None:
    peer = await stage.connect()
    await peer.send(build_request("GET", "/agent/reverse", [("Host", "localhost"), *headers]))
    assert (await response(peer))[0].status == 403
    await refused(stage, "ticket-unknown")
