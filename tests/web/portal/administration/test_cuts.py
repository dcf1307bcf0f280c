"""Cutting a connection from its page."""

from dataclasses import replace

import pytest

from dialback.web.site import make_app
from tests.web.portal.stage import ACME, PortalStage, text_of

LIVE = "/admin/connections/c-live"


@pytest.mark.parametrize("who", ["hella", "adam"])
async def test_connection_is_cut_by_helpdesk_and_above(portal: PortalStage, who: str) -> None:
    browser = await portal.signed_in(who)
    assert f'action="{LIVE}/cut"' in (await browser.get(LIVE)).text
    answer = await browser.post(f"{LIVE}/cut")
    assert "The connection was cut" in text_of(await browser.get(answer.headers["location"]))
    assert portal.cuts.details == [f"cut-by-administrator: by {who}"]
    (entry,) = portal.recorded.entries
    assert (entry.action, entry.subject, entry.detail) == ("connection.cut", "connection:c-live", "user anna")


async def test_connection_that_is_over_is_said_to_be(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    await hella.post(f"{LIVE}/cut")
    answer = await hella.post(f"{LIVE}/cut")
    assert "over already" in text_of(await hella.get(answer.headers["location"]))
    assert portal.recorded.actions == ["connection.cut"]
    assert "/cut" not in (await hella.get("/admin/connections/c-refused")).text


async def test_user_cuts_none_and_nobody_those_of_another_tenant(portal: PortalStage) -> None:
    assert (await (await portal.signed_in("anna")).post(f"{LIVE}/cut")).status_code == 403
    assert (await (await portal.signed_in("hella", ACME)).post(f"{LIVE}/cut")).status_code == 404
    hella = await portal.signed_in("hella")
    assert (await hella.post("/admin/connections/acme-c-live/cut")).status_code == 404
    assert portal.cuts.details == []


async def test_nothing_is_offered_where_no_gateway_is_reached(portal: PortalStage) -> None:
    portal.app = make_app(replace(portal.site, portal=replace(portal.parts, connections=None)))
    hella = await portal.signed_in("hella")
    assert "/cut" not in (await hella.get(LIVE)).text
    assert (await hella.post(f"{LIVE}/cut")).status_code == 404
