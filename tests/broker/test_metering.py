"""What is summed for a tenant, and when it is written."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.broker.metering import Metering
from dialback.domain.ids import ConnectionId
from dialback.domain.sessions import Totals
from dialback.domain.tenancy import MAIN
from tests.broker.stores import AWAY, NOW, RECORD
from tests.broker.visiting import scene


async def test_bytes_are_summed_once_and_wait_for_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    made = await scene()
    metering, add = Metering(made.provider, made.clock), made.provider.add_bytes
    metering.take(replace(RECORD, totals=Totals(5, 7)))
    metering.take(replace(RECORD, totals=Totals(10, 10)))
    metering.take(replace(RECORD, id=ConnectionId("c2"), tenant=None, totals=Totals(99, 99)))

    async def away(*_: object) -> int:
        raise AWAY

    monkeypatch.setattr(made.provider, "add_bytes", away)
    await metering.flush()
    monkeypatch.setattr(made.provider, "add_bytes", add)
    await metering.flush()
    await metering.flush()
    assert await made.provider.bytes_in(MAIN, "2026-03") == 20
    ended = replace(RECORD, totals=Totals(11, 10), ended_at=NOW)
    metering.take(ended)
    await metering.flush()
    assert await made.provider.bytes_in(MAIN, "2026-03") == 21
    assert metering._told == {}


async def test_what_was_looked_at_between_two_reports_is_not_summed_again() -> None:
    made = await scene()
    metering = Metering(made.provider, made.clock)
    metering.take(replace(RECORD, totals=Totals(5, 5)))
    metering.count(MAIN, RECORD.id, 30)
    metering.count(MAIN, RECORD.id, 30)
    metering.take(replace(RECORD, totals=Totals(10, 10)))
    metering.take(replace(RECORD, totals=Totals(20, 20), ended_at=NOW))
    await metering.flush()
    assert await made.provider.bytes_in(MAIN, "2026-03") == 40
    assert metering._told == {}


async def test_bytes_are_of_the_month_in_which_they_are_seen() -> None:
    made = await scene()
    metering = Metering(made.provider, made.clock)
    metering.take(replace(RECORD, totals=Totals(5, 5)))
    made.now = datetime(2026, 4, 1, tzinfo=UTC)
    metering.take(replace(RECORD, totals=Totals(8, 5), ended_at=NOW))
    await metering.flush()
    assert [await made.provider.bytes_in(MAIN, month) for month in ("2026-03", "2026-04")] == [10, 3]
