"""The provider's staff: who manages it, and what ends with somebody's place on it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.live import LiveConnection
from dialback.domain.provider import PROVIDER, Staff, StaffRole
from dialback.domain.tenancy import Tenant, User
from tests.web.api.stage import ACME, ApiStage
from tests.web.api.test_provider import local

TINA = {"name": "tina", "role": "technician", "tenants": ["acme"], "tags": ["gold"]}


async def test_administrator_takes_somebody_on_the_staff(api: ApiStage) -> None:
    made = await api.ask("PUT", "/provider/staff/tina", "provider/pia", json=TINA)
    assert made.status_code == 201
    assert made.json() == {"id": "tina", "disabled": False, **TINA}
    assert await api.good("GET", "/provider/staff/tina", "provider/pia") == made.json()
    assert (await api.ask("PUT", "/provider/staff/tina", "provider/pia", json=TINA)).status_code == 200
    assert api.notes.actions == [("staff.save", "user:tina")]
    kept = await api.provider.staff(UserId("tina"))
    assert kept == Staff(UserId("tina"), StaffRole.TECHNICIAN, frozenset({ACME}), frozenset({"gold"}))


async def test_first_of_the_staff_is_taken_on_by_whoever_has_the_data_folder(api: ApiStage) -> None:
    bearer = await local(api)
    for user in ("aida", "nora", "pia", "tess", "timo"):
        await api.directory.remove(User, PROVIDER, user)
    api.directory._tenants.pop(PROVIDER)
    assert (await api.good("GET", "/provider/staff", bearer=bearer))["items"] == []
    body = {"name": "boss", "role": "provider-administrator"}
    await api.good("PUT", "/provider/staff/boss", bearer=bearer, json=body)
    assert await api.directory.tenant(PROVIDER) == Tenant(PROVIDER, "Provider")
    link = (await api.good("POST", "/provider/staff/boss/invite", bearer=bearer))["link"]
    assert link.startswith("https://gw.example.org/invitation/")


async def test_staff_are_renamed_and_listed(api: ApiStage) -> None:
    await api.good("PUT", "/provider/staff/tess", "provider/pia", json={**TINA, "name": "tessa"})
    listed = (await api.good("GET", "/provider/staff", "provider/pia"))["items"]
    assert [each["name"] for each in listed] == ["aida", "pia", "tessa", "timo"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**TINA, "tenants": ["nobody"]}, "request-invalid"),
        ({**TINA, "tenants": ["provider"]}, "request-invalid"),
        ({**TINA, "tags": ["a b"]}, "request-invalid"),
        ({**TINA, "name": "a\x1b[2J"}, "request-invalid"),
        ({**TINA, "role": "owner"}, "request-invalid"),
        ({**TINA, "name": "TESS"}, "name-taken"),
    ],
)
async def test_staff_that_break_a_rule_are_refused(
    api: ApiStage, body: dict[str, object], reason: str
) -> None:
    assert (await api.bad("PUT", "/provider/staff/tina", "provider/pia", json=body))[1] == reason
    assert await api.provider.staff(UserId("tina")) is None


async def test_whoever_leaves_the_staff_loses_what_they_have_open(api: ApiStage) -> None:
    token = ConnectionToken(
        TokenHash("h"),
        ACME,
        UserId("tess"),
        UserName("tess"),
        ResourceName("r"),
        api.now,
        api.now + timedelta(minutes=10),
        kind=TokenKind.PROVIDER,
    )
    await api.store.save_token(token)
    await api.good("DELETE", "/provider/staff/tess", "provider/pia")
    assert await api.bad("GET", "/provider/tenants", "provider/tess") == (401, "not-signed-in")
    kept, _ = await api.store.token(token.hash)
    assert kept is not None
    assert kept.revoked_at == api.now
    assert await api.bad("DELETE", "/provider/staff/tess", "provider/pia") == (404, "not-there")
    assert api.notes.actions == [("staff.remove", "user:tess")]


async def test_what_a_removed_staff_member_has_open_is_cut_for_that_reason(api: ApiStage) -> None:
    visit = LiveConnection(
        ConnectionId("v1"),
        ACME,
        UserId("tess"),
        UserName("provider\\tess"),
        ResourceName("r1"),
        TokenHash("a"),
        "192.0.2.7",
        kind=TokenKind.PROVIDER,
    )
    others = replace(visit, id=ConnectionId("v2"), user_id=UserId("timo"))
    users = replace(visit, id=ConnectionId("v3"), kind=TokenKind.CONNECTION)
    api.cuts.going_on, api.cuts.open = [visit, others, users], {visit.id, others.id, users.id}
    await api.good("DELETE", "/provider/staff/tess", "provider/pia")
    assert api.cuts.open == {others.id, users.id}
    assert api.cuts.reasons == [Reason.STAFF_NOT_ASSIGNED]
    cut = api.notes.entries[0]
    assert (cut.tenant, cut.action, cut.subject) == (ACME, "connection.cut", "connection:v1")
    assert (cut.actor.name, cut.detail) == ("provider\\pia", "staff-not-assigned: r1 for provider\\tess")


async def test_role_on_the_staff_is_asked_at_each_request(api: ApiStage) -> None:
    await api.good("GET", "/provider/tenants", "provider/tess")
    await api.provider.remove_staff(UserId("tess"))
    assert await api.bad("GET", "/provider/tenants", "provider/tess") == (403, "role-lacking")


async def test_administrator_neither_leaves_nor_demotes_themselves(api: ApiStage) -> None:
    assert (await api.bad("DELETE", "/provider/staff/pia", "provider/pia"))[1] == "own-user"
    body = {"name": "pia", "role": "technician"}
    assert (await api.bad("PUT", "/provider/staff/pia", "provider/pia", json=body))[1] == "own-user"


async def test_user_of_a_tenant_is_nobody_of_the_provider_by_the_same_id(api: ApiStage) -> None:
    user = await api.directory.save(User(TenantId("acme"), UserId("pia"), UserName("pia")))
    opened = await api.authenticator.open(user, SignInKind.CLI, "device code", Origin("192.0.2.7"))
    bearer = opened.secret.reveal()
    assert await api.bad("GET", "/provider/staff", bearer=bearer) == (403, "role-lacking")


@pytest.mark.parametrize("rest", ["", "/invite"])
async def test_nobody_is_not_there(api: ApiStage, rest: str) -> None:
    for id in ("nora", "lost", "a%20b"):
        method = "POST" if rest else "GET"
        assert await api.bad(method, f"/provider/staff/{id}{rest}", "provider/pia") == (404, "not-there")
