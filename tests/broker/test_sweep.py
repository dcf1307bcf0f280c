from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from dialback.broker.settings import BrokerSettings
from dialback.broker.sweep import Sweep
from dialback.domain.approvals import Decision
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, TenantId, UserName
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_approvals import MemoryApprovals
from dialback.store.memory_audit import MemoryAudit
from dialback.store.memory_directory import MemoryDirectory
from dialback.store.memory_provider import MemoryProvider
from tests.broker.stores import AWAY, HOST, NOW, FailingStore, filled, record
from tests.contracts.test_accounts import SIGN_IN, hashed
from tests.contracts.test_provider import asked, chain, granted, lines
from tests.store.test_decisions_rows import ENTRY, GOOD


def sweep(store: FailingStore) -> Sweep:
    return Sweep(store, BrokerSettings(keep_records_days=90), lambda: NOW)


async def test_start_says_of_an_earlier_run_that_it_is_over() -> None:
    store = await filled()
    await store.set_link(HOST.id, True, NOW)
    await store.save_connection(record(1))

    await sweep(store).begin()

    (host,), (kept,) = await store.all_hosts(), await store.connections(MAIN)
    assert not host.link_up
    assert (kept.reason, kept.ended_at) == (Reason.SERVER_STOPPED, NOW)


async def test_start_says_of_approvals_that_wait_for_an_earlier_run_that_their_clients_left() -> None:
    store, approvals, acme = await filled(), MemoryApprovals(), TenantId("acme")
    await store.directory.save_tenant(Tenant(acme, "Acme"))
    for tenant in (MAIN, acme):
        await approvals.ask(replace(GOOD, tenant=tenant))
    decided = replace(GOOD, id=ConnectionId("decided"))
    await approvals.ask(decided)
    await approvals.decide(MAIN, decided.id, Decision.APPROVED, "anna", NOW)

    await Sweep(store, BrokerSettings(), lambda: NOW, approvals=approvals).begin()

    for tenant in (MAIN, acme):
        kept = await approvals.approval(tenant, GOOD.id)
        assert kept is not None
        assert (kept.decision, kept.decided_at) == (Decision.LEFT, NOW)
    assert not await approvals.decide(MAIN, GOOD.id, Decision.APPROVED, "anna", NOW)
    still = await approvals.approval(MAIN, decided.id)
    assert still is not None
    assert still.decision is Decision.APPROVED


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

    assert {each.id for each in await store.connections(MAIN)} == {"c2", "c3"}


async def test_sweep_without_the_store_is_a_warning() -> None:
    store = await filled()
    store.away = AWAY

    with capture_logs() as lines:
        await sweep(store).once()

    assert [(line["log_level"], line["why"]) for line in lines] == [("warning", str(AWAY))]


async def test_old_approvals_and_entries_are_forgotten_young_ones_are_not() -> None:
    approvals, audit = MemoryApprovals(), MemoryAudit()
    long_ago = NOW - timedelta(days=366)
    for id, at in (("old", long_ago), ("young", NOW)):
        await approvals.ask(replace(GOOD, id=ConnectionId(id), asked_at=at))
        await audit.write(replace(ENTRY, at=at, detail=id))

    await Sweep(await filled(), BrokerSettings(), lambda: NOW, approvals=approvals, audit=audit).once()

    assert [each.detail for each in await audit.entries(MAIN)] == ["young"]
    assert await approvals.approval(MAIN, ConnectionId("old")) is None
    assert await approvals.approval(MAIN, ConnectionId("young")) is not None


async def test_sign_ins_are_forgotten_once_no_ticket_rests_on_them() -> None:
    directory = MemoryDirectory({})
    await directory.save_tenant(Tenant(SIGN_IN.tenant, "Acme"))
    await directory.save(User(SIGN_IN.tenant, SIGN_IN.user, UserName("anna")))
    accounts = MemoryAccounts(directory)
    settings = BrokerSettings(ticket_sign_in_hours=48)
    over = NOW - timedelta(days=32)
    await accounts.save_sign_in(replace(SIGN_IN, expires_at=over - timedelta(seconds=1)))
    await accounts.save_sign_in(replace(SIGN_IN, hash=hashed("young"), expires_at=over))

    await Sweep(await filled(), settings, lambda: NOW, accounts=accounts).once()

    assert await accounts.sign_in(SIGN_IN.hash) is None
    assert await accounts.sign_in(hashed("young")) is not None


async def test_consent_and_flight_records_are_kept_as_long_as_the_audit_log() -> None:
    directory = MemoryDirectory({})
    tenant = asked("1").tenant
    await directory.save_tenant(Tenant(tenant, "Acme"))
    provider = MemoryProvider(directory)
    limit = NOW - timedelta(days=10)
    for id, at in (("old", limit - timedelta(seconds=1)), ("young", limit)):
        await provider.ask_consent(asked(id, asked_at=at))
        await provider.save_grant(granted(id, until=at))
        await provider.append_flight(tenant, lines(chain(2, ConnectionId(id), at)))

    await Sweep(await filled(), BrokerSettings(keep_audit_days=10), lambda: NOW, provider=provider).once()

    assert [each.id for each in await provider.consent_requests(tenant)] == ["young"]
    assert [each.id for each in await provider.grants(tenant)] == ["young"]
    assert [each.end.connection_id for each in await provider.flights(tenant)] == ["young"]
