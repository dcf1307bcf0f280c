"""The page of the provider's staff."""

from dataclasses import replace

import httpx
import pytest

from dialback.console.window.links import parse_link
from dialback.domain.hosts import HostReport
from dialback.domain.ids import HostId, TenantId
from dialback.domain.provider import PROVIDER, Terms
from dialback.domain.tenancy import MAIN, Tenant
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.portal.tenants import PAGE
from dialback.web.site import make_app
from tests.web.portal.stage import (
    ACME,
    HOST,
    HOSTILE,
    NOW,
    STEERING,
    STEERING_SHOWN,
    Browser,
    PortalStage,
    links_of,
    text_of,
)


@pytest.fixture(autouse=True)
async def staff(portal: PortalStage) -> None:
    await portal.hire()


def console_links(answer: httpx.Response) -> list[str]:
    """Return where the links of the page lead that start the console."""
    return [parse_link(link).where for link in links_of(answer) if link.startswith("dialback:")]


async def tess(portal: PortalStage) -> Browser:
    return await portal.signed_in("tess", PROVIDER)


async def test_technician_sees_only_the_tenants_they_serve(portal: PortalStage) -> None:
    for name, host in (("tess", "acme/acme-desk-1"), ("timo", "main/desk-1")):
        answer = await (await portal.signed_in(name, PROVIDER)).get("/tenants")
        assert console_links(answer) == [host]
        assert len(answer.text.split('<section class="panel"')) == 2


async def test_administrator_sees_every_tenant_and_reaches_none_that_is_not_theirs(
    portal: PortalStage,
) -> None:
    answer = await (await portal.signed_in("pia", PROVIDER)).get("/tenants")
    for tenant in ("Acme", "Main"):
        assert tenant in text_of(answer)
    assert "provider," not in text_of(answer)
    assert console_links(answer) == []


async def test_auditor_sees_no_link(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("aida", PROVIDER)).get("/tenants")
    assert "blue-01" in text_of(answer)
    assert "An auditor reaches no host." in text_of(answer)
    assert console_links(answer) == []


@pytest.mark.parametrize(
    ("name", "tenant"), [("olga", MAIN), ("anna", MAIN), ("olga", ACME), ("nora", PROVIDER)]
)
async def test_whoever_is_not_on_the_staff_finds_no_such_page(
    portal: PortalStage, name: str, tenant: TenantId
) -> None:
    browser = await portal.signed_in(name, tenant)
    answer = await browser.get("/tenants")
    assert answer.status_code == 404
    assert answer.text == (await browser.get("/nothing")).text
    assert "/tenants" not in links_of(await browser.get("/"))


async def test_staff_find_the_page_in_the_navigation(portal: PortalStage) -> None:
    assert "/tenants" in links_of(await (await tess(portal)).get("/"))


async def test_who_is_taken_off_the_staff_sees_nothing_from_the_next_request_on(portal: PortalStage) -> None:
    browser = await tess(portal)
    assert (await browser.get("/tenants")).status_code == 200
    assert await portal.provider.remove_staff((await portal.user("tess", PROVIDER)).id)
    assert (await browser.part("/tenants")).status_code == 404


async def test_staff_outside_of_the_providers_networks_are_refused_on_record(portal: PortalStage) -> None:
    inside = replace(portal.parts, provider_settings=ProviderSettings(networks=("198.51.100.0/24",)))
    portal.app = make_app(replace(portal.site, portal=inside))
    answer = await (await tess(portal)).get("/tenants")
    assert answer.status_code == 403
    assert "The provider allows no console at this address" in text_of(answer)
    entry = portal.recorded.entries[-1]
    assert (entry.tenant, entry.actor.name, entry.allowed) == (PROVIDER, "tess", False)
    assert (entry.subject, entry.detail) == ("route:GET /tenants", "console-outside")


async def test_hosts_are_shown_with_their_link_and_what_they_say(portal: PortalStage) -> None:
    browser = await tess(portal)
    text = text_of(await browser.get("/tenants"))
    for said in ("acme, 1 of 1 hosts linked", "blue-01", "up since 2026-03-01 12:00", "Debian 12, agent 1"):
        assert said in text
    await portal.store.set_link(HostId(f"acme-{HOST}"), False, NOW)
    assert "0 of 1 hosts linked" in text_of(await browser.get("/tenants"))


async def test_part_is_sent_when_a_host_has_changed_and_not_before(portal: PortalStage) -> None:
    browser = await tess(portal)
    mark = (await browser.get("/tenants")).text.partition("seen=")[2].partition('"')[0]
    assert (await browser.part(f"/tenants?seen={mark}")).status_code == 204
    # A report that says nothing new is no change.
    await portal.store.save_report(HostId(f"acme-{HOST}"), HostReport("blue-01", "Debian 12", "1"), NOW)
    assert (await browser.part(f"/tenants?seen={mark}")).status_code == 204
    await portal.store.set_link(HostId(f"acme-{HOST}"), False, NOW)
    answer = await browser.part(f"/tenants?seen={mark}")
    assert "down" in text_of(answer)
    assert "<html" not in answer.text


async def test_search_finds_hosts_and_keeps_to_what_is_served(portal: PortalStage) -> None:
    browser = await tess(portal)
    assert console_links(await browser.get("/tenants?q=BLUE")) == ["acme/acme-desk-1"]
    for query in ("main", "green", "%3Cb%3E"):
        answer = await browser.get(f"/tenants?q={query}")
        assert console_links(answer) == []
        assert "No tenant and no host has" in text_of(answer)


async def test_consent_that_the_technician_asked_for_is_shown_and_no_others(portal: PortalStage) -> None:
    browser = await tess(portal)
    await portal.ask_consent("r1", ACME, staff="theo", purpose="not mine")
    assert "nothing lately" in text_of(await browser.get("/tenants"))
    await portal.ask_consent("r2", ACME, purpose=HOSTILE)
    text = text_of(await browser.get("/tenants"))
    assert f"waiting {HOSTILE}" in text
    assert "not mine" not in text
    await portal.provider.deny_consent(ACME, "r2", "olga", NOW)
    assert f"denied {HOSTILE}" in text_of(await browser.get("/tenants"))


async def test_what_hosts_say_of_themselves_is_shown_as_what_it_is(portal: PortalStage) -> None:
    host = HostId(f"acme-{HOST}")
    await portal.store.save_report(host, HostReport(STEERING, STEERING, "<b>1</b>"), NOW)
    answer = await (await tess(portal)).get("/tenants")
    assert "<script>alert" not in answer.text
    assert f"{STEERING_SHOWN}, agent <b>1</b>" in text_of(answer)


async def test_many_tenants_are_paged(portal: PortalStage) -> None:
    for number in range(PAGE + 5):
        tenant = TenantId(f"t{number:02}")
        await portal.directory.save_tenant(Tenant(tenant, f"Tenant {number:02}"))
        await portal.provider.save_terms(Terms(tenant, frozenset({"gold"})))
    browser = await portal.signed_in("timo", PROVIDER)
    first = await browser.get("/tenants?q=tenant")
    following = next(link for link in links_of(first) if "after=" in link)
    assert ("Tenant 19" in first.text, "Tenant 20" in first.text) == (True, False)
    second = await browser.get(following)
    assert ("Tenant 19" in second.text, "Tenant 24" in second.text) == (False, True)
    assert not any("after=" in link for link in links_of(second))
    gone = await browser.get("/tenants?after=none")
    assert "Tenant 00" in gone.text
