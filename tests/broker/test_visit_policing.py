"""Which open connections end when the provider's affairs change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.broker.metering import Metering
from dialback.broker.visit_policing import VisitPolicing
from dialback.domain.errors import Reason
from dialback.domain.ids import TenantId
from dialback.domain.provider import Terms
from dialback.domain.tenancy import MAIN
from tests.broker.recorder import KeptEntries
from tests.broker.stores import AWAY, HOST, NOW
from tests.broker.visiting import ATTEMPT, GRANT, KEPT, TOKEN, TOM, USERS, VISIT, Scene, scene


@pytest.fixture
async def made() -> Scene:
    made = await scene()
    await made.provider.save_grant(KEPT)
    await made.visits.place(await made.admit(), ATTEMPT)
    made.connections.connections = [VISIT, USERS]
    return made


class Limits:
    """The bandwidth that tenants were held to."""

    def __init__(self) -> None:
        self.now: dict[TenantId, int | None] = {}

    def limit(self, tenant: TenantId, most_bytes_s: int | None) -> None:
        self.now[tenant] = most_bytes_s


def policing(made: Scene, log: KeptEntries | None = None, limits: Limits | None = None) -> VisitPolicing:
    return VisitPolicing(
        made.connections,
        made.provider,
        made.visits,
        Metering(made.provider, made.clock),
        log or KeptEntries(),
        limits or Limits(),
        made.clock,
    )


async def test_a_bandwidth_that_was_changed_holds_for_what_is_open(made: Scene) -> None:
    limits = Limits()
    await policing(made, limits=limits).once()
    assert limits.now == {MAIN: None}
    await made.provider.save_terms(Terms(MAIN, most_bytes_s=1_000_000))
    await policing(made, limits=limits).once()
    assert limits.now == {MAIN: 1_000_000}
    assert made.connections.cuts == []


async def test_nothing_ends_while_all_is_well(made: Scene) -> None:
    await policing(made).once()
    assert made.connections.cuts == []


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(MAIN, suspended_at=NOW), Reason.TENANT_SUSPENDED),
        (Terms(MAIN, ends_at=NOW), Reason.TENANT_LEASE_OVER),
        (Terms(MAIN, most_bytes_month=7), Reason.TENANT_LIMIT),
    ],
)
async def test_tenant_that_is_not_served_loses_every_connection(
    made: Scene, terms: Terms, reason: Reason
) -> None:
    log = KeptEntries()
    await made.provider.add_bytes(MAIN, "2026-03", 7)
    await made.provider.save_terms(terms)
    await policing(made, log).once()
    assert made.connections.cuts == [(VISIT.id, reason), (USERS.id, reason)]
    assert log.actions == ["connection.cut", "connection.cut"]
    assert log.entries[0].detail.endswith("r1 for provider\\tom")


async def test_limit_of_the_month_sees_what_relays_have_moved_since_they_last_reported(made: Scene) -> None:
    await made.provider.save_terms(Terms(MAIN, most_bytes_month=100))
    moved, watch = 99, policing(made)
    made.connections.connections = [replace(USERS, moved=lambda: moved)]
    await watch.once()
    await watch.once()
    assert made.connections.cuts == []
    assert await made.provider.bytes_in(MAIN, "2026-03") == 99
    moved = 100
    await watch.once()
    assert made.connections.cuts == [(USERS.id, Reason.TENANT_LIMIT)]


async def test_relays_of_a_tenant_without_a_limit_are_not_looked_at(made: Scene) -> None:
    made.connections.connections = [replace(USERS, moved=lambda: 100)]
    await policing(made).once()
    assert await made.provider.bytes_in(MAIN, "2026-03") == 0


async def test_month_that_changes_in_mid_connection_begins_anew(made: Scene) -> None:
    await made.provider.save_terms(Terms(MAIN, most_bytes_month=100))
    made.now = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    moved, watch = 90, policing(made)
    made.connections.connections = [replace(USERS, moved=lambda: moved)]
    await watch.once()
    made.now += timedelta(seconds=1)
    moved = 180
    await watch.once()
    assert made.connections.cuts == []
    assert [await made.provider.bytes_in(MAIN, month) for month in ("2026-03", "2026-04")] == [90, 90]
    moved = 190
    await watch.once()
    assert made.connections.cuts == [(USERS.id, Reason.TENANT_LIMIT)]


async def test_month_that_is_used_up_ends_nothing_of_the_next(made: Scene) -> None:
    await made.provider.save_terms(Terms(MAIN, most_bytes_month=100))
    await made.provider.add_bytes(MAIN, "2026-03", 100)
    made.connections.connections = [USERS]
    made.now = datetime(2026, 4, 1, tzinfo=UTC)
    await policing(made).once()
    assert made.connections.cuts == []


async def test_limit_of_connections_that_was_lowered_ends_none(made: Scene) -> None:
    await made.provider.save_terms(Terms(MAIN, most_connections=1))
    await policing(made).once()
    assert made.connections.cuts == []


async def test_staff_that_was_removed_loses_visits_alone(made: Scene) -> None:
    await made.provider.remove_staff(TOM)
    await policing(made).once()
    assert made.connections.cuts == [(VISIT.id, Reason.STAFF_NOT_ASSIGNED)]


async def test_visit_ends_with_its_token(made: Scene) -> None:
    made.now = TOKEN.expires_at
    await policing(made).once()
    assert made.connections.cuts == [(VISIT.id, Reason.TOKEN_EXPIRED)]


async def test_grant_that_another_process_revoked_is_found(made: Scene) -> None:
    await made.provider.revoke_grant(MAIN, GRANT.id, NOW)
    await policing(made).once()
    assert made.connections.cuts == [(VISIT.id, Reason.GRANT_REVOKED)]
    assert made.hosts.told == [(HOST.id, GRANT.id)]


async def test_connections_go_on_while_the_store_is_away(
    made: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise AWAY

    monkeypatch.setattr(made.provider, "terms", away)
    await policing(made).once()
    assert made.connections.cuts == []


async def test_nothing_is_asked_while_nothing_is_open(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made.provider, "terms", None)
    made.connections.connections = []
    await policing(made).once()
