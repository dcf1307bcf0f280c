"""What the provider asks of the tenant: seen, granted, denied, revoked."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.consent import ConsentScope, ConsentState, Grant
from dialback.domain.provider import ConsentKey
from dialback.domain.tenancy import MAIN
from dialback.identity.grants import SignedGrant, build, fingerprint, open_grant, parse, sign
from dialback.identity.host_keys import HostKey
from dialback.web.consents import Consents
from tests.web.portal.stage import ACME, HOSTILE, Browser, PortalStage, text_of

KEY, OTHER = HostKey.generate(), HostKey.generate()
PAGE = "/admin/consent"


async def register(portal: PortalStage, key: HostKey = KEY, name: str = "adam-Firefox") -> None:
    await portal.provider.save_consent_key(ConsentKey(MAIN, name, key.public_bytes))


async def proposed(browser: Browser, id: str = "r1", query: str = "") -> Grant:
    """Return the grant that the page proposes."""
    answer = await browser.get(f"{PAGE}/requests/{id}{query}")
    assert answer.status_code == 200
    found = re.search(r'data-body="([^"]+)"', answer.text)
    assert found is not None
    return open_grant(SignedGrant(b64decode(found[1]), {}), {})[0]


def signed(grant: Grant, key: HostKey = KEY) -> str:
    return build(sign(grant, key.public_bytes, key.sign))


async def grant(portal: PortalStage, browser: Browser, id: str = "r1", key: HostKey = KEY) -> str:
    """Grant what was asked; return where the browser is sent."""
    await register(portal)
    text = signed(await proposed(browser, id), key)
    answer = await browser.post(f"{PAGE}/requests/{id}/grant", signed=text)
    return str(answer.headers.get("location", answer.status_code))


async def state_of(portal: PortalStage, id: str = "r1") -> ConsentState:
    known = await Consents(portal.provider, lambda: portal.now).request(MAIN, id)
    assert known is not None
    return known.state


async def test_page_shows_who_asks_for_what_and_why(portal: PortalStage) -> None:
    await portal.ask_consent()
    text = text_of(await (await portal.signed_in("adam")).get(PAGE))
    for fact in ("tess", "technician", "desk", "desktop at 127.0.0.1:3389", "printer", "T-1"):
        assert fact in text


async def test_proposed_grant_is_for_just_what_was_asked(portal: PortalStage) -> None:
    request = await portal.ask_consent()
    found = await proposed(await portal.signed_in("adam"), query="?life=30m&uses=1")
    assert (found.tenant, found.host, found.staff) == (MAIN, request.host, "tess")
    assert found.scopes == {ConsentScope.DESKTOP}
    assert found.targets == {request.target}
    assert (found.purpose, found.ticket_number, found.approved_by) == ("printer", "T-1", "adam")
    assert (found.begins_at, found.until, found.uses) == (
        portal.now,
        portal.now + timedelta(minutes=30),
        1,
    )


async def test_request_without_a_target_is_granted_without_one(portal: PortalStage) -> None:
    await portal.ask_consent(scope=ConsentScope.FACTS, target="")
    assert (await proposed(await portal.signed_in("adam"))).targets == frozenset()


async def test_unknown_choice_is_the_usual_one(portal: PortalStage) -> None:
    await portal.ask_consent()
    found = await proposed(await portal.signed_in("adam"), query="?life=9y&uses=-1")
    assert (found.until - found.begins_at, found.uses) == (timedelta(hours=2), 0)


async def test_signed_grant_is_kept_told_and_noted(portal: PortalStage) -> None:
    await portal.ask_consent()
    adam = await portal.signed_in("adam")
    assert await grant(portal, adam) == f"{PAGE}?said=granted"
    kept = await portal.provider.grant_for(MAIN, "r1")
    assert kept is not None
    _, held = open_grant(parse(kept.text), {fingerprint(KEY.public_bytes): KEY.public_bytes})
    assert len(held) == 1
    assert portal.told.heard == [("granted", MAIN, "r1")]
    assert portal.recorded.actions == ["consent.grant"]
    text = text_of(await adam.get(f"{PAGE}?said=granted"))
    assert "Granted: the host lets it in" in text
    assert "approved by adam · signed with adam-Firefox" in text
    assert "Nothing waits for you" in text


async def test_second_key_signs_the_same_grant(portal: PortalStage) -> None:
    await portal.ask_consent()
    adam, olga = await portal.signed_in("adam"), await portal.signed_in("olga")
    await grant(portal, adam)
    await register(portal, OTHER, "olga-Edge")
    portal.later(timedelta(minutes=1))
    first = await portal.provider.grant_for(MAIN, "r1")
    assert first is not None
    again = await proposed(olga)
    assert again.id == first.id
    for where in ("granted", "signed"):
        answer = await olga.post(f"{PAGE}/requests/r1/grant", signed=signed(again, OTHER))
        assert answer.headers["location"] == f"{PAGE}?said={where}"
    both = await portal.provider.grant_for(MAIN, "r1")
    assert both is not None
    assert both.signatures == 2
    assert "adam-Firefox, olga-Edge" in text_of(await olga.get(f"{PAGE}/requests/r1"))


async def test_key_that_is_not_registered_grants_nothing(portal: PortalStage) -> None:
    await portal.ask_consent()
    assert await grant(portal, await portal.signed_in("adam"), key=OTHER) == "403"
    assert await state_of(portal) is ConsentState.WAITING
    assert portal.told.heard == []


@pytest.mark.parametrize("text", ["", "x", "{}", '{"grant":"","signatures":{}}', "[" * 5000])
async def test_what_is_no_grant_is_refused(portal: PortalStage, text: str) -> None:
    await portal.ask_consent()
    answer = await (await portal.signed_in("adam")).post(f"{PAGE}/requests/r1/grant", signed=text)
    assert answer.status_code == 403
    assert "The grant is damaged" in text_of(answer) or "Too few keys" in text_of(answer)


async def test_grant_of_another_request_is_refused(portal: PortalStage) -> None:
    await portal.ask_consent()
    await portal.ask_consent("r2", staff="theo")
    await register(portal)
    adam = await portal.signed_in("adam")
    text = signed(await proposed(adam, "r2"))
    answer = await adam.post(f"{PAGE}/requests/r1/grant", signed=text)
    assert answer.status_code == 403
    assert "for somebody or something else" in text_of(answer)


async def test_grant_that_is_over_when_it_comes_is_refused(portal: PortalStage) -> None:
    await portal.ask_consent()
    await register(portal)
    adam = await portal.signed_in("adam")
    text = signed(await proposed(adam, query="?life=30m"))
    portal.later(timedelta(minutes=30))
    assert (await adam.post(f"{PAGE}/requests/r1/grant", signed=text)).status_code == 403


async def test_denied_request_is_told_and_stays_denied(portal: PortalStage) -> None:
    await portal.ask_consent()
    adam = await portal.signed_in("adam")
    answer = await adam.post(f"{PAGE}/requests/r1/deny")
    assert "whoever waits is refused" in text_of(await adam.get(answer.headers["location"]))
    assert portal.told.heard == [("denied", MAIN, "r1")]
    assert portal.recorded.actions == ["consent.deny"]
    for path in ("deny", "grant"):
        again = await adam.post(f"{PAGE}/requests/r1/{path}")
        assert again.headers["location"] == f"{PAGE}?said=late"
    page = await adam.get(f"{PAGE}/requests/r1")
    assert "Denied by adam" in text_of(page)
    assert "data-body" not in page.text


async def test_revoked_grant_is_told_and_may_be_given_anew(portal: PortalStage) -> None:
    await portal.ask_consent()
    adam = await portal.signed_in("adam")
    await grant(portal, adam)
    kept = await portal.provider.grant_for(MAIN, "r1")
    assert kept is not None
    answer = await adam.post(f"{PAGE}/grants/{kept.id}/revoke")
    assert "is cut" in text_of(await adam.get(answer.headers["location"]))
    assert portal.told.heard[-1] == ("revoked", MAIN, kept.id)
    assert portal.recorded.actions[-1] == "consent.revoke"
    assert await state_of(portal) is ConsentState.REVOKED
    assert (await proposed(adam)).id != kept.id


async def test_damaged_grant_is_shown_as_one_and_can_be_revoked(portal: PortalStage) -> None:
    await portal.ask_consent()
    adam = await portal.signed_in("adam")
    await grant(portal, adam)
    kept = await portal.provider.grant_for(MAIN, "r1")
    assert kept is not None
    await portal.provider.save_grant(replace(kept, text="damaged", signatures=2))
    page = await adam.get(PAGE)
    assert "no host takes it" in text_of(page)
    assert "/revoke" in page.text


async def test_helpdesk_reads_and_decides_nothing(portal: PortalStage) -> None:
    await portal.ask_consent()
    hella, anna = await portal.signed_in("hella"), await portal.signed_in("anna")
    page = await hella.get(PAGE)
    assert "printer" in text_of(page)
    assert '<form method="post" action="/admin' not in page.text
    for browser, paths in ((hella, [f"{PAGE}/requests/r1", f"{PAGE}/badge"]), (anna, [PAGE])):
        for path in paths:
            assert (await browser.get(path)).status_code == 403
    for path in ("requests/r1/deny", "requests/r1/grant", "grants/g1/revoke"):
        assert (await hella.post(f"{PAGE}/{path}")).status_code == 403
    assert await state_of(portal) is ConsentState.WAITING


async def test_what_is_another_tenants_is_not_there(portal: PortalStage) -> None:
    await portal.ask_consent()
    await grant(portal, await portal.signed_in("adam"))
    kept = await portal.provider.grant_for(MAIN, "r1")
    assert kept is not None
    other = await portal.signed_in("adam", ACME)
    assert "printer" not in (await other.get(PAGE)).text
    for id in ("r1", "none", "%3Cb%3E"):
        assert (await other.get(f"{PAGE}/requests/{id}")).status_code == 404
        assert (await other.post(f"{PAGE}/requests/{id}/deny")).status_code == 404
        assert (await other.post(f"{PAGE}/requests/{id}/grant", signed=kept.text)).status_code == 404
    assert (await other.post(f"{PAGE}/grants/{kept.id}/revoke")).status_code == 404
    assert await state_of(portal) is ConsentState.GRANTED


async def test_badge_counts_what_waits_for_administrators(portal: PortalStage) -> None:
    adam, hella = await portal.signed_in("adam"), await portal.signed_in("hella")
    assert text_of(await adam.get(f"{PAGE}/badge")) == ""
    await portal.ask_consent("r1")
    await portal.ask_consent("r2")
    await portal.ask_consent("r3", ACME)
    assert text_of(await adam.get(f"{PAGE}/badge")) == "Waiting for consent: 2"
    assert "Administration Waiting for consent: 2" in text_of(await adam.get("/"))
    assert "Waiting for consent" not in text_of(await hella.get("/"))


async def test_part_is_sent_again_only_when_something_changed(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    first = await adam.part(PAGE)
    mark = first.text.partition(f"{PAGE}?seen=")[2][:16]
    assert (await adam.part(f"{PAGE}?seen={mark}")).status_code == 204
    await portal.ask_consent()
    assert "asks for" in (await adam.part(f"{PAGE}?seen={mark}")).text


async def test_hostile_texts_are_shown_as_what_they_are(portal: PortalStage) -> None:
    await portal.ask_consent(purpose=HOSTILE, ticket_number=HOSTILE, staff=HOSTILE, role=HOSTILE)
    adam = await portal.signed_in("adam")
    for path in (PAGE, f"{PAGE}/requests/r1"):
        answer = await adam.get(path)
        assert "<script>alert" not in answer.text
        assert HOSTILE in text_of(answer)
    await grant(portal, adam)
    assert HOSTILE in text_of(await adam.get(PAGE))


async def test_without_a_script_there_is_the_command(portal: PortalStage) -> None:
    await portal.ask_consent()
    text = text_of(await (await portal.signed_in("adam")).get(f"{PAGE}/requests/r1?life=8h&uses=1"))
    assert "dialback consent approve r1 --for 8h --uses 1" in text
    assert "trusts the platform at that moment" in text
