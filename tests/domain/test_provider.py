from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from dialback.domain.consent import MAX_WAIT, ConsentRequest, ConsentScope, ConsentState, Denial
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId, TenantId, UserId
from dialback.domain.provider import (
    PROVIDER,
    ConsentKey,
    KeptGrant,
    Staff,
    StaffRole,
    TenantUse,
    Terms,
    check_console,
    check_reach,
    month_of,
    sees,
    serves,
    state_of,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = TenantId("acme")
TESS = Staff(UserId("tess"), tenants=frozenset({ACME}))
TERMS = Terms(ACME, frozenset({"gold"}))
UNUSED = TenantUse()


def refusal(staff: Staff | None = TESS, terms: Terms = TERMS, use: TenantUse = UNUSED) -> Reason | None:
    try:
        check_reach(staff, terms, use, NOON)
    except Refused as refused:
        return refused.reason
    return None


def test_technician_reaches_the_tenants_they_serve_by_id_or_tag() -> None:
    assert refusal() is None
    assert refusal(Staff(UserId("tim"), tags=frozenset({"gold", "silver"}))) is None


@pytest.mark.parametrize(
    "staff",
    [
        None,
        Staff(UserId("tim")),
        Staff(UserId("tim"), StaffRole.ADMINISTRATOR),
        Staff(UserId("tim"), tenants=frozenset({TenantId("other")}), tags=frozenset({"silver"})),
        replace(TESS, role=StaffRole.AUDITOR),
    ],
)
def test_nobody_reaches_a_tenant_by_their_role_alone(staff: Staff | None) -> None:
    assert refusal(staff) is Reason.STAFF_NOT_ASSIGNED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"suspended_at": NOON - HOUR}, Reason.TENANT_SUSPENDED),
        ({"begins_at": NOON + HOUR}, Reason.TENANT_LEASE_OVER),
        ({"ends_at": NOON}, Reason.TENANT_LEASE_OVER),
        ({"begins_at": NOON, "ends_at": NOON + HOUR}, None),
        ({"most_connections": 2}, Reason.TENANT_LIMIT),
        ({"most_connections": 3}, None),
        ({"most_bytes_month": 1000}, Reason.TENANT_LIMIT),
        ({"most_bytes_month": 1001}, None),
    ],
)
def test_tenant_is_served_on_its_terms(change: dict[str, object], reason: Reason | None) -> None:
    assert refusal(terms=replace(TERMS, **change), use=TenantUse(2, 1000)) is reason  # type: ignore[arg-type]


def test_tenant_without_tags_is_served_by_id_alone() -> None:
    assert not serves(Staff(UserId("tim")), Terms(ACME))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"])
def test_console_inside_the_providers_networks_may_be_used(address: str) -> None:
    check_console(address, ["10.0.0.0/8", "fd00::/8"], outside=False)


@pytest.mark.parametrize("address", ["192.0.2.7", "", "nonsense", "2001:db8::1"])
def test_console_outside_is_refused_unless_that_is_allowed(address: str) -> None:
    with pytest.raises(Refused) as refused:
        check_console(address, ["10.0.0.0/8", "fd00::/8"], outside=False)
    assert refused.value.reason is Reason.CONSOLE_OUTSIDE
    check_console(address, [], outside=True)


@pytest.mark.parametrize(
    "change",
    [{"begins_at": NOON, "ends_at": NOON}, {"most_bytes_s": 0}, {"tags": frozenset({"a b"})}],
)
def test_terms_without_sense_cannot_be_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(TERMS, **change)  # type: ignore[arg-type]


def test_consent_key_is_a_public_key_with_a_name() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ConsentKey(ACME, "anna", b"short")


ASKED = ConsentRequest(
    "r1", ACME, HostId("h1"), "tess", "technician", ConsentScope.DESKTOP, "", "printer", NOON
)
GRANTED = KeptGrant(ACME, GrantId("g1"), "r1", "", NOON + HOUR)


@pytest.mark.parametrize(
    ("grant", "denial", "now", "state"),
    [
        (None, None, NOON, ConsentState.WAITING),
        (None, None, NOON + MAX_WAIT, ConsentState.LAPSED),
        (GRANTED, None, NOON, ConsentState.GRANTED),
        (GRANTED, None, NOON + HOUR, ConsentState.EXPIRED),
        (replace(GRANTED, revoked_at=NOON), None, NOON + HOUR, ConsentState.REVOKED),
        (None, Denial("anna", NOON), NOON, ConsentState.DENIED),
        (GRANTED, Denial("anna", NOON), NOON, ConsentState.DENIED),
    ],
)
def test_state_of_a_request_is_what_became_of_it(
    grant: KeptGrant | None, denial: Denial | None, now: datetime, state: ConsentState
) -> None:
    assert state_of(ASKED, grant, denial, now) is state


def test_administrator_sees_every_tenant_and_others_those_they_serve() -> None:
    pia, tim = Staff(UserId("pia"), StaffRole.ADMINISTRATOR), Staff(UserId("tim"), tenants=frozenset({ACME}))
    other = Terms(TenantId("other"))
    assert (sees(pia, other), sees(tim, other), sees(tim, Terms(ACME))) == (True, False, True)


@pytest.mark.parametrize("tenants", [frozenset(), frozenset({PROVIDER})])
def test_provider_is_no_tenant_that_anybody_sees(tenants: frozenset[TenantId]) -> None:
    assert not any(sees(Staff(UserId("pia"), role, tenants), Terms(PROVIDER)) for role in StaffRole)


def test_month_is_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert month_of(datetime(2026, 3, 1, 8, 59, tzinfo=east)) == "2026-02"


def test_role_includes_those_below_it() -> None:
    assert StaffRole.ADMINISTRATOR.includes(StaffRole.AUDITOR)
    assert StaffRole.TECHNICIAN.includes(StaffRole.TECHNICIAN)
    assert not StaffRole.AUDITOR.includes(StaffRole.TECHNICIAN)
