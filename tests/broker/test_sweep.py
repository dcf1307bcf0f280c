from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from dialback.broker.settings import BrokerSettings
from dialback.broker.sweep import Sweep
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason
from tests.broker.stores import AWAY, HOST, NOW, FailingStore, filled, record


def sweep(store: FailingStore) -> Sweep:
    return Sweep(store, BrokerSettings(keep_records_days=90), lambda: NOW)


async def test_start_says_of_an_earlier_run_that_it_is_over() -> None:
    store = await filled()
    await store.set_link(HOST.id, True, NOW)
    await store.save_connection(record(1))

    await sweep(store).begin()

    (host,), (kept,) = await store.hosts(), await store.connections()
    assert not host.link_up
    assert (kept.reason, kept.ended_at) == (Reason.SERVER_STOPPED, NOW)


async def test_start_without_the_store_fails() -> None:
    store = await filled()
    store.away = AWAY

    with pytest.raises(StoreUnavailable):
        await sweep(store).begin()


async def test_old_records_are_forgotten_open_and_young_ones_are_not() -> None:
    store = await filled()
    old = NOW - timedelta(days=90, seconds=1)
    await store.save_connection(replace(record(1), ended_at=old, reason=Reason.CLIENT_ENDED))
    await store.save_connection(replace(record(2), ended_at=NOW, reason=Reason.CLIENT_ENDED))
    await store.save_connection(replace(record(3), opened_at=old))

    await sweep(store).once()

    assert {each.id for each in await store.connections()} == {"c2", "c3"}


async def test_sweep_without_the_store_is_a_warning() -> None:
    store = await filled()
    store.away = AWAY

    with capture_logs() as lines:
        await sweep(store).once()

    assert [(line["log_level"], line["why"]) for line in lines] == [("warning", str(AWAY))]
