"""Every way a running connection ends, what both sides are told, and how it comes back."""

import asyncio
import sqlite3

import pytest

from dialback.app.settings import DATABASE_NAME
from dialback.domain.errors import Reason
from dialback.domain.sessions import ConnectionRecord
from tests.e2e.stage import Client, Stage, until

pytestmark = pytest.mark.e2e


async def opened(stage: Stage, token: str = "") -> Client:
    """Return a client whose desktop answers."""
    client = await stage.connect(token or await stage.token())
    assert await client.echoes(b"hello")
    return client


async def ended(stage: Stage) -> ConnectionRecord:
    """Return the newest record, now that no desktop session and no connection is left."""
    record = (await stage.records())[0]
    await until(lambda: no_session(stage))
    return record


async def no_session(stage: Stage) -> bool:
    """Say whether the desktop has no session left."""
    return stage.desktop.sessions == 0


async def test_session_that_ends_at_the_host_closes_the_channel(stage: Stage) -> None:
    await stage.begin()
    client = await opened(stage)

    client.say(b"bye")

    await client.hear_end()
    assert client.close_status == 0
    assert (await ended(stage)).reason is Reason.HOST_ENDED


async def test_client_that_breaks_off_is_lost_and_its_session_let_go(stage: Stage) -> None:
    await stage.begin()
    client = await opened(stage)

    client.reset()

    assert (await ended(stage)).reason is Reason.CLIENT_LOST


async def test_agent_that_stops_ends_its_connections_and_comes_back(stage: Stage) -> None:
    await stage.begin()
    client = await opened(stage)

    await stage.stop_agent()

    await client.hear_end()
    assert client.close_status is not None
    assert (await ended(stage)).reason in (Reason.HOST_ENDED, Reason.HOST_LOST)
    await until(stage.link_is_down)
    await stage.start_agent()
    await (await opened(stage)).end()


async def test_server_that_stops_tells_client_and_host_and_keeps_the_record(stage: Stage) -> None:
    await stage.begin()
    client = await opened(stage)

    await stage.stop_server()

    await client.hear_end()
    assert client.close_status is not None
    record = (await stage.all_records())[0]
    assert record.reason is Reason.SERVER_STOPPED
    assert (record.totals.to_host_bytes, record.totals.to_client_bytes) == (5, 5)
    assert await stage.link_is_down()


async def test_agent_finds_the_server_again_when_it_is_back(stage: Stage) -> None:
    await stage.begin()
    await stage.stop_server()

    await stage.start_server()

    await until(stage.link_is_up)
    await (await opened(stage)).end()


async def test_two_connections_at_once_do_not_mix(stage: Stage) -> None:
    await stage.begin()
    first, second = await opened(stage), await opened(stage)

    first.say(b"first")
    second.say(b"second")

    assert await second.hear(6) == b"second"
    assert await first.hear(5) == b"first"
    await first.end()
    assert await second.echoes(b"still here")
    await second.end()
    assert [record.reason for record in await stage.records(2)] == [Reason.CLIENT_ENDED] * 2


async def test_token_that_expired_opens_again_while_its_connection_is_live(stage: Stage) -> None:
    await stage.begin()
    token = await stage.token()
    first = await opened(stage, token)
    await stage.open_record()
    await stage.expire(token)

    second = await opened(stage, token)

    await first.end()
    await second.end()
    assert len(await stage.records(2)) == 2


async def test_token_that_expired_reconnects_after_a_break_and_after_an_end(stage: Stage) -> None:
    await stage.begin()
    token = await stage.token()
    client = await opened(stage, token)
    await stage.open_record()
    await stage.expire(token)
    client.reset()
    await stage.records(1)

    again = await opened(stage, token)
    await again.end()
    await stage.records(2)

    third = await opened(stage, token)
    await third.end()
    assert [record.reason for record in await stage.records(3)] == [
        Reason.CLIENT_ENDED,
        Reason.CLIENT_ENDED,
        Reason.CLIENT_LOST,
    ]


async def test_database_that_is_locked_for_a_while_costs_no_session_and_no_record(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for one writer to wait for another, who may be slow; the lock is held for longer.
    monkeypatch.setattr("dialback.store.open.BUSY_TIMEOUT_MS", 1000)
    await stage.begin()
    client = await opened(stage)
    await stage.open_record()

    other = sqlite3.connect(stage.data / DATABASE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await client.echoes(b"the session goes on")
    await client.end()
    await until(lambda: no_session(stage))
    await asyncio.sleep(1.5)
    assert (await stage.all_records())[0].reason is None
    other.execute("ROLLBACK")
    other.close()

    assert (await ended(stage)).reason is Reason.CLIENT_ENDED
