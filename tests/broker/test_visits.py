"""What the platform has a say in when the provider wants to come to a host, and what it tells the host."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.contracts import Placement, Visit
from dialback.domain.directory import HostStanding
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, HostId, TenantId
from dialback.domain.pools import HostPool, StartOnConnect, WakeMethod
from dialback.domain.provider import PROVIDER, Staff, StaffRole, Terms
from dialback.domain.sessions import Because, Stage
from dialback.domain.tenancy import MAIN
from tests.broker.stores import AWAY, HOST, NOW, POOL
from tests.broker.visiting import ATTEMPT, GRANT, KEPT, REQUEST, TEXT, TOKEN, TOM, USERS, VISIT, Scene, scene


@pytest.fixture
async def made() -> Scene:
    return await scene()


async def refusal(work: Awaitable[object]) -> Refused:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value


async def placed(made: Scene) -> Placement:
    return await made.visits.place(await made.admit(), ATTEMPT)


async def test_staff_are_known_by_another_name_than_the_tenants_users(made: Scene) -> None:
    admission = await made.admit()
    assert (admission.user, admission.tenant, admission.redirections) == ("provider\\tom", MAIN, frozenset())


async def test_token_that_expired_admits_nobody_whatever_it_opened(made: Scene) -> None:
    made.now = TOKEN.expires_at
    assert (await refusal(made.admit())).reason is Reason.TOKEN_EXPIRED


async def test_visit_goes_to_the_host_that_was_asked_for_with_what_is_granted(made: Scene) -> None:
    placement = await placed(made)
    assert placement.visit == Visit(REQUEST)
    assert (placement.host_id, placement.target, placement.because) == (
        HOST.id,
        REQUEST.target,
        Because.ASKED_FOR,
    )
    await made.provider.save_grant(KEPT)
    assert (await placed(made)).visit == Visit(REQUEST, TEXT)


async def test_token_opens_nothing_that_somebody_else_asked_for(made: Scene) -> None:
    made.provider._requests[MAIN, "r1"] = replace(REQUEST, staff="eve")
    assert (await refusal(placed(made))).reason is Reason.RESOURCE_NOT_GRANTED


async def test_what_needs_no_target_goes_to_the_agent_itself(made: Scene) -> None:
    made.provider._requests[MAIN, "r1"] = replace(REQUEST, target="")
    assert (await placed(made)).target == "management"


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(MAIN, suspended_at=NOW), Reason.TENANT_SUSPENDED),
        (Terms(MAIN, ends_at=NOW), Reason.TENANT_LEASE_OVER),
        (Terms(MAIN, most_connections=1), Reason.TENANT_LIMIT),
        (Terms(MAIN, most_bytes_month=5), Reason.TENANT_LIMIT),
    ],
)
async def test_terms_of_the_tenant_hold_for_visits_and_users(
    made: Scene, terms: Terms, reason: Reason
) -> None:
    made.connections.connections = [VISIT, USERS]
    await made.provider.add_bytes(MAIN, "2026-03", 5)
    await made.provider.save_terms(terms)
    assert (await refusal(placed(made))).reason is reason
    assert (await refusal(made.visits.check_served(MAIN, ConnectionId("c7")))).reason is reason


async def test_bandwidth_of_the_tenant_goes_to_the_gateway(made: Scene) -> None:
    assert (await placed(made)).most_bytes_s is None
    await made.provider.save_terms(Terms(MAIN, most_bytes_s=1_000_000))
    assert (await placed(made)).most_bytes_s == 1_000_000
    assert (await made.visits.check_served(MAIN, ConnectionId("c7"))).most_bytes_s == 1_000_000


async def test_connection_does_not_count_itself(made: Scene) -> None:
    made.connections.connections = [VISIT]
    await made.provider.save_terms(Terms(MAIN, most_connections=1))
    assert await placed(made)
    await made.visits.check_served(MAIN, VISIT.id)


@pytest.mark.parametrize("staff", [None, Staff(TOM), Staff(TOM, StaffRole.AUDITOR, frozenset({MAIN}))])
async def test_staff_who_do_not_serve_the_tenant_go_nowhere(made: Scene, staff: Staff | None) -> None:
    await made.provider.remove_staff(TOM)
    if staff is not None:
        await made.provider.save_staff(staff)
    assert (await refusal(placed(made))).reason is Reason.STAFF_NOT_ASSIGNED


@pytest.mark.parametrize("address", ["198.51.100.9", "", "2001:db8::1"])
async def test_token_is_good_only_where_a_console_may_be_used(made: Scene, address: str) -> None:
    admission, elsewhere = await made.admit(), replace(ATTEMPT, client_address=address)
    assert (await refusal(made.visits.place(admission, elsewhere))).reason is Reason.CONSOLE_OUTSIDE
    assert made.visits.open_visits() == {}
    assert await placed(made)


async def sleeping(made: Scene) -> None:
    """Let the host sleep in a pool that can wake it."""
    made.hosts.standing = False
    pool = await made.store.directory.get(HostPool, MAIN, POOL)
    hook = StartOnConnect(WakeMethod.COMMAND, "wake-host", 5)
    await made.store.directory.save(replace(pool, start_on_connect=hook))


async def test_host_that_sleeps_is_woken_by_the_hook_of_its_pool(made: Scene) -> None:
    await sleeping(made)
    placement = await placed(made)
    assert made.waker.woken == ["desk of desk"]
    assert list(placement.parked_s) == [Stage.WAKE]
    assert (await placed(made)).parked_s == {}


async def test_host_that_does_not_wake_is_named(made: Scene) -> None:
    await sleeping(made)
    made.waker.refusal = Refused(Reason.WAKE_TIMED_OUT, "desk: nothing within 5 s")
    assert (await refusal(placed(made))).reason is Reason.WAKE_TIMED_OUT
    assert made.visits.open_visits() == {}


async def test_host_is_not_woken_for_what_its_tenant_has_denied(made: Scene) -> None:
    await sleeping(made)
    await made.provider.deny_consent(MAIN, "r1", "anna", NOW)
    assert (await refusal(placed(made))).reason is Reason.CONSENT_DENIED
    assert made.waker.woken == []


async def test_what_was_granted_while_the_host_woke_is_shown_to_it(made: Scene) -> None:
    await sleeping(made)

    async def wake(pool: HostPool, host: HostStanding) -> None:
        made.hosts.standing = True
        await made.provider.save_grant(KEPT)

    made.waker.wake = wake  # type: ignore[method-assign]
    assert (await placed(made)).visit == Visit(REQUEST, TEXT)


async def test_host_has_to_be_there_and_new_enough(made: Scene) -> None:
    made.hosts.old = "agent 0.1 speaks version 2"
    found = await refusal(placed(made))
    assert (found.reason, found.detail) == (Reason.AGENT_TOO_OLD, "agent 0.1 speaks version 2")
    made.hosts.standing = False
    found = await refusal(placed(made))
    assert (found.reason, found.detail) == (Reason.HOST_OFFLINE, "desk, never seen")
    await made.store.set_link(HOST.id, False, NOW)
    found = await refusal(placed(made))
    assert (found.reason, found.detail) == (Reason.HOST_OFFLINE, "desk, last seen 2026-03-01 12:00:00 UTC")
    assert made.waker.woken == []
    await made.store.revoke_host(HOST.id, NOW)
    assert (await refusal(placed(made))).reason is Reason.HOST_REVOKED
    made.provider._requests[MAIN, "r1"] = replace(REQUEST, host=HostId("h9"))
    assert (await refusal(placed(made))).reason is Reason.RESOURCE_NOT_GRANTED
    made.provider._requests.clear()
    assert (await refusal(placed(made))).reason is Reason.RESOURCE_NOT_GRANTED


async def test_what_the_tenant_denied_or_revoked_is_not_asked_again(made: Scene) -> None:
    await made.provider.save_grant(KEPT)
    await made.provider.revoke_grant(MAIN, GRANT.id, NOW)
    assert (await refusal(placed(made))).reason is Reason.GRANT_REVOKED
    await made.provider.deny_consent(MAIN, "r1", "anna", NOW)
    found = await refusal(placed(made))
    assert (found.reason, found.detail) == (Reason.CONSENT_DENIED, "anna")


async def test_parked_visit_goes_on_with_the_grant(made: Scene) -> None:
    placement = await placed(made)
    waiting = asyncio.create_task(made.visits.consent(placement, ATTEMPT))
    await asyncio.sleep(0)
    await made.provider.save_grant(KEPT)
    await made.visits.granted(MAIN, "r1")
    async with asyncio.timeout(5):
        assert (await waiting).visit == Visit(REQUEST, TEXT)
    assert made.visits.open_visits()[ATTEMPT.connection_id].grant == GRANT.id


async def test_answer_of_another_process_is_found(made: Scene) -> None:
    placement = await placed(made)
    waiting = asyncio.create_task(made.visits.consent(placement, ATTEMPT))
    await asyncio.sleep(0.02)
    await made.provider.deny_consent(MAIN, "r1", "anna", NOW)
    async with asyncio.timeout(5):
        assert (await refusal(waiting)).reason is Reason.CONSENT_DENIED


async def test_host_is_asked_again_now_and_then(made: Scene) -> None:
    placement = await placed(made)
    made.visits._ask_host_every_s = 0.05
    async with asyncio.timeout(5):
        assert await made.visits.consent(placement, ATTEMPT) == placement


async def test_patience_ends_however_often_the_host_is_asked(made: Scene) -> None:
    placement = await placed(made)
    made.visits._ask_host_every_s = 0.0
    await made.visits.consent(placement, ATTEMPT)
    made.now = NOW + timedelta(seconds=599)
    await made.visits.consent(placement, ATTEMPT)
    made.now = NOW + timedelta(seconds=600)
    found = await refusal(made.visits.consent(placement, ATTEMPT))
    assert (found.reason, found.detail) == (Reason.CONSENT_TIMED_OUT, "no answer within 600 s")


async def test_token_does_not_outlive_its_time_by_being_parked(made: Scene) -> None:
    made.visits = made.make(consent_timeout_s=3600)
    placement = await placed(made)
    made.now = TOKEN.expires_at
    assert (await refusal(made.visits.consent(placement, ATTEMPT))).reason is Reason.TOKEN_EXPIRED


async def test_nothing_is_decided_while_the_store_is_away(
    made: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    placement = await placed(made)

    async def away(*_: object) -> None:
        raise AWAY

    monkeypatch.setattr(made.provider, "denials", away)
    made.visits._ask_host_every_s = 0.03
    assert await made.visits.consent(placement, ATTEMPT) == placement


async def test_revoking_cuts_what_the_grant_opened_and_tells_the_host(made: Scene) -> None:
    await made.provider.save_grant(KEPT)
    await placed(made)
    await made.visits.revoked(TenantId("other"), GRANT.id)
    assert (made.connections.cuts, made.hosts.told) == ([], [])
    await made.visits.revoked(MAIN, GRANT.id)
    assert made.connections.cuts == [(ATTEMPT.connection_id, Reason.GRANT_REVOKED)]
    assert made.hosts.told == [(HOST.id, GRANT.id)]


async def test_host_that_comes_up_hears_of_its_revoked_grants_alone(made: Scene) -> None:
    await made.provider.save_grant(KEPT)
    assert await made.visits.revoked_for(MAIN, HOST.id) == []
    await made.provider.revoke_grant(MAIN, GRANT.id, NOW)
    assert await made.visits.revoked_for(MAIN, HOST.id) == [GRANT.id]
    assert await made.visits.revoked_for(MAIN, HostId("h2")) == []
    assert await made.visits.revoked_for(PROVIDER, HOST.id) == []
    made.now = GRANT.until
    assert await made.visits.revoked_for(MAIN, HOST.id) == []


async def test_host_ends_its_own_visits_and_no_others(made: Scene) -> None:
    await placed(made)
    over = Refused(Reason.GRANT_EXPIRED, "it ended")
    await made.visits.broken_off(HostId("h2"), ATTEMPT.connection_id, over)
    await made.visits.broken_off(HOST.id, ConnectionId("c1"), over)
    assert made.connections.cuts == []
    await made.visits.broken_off(HOST.id, ATTEMPT.connection_id, over)
    assert made.connections.cuts == [(ATTEMPT.connection_id, Reason.GRANT_EXPIRED)]


async def test_connection_that_ended_is_forgotten(made: Scene) -> None:
    await placed(made)
    made.visits.ended(ATTEMPT.connection_id)
    assert made.visits.open_visits() == {}
