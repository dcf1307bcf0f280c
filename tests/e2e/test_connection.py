"""Connections from the join code to the record, through every role."""

import pytest

from dialback.domain.errors import Reason
from dialback.domain.sessions import Stage as Step
from tests.e2e.stage import OFFICE, USER, Stage

pytestmark = pytest.mark.e2e

PARKED = {Step.APPROVE, Step.WAKE, Step.CONSENT}


async def test_user_reaches_a_desktop_that_listens_on_nothing_the_network_can_reach(stage: Stage) -> None:
    await stage.begin()

    client = await stage.connect(await stage.token())
    assert await client.echoes(b"hello")
    assert await client.echoes(b"x" * 60_000)
    opened = await stage.open_record()
    await client.end()
    (record,) = await stage.records()

    assert (opened.user, opened.resource, opened.reason) == (USER, OFFICE, None)
    assert record.id == opened.id
    assert record.reason is Reason.CLIENT_ENDED
    assert (record.transport, record.client_address) == ("tsgu-websocket", "127.0.0.1")
    assert record.client_name == "ANNE-PC"
    assert (record.totals.to_host_bytes, record.totals.to_client_bytes) == (60_005, 60_005)
    assert list(record.timeline) == [step for step in Step if step not in PARKED]
