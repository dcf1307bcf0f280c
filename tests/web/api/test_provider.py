"""The provider's tenants, their terms, and their hosts as they are now."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.hosts import HostReport, RdpServer
from dialback.domain.ids import HostId, TenantId, UserId
from dialback.domain.management import ManagementOffer
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import MAIN, User
from dialback.web.api.guard import LOCAL_METHOD
from tests.web.api.stage import ACME, ApiStage

HOSTILE = "<script>\x1b[2J\u202e"


async def local(api: ApiStage) -> str:
    """Return the bearer of somebody with access to the server's data folder."""
    olga = await api.directory.get(User, MAIN, UserId("olga"))
    assert olga is not None
    opened = await api.authenticator.open(olga, SignInKind.CLI, LOCAL_METHOD, Origin("", "root"))
    return opened.secret.reveal()


async def served(api: ApiStage, who: str) -> list[str]:
    found = await api.good("GET", "/provider/tenants", who)
    return [tenant["id"] for tenant in found["items"]]


async def test_staff_see_the_tenants_they_serve(api: ApiStage) -> None:
    assert await served(api, "provider/pia") == ["acme", "main"]
    assert await served(api, "provider/tess") == ["acme"]
    assert await served(api, "provider/timo") == ["main"]
    assert await served(api, "provider/aida") == ["acme"]


async def test_whoever_has_the_data_folder_sees_all_tenants(api: ApiStage) -> None:
    found = await api.good("GET", "/provider/tenants", bearer=await local(api))
    assert [tenant["id"] for tenant in found["items"]] == ["acme", "main"]


async def test_tenant_is_shown_with_its_hosts_and_what_it_uses(api: ApiStage) -> None:
    await api.provider.add_bytes(ACME, "2026-03", 12)
    await api.store.set_link(HostId("acme-desk-1"), True, api.now)
    tenant = await api.good("GET", "/provider/tenants/acme", "provider/tess")
    assert tenant == {
        "id": "acme",
        "name": "Acme",
        "hosts_up": 1,
        "hosts_down": 0,
        "suspended": False,
        "terms": {
            "tags": [],
            "begins_at": None,
            "ends_at": None,
            "suspended_at": None,
            "most_connections": None,
            "most_bytes_s": None,
            "most_bytes_month": None,
        },
        "connections": 0,
        "bytes_month": 12,
    }


async def test_removed_host_is_not_counted(api: ApiStage) -> None:
    await api.store.revoke_host(HostId("acme-desk-1"), api.now)
    tenant = await api.good("GET", "/provider/tenants/acme", "provider/tess")
    assert (tenant["hosts_up"], tenant["hosts_down"]) == (0, 0)
    assert (await api.good("GET", "/provider/tenants/acme/hosts", "provider/tess"))["items"] == []


@pytest.mark.parametrize("rest", ["", "/terms", "/hosts"])
async def test_tenant_that_is_not_served_is_not_there(api: ApiStage, rest: str) -> None:
    for who, tenant in (
        ("provider/tess", "main"),
        ("provider/timo", "acme"),
        ("provider/pia", "provider"),
        ("provider/pia", "nobody"),
        ("provider/pia", "a%20b"),
    ):
        answers = [await api.ask("GET", f"/provider/tenants/{each}{rest}", who) for each in (tenant, "lost")]
        assert [answer.status_code for answer in answers] == [404, 404], (who, tenant)
        assert answers[0].content == answers[1].content


async def test_hosts_are_shown_as_they_are_now(api: ApiStage) -> None:
    servers = (RdpServer("127.0.0.1:3389", True, "tls", "TLSv1.3", "ab" * 32),)
    await api.store.save_report(
        HostId("acme-desk-1"),
        HostReport("pc", "Debian", "1.2", servers, ManagementOffer(1, 2, ("restart-rdp",))),
        api.now,
    )
    await api.store.set_link(HostId("acme-desk-1"), True, api.now)
    (host,) = (await api.good("GET", "/provider/tenants/acme/hosts", "provider/aida"))["items"]
    assert (host["id"], host["name"], host["link_up"]) == ("acme-desk-1", "desk", True)
    assert (host["sessions"], host["agent_version"], host["public_key"]) == (2, "1.2", b"k".hex() * 32)
    assert host["report"]["rdp_servers"][0]["certificate_sha256"] == "ab" * 32
    assert host["report"]["management"] == {
        "lowest_version": 1,
        "highest_version": 2,
        "offers": ["restart-rdp"],
    }
    assert host["failed"] == []
    await api.directory.remove_pool_host(TenantId("acme"), HostId("acme-desk-1"))
    (host,) = (await api.good("GET", "/provider/tenants/acme/hosts", "provider/aida"))["items"]
    assert host["sessions"] == 2


async def test_what_an_agent_says_is_plain_json(api: ApiStage) -> None:
    report = HostReport(HOSTILE, HOSTILE, HOSTILE)
    await api.store.save_report(HostId("acme-desk-1"), report, api.now)
    answer = await api.ask("GET", "/provider/tenants/acme/hosts", "provider/tess")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["items"][0]["report"]["host_name"] == HOSTILE
    assert "\x1b" not in answer.text


async def test_administrator_makes_and_renames_tenants(api: ApiStage) -> None:
    made = await api.ask("PUT", "/provider/tenants/globex", "provider/pia", json={"name": "Globex"})
    assert (made.status_code, made.json()["name"]) == (201, "Globex")
    again = await api.ask("PUT", "/provider/tenants/globex", "provider/pia", json={"name": "Globex AG"})
    assert (again.status_code, again.json()["name"]) == (200, "Globex AG")
    assert await served(api, "provider/pia") == ["acme", "globex", "main"]
    assert [entry for entry in api.notes.actions if entry[0] == "tenant.save"] == [
        ("tenant.save", "tenant:globex")
    ] * 2


async def test_nobody_takes_the_providers_own_tenant_for_one(api: ApiStage) -> None:
    path = "/provider/tenants/provider"
    assert await api.bad("PUT", path, "provider/pia", json={"name": "X"}) == (422, "request-invalid")
    assert await api.bad("PUT", f"{path}%0a", "provider/pia", json={"name": "X"}) == (422, "request-invalid")
    stale = {"If-Match": '"7"'}
    body = {"name": "X"}
    new = "/provider/tenants/new"
    assert (await api.bad("PUT", new, "provider/pia", json=body, headers=stale))[1] == "version-stale"
    assert (await api.bad("PUT", "/provider/tenants/acme", "provider/pia", json=body, headers=stale))[
        0
    ] == 412


async def test_terms_are_kept_whole_with_their_version(api: ApiStage) -> None:
    terms = {
        "tags": ["gold"],
        "begins_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-12-31T00:00:00+01:00",
        "suspended_at": None,
        "most_connections": 2,
        "most_bytes_s": 10_000_000,
        "most_bytes_month": 2**50,
    }
    path = "/provider/tenants/acme/terms"
    saved = await api.ask("PUT", path, "provider/pia", json=terms)
    assert saved.headers["etag"] == '"1"'
    found = await api.ask("GET", path, "provider/tess")
    assert found.json() == saved.json()
    assert (found.json()["tags"], found.json()["most_bytes_month"]) == (["gold"], 2**50)
    again = await api.ask("PUT", path, "provider/pia", json=terms)
    assert again.headers["etag"] == '"1"'
    assert api.notes.actions == [("terms.save", "tenant:acme")]
    assert await served(api, "provider/timo") == ["acme", "main"]
    stale = {"If-Match": '"9"'}
    assert (await api.bad("PUT", path, "provider/pia", json=terms, headers=stale))[1] == "version-stale"


@pytest.mark.parametrize(
    "terms",
    [
        {"tags": ["a b"]},
        {"begins_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
        {"begins_at": "2026-01-02T00:00:00"},
        {"most_connections": 0},
        {"most_connections": "2"},
        {"most_bytes_s": 2**63},
        {"most": 1},
    ],
)
async def test_terms_that_break_a_rule_are_refused(api: ApiStage, terms: dict[str, object]) -> None:
    answer = await api.bad("PUT", "/provider/tenants/acme/terms", "provider/pia", json=terms)
    assert answer == (422, "request-invalid")


async def test_suspended_tenant_is_shown_as_such(api: ApiStage) -> None:
    terms = await api.provider.terms(ACME)
    await api.provider.save_terms(replace(terms, suspended_at=api.now, ends_at=api.now + timedelta(1)))
    assert (await api.good("GET", "/provider/tenants/acme", "provider/tess"))["suspended"]


async def test_tenants_are_paged(api: ApiStage) -> None:
    first = await api.good("GET", "/provider/tenants?limit=1", "provider/pia")
    rest = await api.good("GET", f"/provider/tenants?after={first['after']}", "provider/pia")
    assert [each["id"] for each in first["items"] + rest["items"]] == ["acme", TenantId("main")]
    assert PROVIDER not in str(first | rest)
