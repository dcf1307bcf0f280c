"""What becomes of a connection whatever is raised behind it: one record with a reason, never an error."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dialback.domain.errors import Reason, Refused
from dialback.edge.accept import Arrival
from dialback.gateway.connection import SHOWN_CHARS, Connection
from dialback.transport.leg import Leg, LegLost
from dialback.wire.errors import StateError, WireError
from tests.gateway.stage import TOKEN, Stage, staged
from tests.transport.loopback import Certificates


@pytest.fixture
async def stage(certificates: Certificates) -> AsyncIterator[Stage]:
    async with staged(certificates) as made:
        yield made


def made(stage: Stage) -> Connection:
    return Connection(stage.gateway, "tsgu-websocket", Leg(), Arrival(1.0, 1.25, 1.5))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused(Reason.HOST_OFFLINE, "h"), Reason.HOST_OFFLINE),
        (WireError("expected a, got b"), Reason.PROTOCOL_VIOLATION),
        (StateError("misused"), Reason.PROTOCOL_VIOLATION),
        (TimeoutError(), Reason.DEADLINE_PASSED),
        (LegLost("gone"), Reason.CLIENT_LEFT),
        (KeyError("a bug"), Reason.INTERNAL_ERROR),
        (None, Reason.CLIENT_LEFT),
    ],
)
async def test_every_failure_becomes_the_reason_of_one_record(
    stage: Stage, error: Exception | None, reason: Reason
) -> None:
    async with made(stage).recorded():
        if error is not None:
            raise error
    record = await stage.broker.record()
    assert record.reason is reason
    assert record.timeline["tls"] == record.timeline["head"] == 250  # type: ignore[index]
    assert stage.metrics.value("dialback_refused_total", reason=reason.value) == 1


async def test_cancellation_is_recorded_and_goes_on(stage: Stage) -> None:
    async def run() -> None:
        async with made(stage).recorded():
            await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await stage.broker.record()).reason is Reason.SERVER_STOPPED


async def test_record_keeps_a_hash_and_never_the_token(stage: Stage) -> None:
    connection = made(stage)
    connection.name_client("x" * 1000)
    async with connection.recorded():
        await connection.admit(TOKEN)
    record = await stage.broker.record()
    assert record.token_hash is not None
    assert TOKEN not in repr(record)
    assert len(record.client_name) == SHOWN_CHARS
