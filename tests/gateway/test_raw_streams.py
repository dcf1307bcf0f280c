import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from dialback.domain.consent import ConsentRequest, ConsentScope
from dialback.domain.contracts import DialOrder, Visit
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import TenantId
from dialback.domain.sessions import Stage as Step
from dialback.gateway.raw_streams import refusal
from dialback.wire.head import ResponseHead, build_request
from dialback.wire.stream import STREAM_PATH, STREAM_UPGRADE
from tests.gateway.stage import ALIAS, HOST, TOKEN, Stage, response, staged
from tests.transport.loopback import Certificates, Peer

REQUEST = ConsentRequest(
    id="r1",
    tenant=TenantId("acme"),
    host=HOST,
    staff="tom",
    role="technician",
    scope=ConsentScope.DESKTOP,
    target="127.0.0.1:3389",
    purpose="the printer",
    asked_at=datetime(2026, 1, 2, tzinfo=UTC),
)


@pytest.fixture
async def stage(certificates: Certificates) -> AsyncIterator[Stage]:
    async with staged(certificates) as made:
        yield made


async def ask(stage: Stage, alias: str = ALIAS, token: str = TOKEN) -> Peer:
    """Ask for the raw stream of a resource."""
    peer = await stage.connect()
    headers = [
        ("Host", "localhost"),
        ("Connection", "Upgrade"),
        ("Upgrade", STREAM_UPGRADE),
        ("Authorization", f"Bearer {token}"),
    ]
    await peer.send(build_request("GET", STREAM_PATH + alias, headers))
    return peer


async def told(peer: Peer) -> tuple[ResponseHead, bytes]:
    """Return the whole answer of a refusal."""
    head, leftover = await response(peer)
    return head, leftover + await peer.receive_all()


async def test_stream_passes_both_ways_as_it_is(stage: Stage) -> None:
    peer = await ask(stage)
    host = await stage.host()
    answer, leftover = await response(peer)
    assert (answer.status, answer.header("upgrade"), leftover) == (101, STREAM_UPGRADE, b"")

    await peer.send(b"question")
    assert await host.receive_exactly(8) == b"question"
    await host.send(b"answer")
    await host.end()
    assert await peer.receive_all() == b"answer"
    await peer.end()

    record = await stage.broker.record()
    assert (record.reason, record.transport) == (Reason.HOST_ENDED, "stream")
    assert (record.totals.to_client_bytes, record.totals.to_host_bytes) == (6, 8)


@pytest.mark.parametrize("token", ["", "expired-token", "no token"])
async def test_token_that_admits_nobody_is_told_nothing(stage: Stage, token: str) -> None:
    peer = await ask(stage, token=token)
    head, body = await told(peer)
    await peer.end()

    assert (head.status, body) == (403, b"")


async def test_admitted_client_is_told_why_it_reaches_no_host(stage: Stage) -> None:
    stage.broker.place_refusal = Reason.CONSENT_FORBIDDEN
    peer = await ask(stage)
    head, body = await told(peer)
    await peer.end()

    assert (head.status, json.loads(body)) == (403, {"reason": "consent-forbidden", "detail": ""})
    assert (await stage.broker.record()).reason is Reason.CONSENT_FORBIDDEN


async def test_client_stays_parked_until_the_host_is_shown_a_grant(stage: Stage) -> None:
    first, second = Visit(REQUEST), Visit(REQUEST, "the grant")
    stage.broker.visit, stage.broker.consents = first, [first, second]
    seen: list[Visit | None] = []

    async def agent(order: DialOrder) -> None:
        seen.append(order.visit)
        if order.visit != second:
            raise Refused(Reason.CONSENT_WANTED, "tom asks")
        await stage.good_agent(order)

    stage.broker.agent = agent
    peer = await ask(stage)
    host = await stage.host()
    answer, _ = await response(peer)
    await host.end()
    assert await peer.receive_all() == b""
    await peer.end()

    assert (answer.status, seen) == (101, [first, first, second])
    record = await stage.broker.record()
    assert record.reason is Reason.HOST_ENDED
    steps = list(record.timeline)
    assert steps.index(Step.PLACE) < steps.index(Step.CONSENT) < steps.index(Step.DIAL)


async def test_consent_that_is_denied_is_told_to_the_technician(stage: Stage) -> None:
    stage.broker.visit = Visit(REQUEST)
    stage.broker.consents = [Refused(Reason.CONSENT_DENIED, "anna")]

    async def agent(order: DialOrder) -> None:
        raise Refused(Reason.CONSENT_WANTED, "tom asks")

    stage.broker.agent = agent
    peer = await ask(stage)
    _, body = await told(peer)
    await peer.end()

    assert json.loads(body) == {"reason": "consent-denied", "detail": "anna"}
    record = await stage.broker.record()
    assert record.reason is Reason.CONSENT_DENIED
    assert Step.CONSENT in record.timeline


async def test_user_is_never_parked_for_consent(stage: Stage) -> None:
    async def agent(order: DialOrder) -> None:
        raise Refused(Reason.CONSENT_WANTED)

    stage.broker.agent = agent
    peer = await ask(stage)
    _, body = await told(peer)
    await peer.end()
    assert json.loads(body)["reason"] == "consent-wanted"


async def test_client_that_leaves_while_parked_cancels_its_place(stage: Stage) -> None:
    stage.broker.place_waits.clear()
    peer = await ask(stage)
    await stage.broker.placing.wait()
    await peer.end()

    assert (await stage.broker.record()).reason is Reason.CLIENT_LEFT
    assert stage.broker.place_cancelled.is_set()


def test_what_is_the_platforms_inside_is_not_told() -> None:
    assert b"/secret" not in refusal(Refused(Reason.STORE_UNAVAILABLE, "the disk is full at /secret"))
    assert b"until noon" in refusal(Refused(Reason.GRANT_EXPIRED, "it held until noon"))
