"""Consent in a real browser: the key that Chromium makes and keeps, and what it signs."""

import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from dialback.domain.consent import ConsentScope
from dialback.domain.provider import KeptGrant
from dialback.domain.tenancy import MAIN
from dialback.identity.grants import SignedGrant, encode, fingerprint, open_grant, parse
from dialback.identity.signing import SigningKey
from tests.interop.portal import (
    PHONE,
    Served,
    chromium,
    overflow_of,
    page_of,
    problems_of,
    served,
    sign_in,
)
from tests.web.portal.stage import HOSTILE, signing_key

pytestmark = pytest.mark.interop

CONSENT = "/admin/consent"
REQUEST = "/admin/consent/requests/r1"
WITHOUT_ED25519 = """
const make = crypto.subtle.generateKey.bind(crypto.subtle);
crypto.subtle.generateKey = (algorithm, ...more) => algorithm === "Ed25519"
  ? Promise.reject(new DOMException("Unrecognized name", "NotSupportedError")) : make(algorithm, ...more);
"""
READ_OUT = """
async () => {
  const opening = indexedDB.open("dialback-consent");
  await new Promise((done) => { opening.onsuccess = done; });
  const asked = opening.result.transaction("keys").objectStore("keys").get("main/adam");
  await new Promise((done) => { asked.onsuccess = done; });
  const failures = [];
  for (const format of ["pkcs8", "jwk", "raw"]) {
    await crypto.subtle.exportKey(format, asked.result.privateKey)
      .catch((error) => failures.push(error.name));
  }
  opening.result.close();
  return failures;
}
"""


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return signing_key(tmp_path_factory.mktemp("publisher"))


@pytest.fixture
async def portal(tmp_path: Path, publisher: SigningKey) -> AsyncIterator[Served]:
    async with served(tmp_path, publisher) as found:
        yield found


@pytest.fixture
async def browser(portal: Served) -> AsyncIterator[Browser]:
    """A browser, which ends before the portal does."""
    async with chromium() as found:
        yield found


@pytest.fixture
async def page(browser: Browser, portal: Served) -> AsyncIterator[Page]:
    async with page_of(browser, portal.url) as found:
        yield found


async def make_key(page: Page, owner: str = "adam") -> bytes:
    """Make a key where the page offers it, and return the public half that stands in the line for hosts."""
    await page.get_by_role("button", name="Make a key in this browser").click()
    line = page.get_by_label("lines for agent.toml")
    await line.get_by_text("keys = ").wait_for()
    text = await line.inner_text()
    name, _, key = text.partition('"')[2].partition('"')[0].partition(": ")
    assert name == owner
    return bytes.fromhex(key)


async def fact(page: Page, name: str) -> str:
    """Return what the script shows of the grant under that name."""
    return await page.locator(f"[data-fact={name}]").inner_text()


async def kept_of(portal: Served, id: str = "r1") -> KeptGrant:
    kept = await portal.stage.provider.grant_for(MAIN, id)
    assert kept is not None
    return kept


async def propose(page: Page, change: Callable[[str], str]) -> None:
    """Let the server propose another grant than it would."""

    async def lie(route: Route) -> None:
        answer = await route.fetch()
        text = await answer.text()
        before = text.partition('data-body="')[2].partition('"')[0]
        await route.fulfill(response=answer, body=text.replace(before, change(before)))

    await page.route("**/requests/r1*", lie)


async def test_request_appears_without_reload_and_is_granted_with_the_browsers_key(
    page: Page, portal: Served
) -> None:
    await sign_in(page, "adam")
    await page.get_by_role("link", name="Administration").click()
    await page.get_by_role("link", name="Consent").click()
    await page.get_by_text("Nothing waits for you").wait_for()
    await page.evaluate("window.stillHere = true")
    request = await portal.stage.ask_consent()
    await page.get_by_role("link", name="Approve").wait_for()
    await page.get_by_text("Waiting for consent").wait_for()
    assert await page.evaluate("window.stillHere")
    await page.get_by_role("link", name="Approve").click()
    public_key = await make_key(page)
    assert page.url.endswith(f"{REQUEST}?life=2h&uses=0")
    await page.get_by_label("How often").select_option("once")
    await page.get_by_role("button", name="Choose").click()
    await page.locator("[data-fact=uses]", has_text="1").wait_for()
    for name, value in (("staff", "tess"), ("host", "desk-1"), ("purpose", "printer"), ("scopes", "desktop")):
        assert await fact(page, name) == value
    await page.get_by_role("button", name="Sign and approve").click()
    await page.get_by_text("Granted: the host lets it in").wait_for()

    kept = await kept_of(portal)
    grant, held = open_grant(parse(kept.text), {fingerprint(public_key): public_key})
    assert held == {fingerprint(public_key)}
    assert (grant.host, grant.staff, grant.uses) == (request.host, "tess", 1)
    assert grant.until - grant.begins_at == timedelta(hours=2)
    assert [key.public_key for key in await portal.stage.provider.consent_keys(MAIN)] == [public_key]
    assert portal.stage.told.heard == [("granted", MAIN, "r1")]


async def test_key_stays_in_the_browser_and_cannot_be_read_out(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent()
    await sign_in(page, "adam")
    await page.goto(CONSENT)
    public_key = await make_key(page)
    assert len(await page.evaluate(READ_OUT)) == 3
    await page.goto(REQUEST)
    await page.get_by_role("button", name="Sign and approve").click()
    await page.get_by_text("Granted: the host lets it in").wait_for()
    signed = parse((await kept_of(portal)).text)
    assert len(open_grant(signed, {fingerprint(public_key): public_key})[1]) == 1
    spoilt = SignedGrant(signed.body.replace(b"tess", b"theo"), signed.signatures)
    assert open_grant(spoilt, {fingerprint(public_key): public_key})[1] == frozenset()


async def test_person_of_another_name_has_another_key_in_the_same_browser(page: Page, portal: Served) -> None:
    await sign_in(page, "adam")
    await page.goto(CONSENT)
    await make_key(page)
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/signin")
    await sign_in(page, "olga")
    await page.goto(CONSENT)
    await make_key(page, "olga")
    found = [key.public_key for key in await portal.stage.provider.consent_keys(MAIN)]
    assert len(set(found)) == 2


async def test_key_that_the_server_forgot_is_registered_again(page: Page, portal: Served) -> None:
    await sign_in(page, "adam")
    await page.goto(CONSENT)
    public_key = await make_key(page)
    (key,) = await portal.stage.provider.consent_keys(MAIN)
    await portal.stage.provider.remove_consent_key(MAIN, key.name)
    await page.reload()
    await page.get_by_role("button", name="Register this browser's key again").click()
    await page.get_by_label("lines for agent.toml").get_by_text(public_key.hex()).wait_for()


async def test_revoked_and_denied_by_a_button(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent()
    await sign_in(page, "adam")
    await page.goto(REQUEST)
    await make_key(page)
    await page.get_by_role("button", name="Sign and approve").click()
    await page.get_by_text("Granted: the host lets it in").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Revoke").click()
    await page.get_by_text("Revoked: what the grant has opened is cut.").wait_for()
    assert (await kept_of(portal)).revoked_at is not None
    await portal.stage.ask_consent("r2", purpose="another")
    await page.get_by_role("button", name="Deny").click()
    await page.get_by_text("Denied: whoever waits is refused.").wait_for()
    told = [name for name, _, _ in portal.stage.told.heard]
    assert told == ["granted", "revoked", "denied"]


async def test_script_shows_what_the_bytes_say_whatever_the_page_says(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent()

    def other(before: str) -> str:
        grant, _ = open_grant(SignedGrant(b64decode(before), {}), {})
        grant = replace(grant, staff="mallory", scopes=frozenset(ConsentScope), targets=frozenset())
        return b64encode(encode(grant)).decode()

    await sign_in(page, "adam")
    await page.goto(REQUEST)
    await make_key(page)
    await propose(page, other)
    await page.goto(REQUEST)
    await page.locator("[data-fact=staff]", has_text="mallory").wait_for()
    assert "restart-agent" in await fact(page, "scopes")
    assert await fact(page, "targets") == "all that the host allows"


@pytest.mark.parametrize(
    "text",
    [
        "dialback challenge",
        "{}",
        '{"staff": "tess"}',
        '{"staff":"tess","staff":"mallory"}',
        "[]",
        "null",
    ],
)
async def test_script_signs_nothing_that_is_no_grant(page: Page, portal: Served, text: str) -> None:
    await portal.stage.ask_consent()
    await sign_in(page, "adam")
    await page.goto(REQUEST)
    await make_key(page)
    await propose(page, lambda _: b64encode(text.encode()).decode())
    await page.goto(REQUEST)
    await page.get_by_text("It did not work").wait_for()
    assert not await page.get_by_role("button", name="Sign and approve").is_visible()


async def test_script_signs_no_other_spelling_of_a_grant(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent()
    await sign_in(page, "adam")
    await page.goto(REQUEST)
    await make_key(page)

    def spelt(before: str) -> str:
        plain = json.loads(b64decode(before))
        return b64encode(json.dumps(plain).encode()).decode()

    await propose(page, spelt)
    await page.goto(REQUEST)
    await page.get_by_text("something else than a grant").wait_for()


async def test_hostile_texts_are_text_to_the_script_too(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent(purpose=HOSTILE, ticket_number=HOSTILE, staff="té\u200dss\U000e0041")
    await sign_in(page, "adam")
    await page.goto(REQUEST)
    public_key = await make_key(page)
    assert await fact(page, "purpose") == HOSTILE
    assert await fact(page, "staff") == "té\\u{200d}ss\\u{e0041}"
    assert await page.locator("#grant script").count() == 0
    await page.get_by_role("button", name="Sign and approve").click()
    await page.get_by_text("Granted: the host lets it in").wait_for()
    grant, held = open_grant(parse((await kept_of(portal)).text), {fingerprint(public_key): public_key})
    assert len(held) == 1
    assert grant.purpose == HOSTILE


async def test_browser_without_ed25519_is_given_the_command(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent()
    await page.add_init_script(WITHOUT_ED25519)
    await sign_in(page, "adam")
    await page.goto(REQUEST)
    await page.get_by_text("no Ed25519 keys").wait_for()
    command = page.get_by_label("command that approves")
    assert await command.inner_text() == "dialback consent approve r1 --for 2h"
    assert not await page.get_by_role("button", name="Make a key").is_visible()


async def test_without_a_script_consent_is_denied_and_the_command_shown(
    browser: Browser, portal: Served
) -> None:
    await portal.stage.ask_consent()
    async with page_of(browser, portal.url, java_script_enabled=False) as page:
        await sign_in(page, "adam")
        await page.goto(REQUEST)
        await page.get_by_text("dialback consent approve r1").wait_for()
        assert not await page.get_by_role("button", name="Sign and approve").is_visible()
        await page.get_by_role("button", name="Deny").click()
        await page.get_by_text("whoever waits is refused").wait_for()


async def test_signature_of_a_key_nobody_registered_is_refused(page: Page, portal: Served) -> None:
    await portal.stage.ask_consent()
    await sign_in(page, "adam")
    await page.goto(REQUEST)
    await make_key(page)
    (key,) = await portal.stage.provider.consent_keys(MAIN)
    await portal.stage.provider.remove_consent_key(MAIN, key.name)
    await page.get_by_role("button", name="Sign and approve").click()
    await page.get_by_text("Too few keys").wait_for()
    assert await portal.stage.provider.grant_for(MAIN, "r1") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desk", "phone"])
async def test_consent_pages_are_sound_for_axe_and_no_wider_than_the_window(
    browser: Browser, portal: Served, scheme: str, viewport: dict[str, int] | None
) -> None:
    await portal.stage.ask_consent()
    await portal.stage.ask_consent("r2", purpose="another")
    options = {"viewport": viewport} if viewport else {}
    async with page_of(browser, portal.url, color_scheme=scheme, bypass_csp=True, **options) as page:
        await sign_in(page, "adam")

        async def check(path: str, button: str) -> None:
            await page.goto(path)
            await page.get_by_role("button", name=button).first.wait_for()
            assert (path, button, await problems_of(page)) == (path, button, [])
            assert (path, button, await overflow_of(page)) == (path, button, 0)

        await check(CONSENT, "Make a key in this browser")
        await check(REQUEST, "Make a key in this browser")
        await make_key(page)
        await check(REQUEST, "Sign and approve")
        await page.get_by_role("button", name="Sign and approve").click()
        await page.get_by_text("Granted: the host lets it in").wait_for()
        await check(CONSENT, "Revoke")
        await check("/admin/connections?by=provider", "Show")
