"""The portal in a real browser: Debian's Chromium, before the node's own port."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from dialback.console.window.links import parse_link
from dialback.domain.approvals import Decision
from dialback.domain.ids import ConnectionId, HostId, UserId
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import MAIN
from dialback.identity.signing import SigningKey
from dialback.wire import rdpfile, rdpsign
from lab.browser import PATIENCE_MS
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
from tests.openssl import cms_verifies
from tests.web.portal.stage import ACME, HOST, PASSWORD, signing_key

pytestmark = pytest.mark.interop

OWN = [
    "/",
    "/connect/office",
    "/sessions",
    "/approvals",
    "/devices",
    "/devices/codes",
    "/subscribe",
    "/device",
]
ADMINISTRATION = [
    "/admin",
    "/admin/sessions",
    "/admin/published",
    "/admin/published/apps",
    "/admin/users",
    "/admin/connections",
    "/admin/connections/c-refused",
    "/admin/publisher",
    "/admin/audit",
    "/nothing",
]
STAFF = ["/", "/tenants", "/tenants?q=nothing"]


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


def searched_for(text: str) -> re.Pattern[str]:
    """Return how the address of a page ends that shows what was searched for."""
    return re.compile(rf"\?q={text}$")


async def test_somebody_signs_in_searches_and_downloads_a_file_that_verifies(
    page: Page, tmp_path: Path
) -> None:
    await page.goto("/sessions")
    await page.get_by_label("User name").fill("anna")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/sessions")
    await page.get_by_role("link", name="Desktops").click()
    await page.get_by_role("heading", name="Writer").wait_for()

    await page.get_by_role("searchbox").press_sequentially("office")
    # Whoever pauses between two letters is shown what the first ones find.
    await page.wait_for_url(searched_for("office"))
    await page.get_by_role("heading", name="Writer").wait_for(state="detached")

    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Connect to Office desktop").click()
    download = await downloading.value
    assert download.suggested_filename == "office.rdp"
    file = tmp_path / "office.rdp"
    await download.save_as(file)
    signed = rdpsign.read(rdpfile.parse(rdpfile.decode(file.read_bytes())))
    assert signed is not None
    assert cms_verifies(tmp_path, signed.pkcs7, signed.message)


async def test_command_for_freerdp_unfolds_below_the_button(page: Page) -> None:
    await sign_in(page, "anna")
    await page.locator("summary", has_text="Office desktop").click()
    command = page.get_by_label("command for Office desktop").first
    await command.wait_for()
    assert "xfreerdp office.rdp /cert:fingerprint:sha256:" in await command.inner_text()


async def test_number_is_shown_and_the_file_follows_by_itself(page: Page, portal: Served) -> None:
    await portal.stage.want_approval()
    await sign_in(page, "anna")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Connect to Office desktop").click()
    assert (await downloading.value).suggested_filename == "office.rdp"
    assert (await page.locator("#number").inner_text()).isdigit()


async def test_approval_appears_without_reload_and_is_decided(page: Page, portal: Served) -> None:
    await sign_in(page, "anna")
    await page.get_by_role("link", name="Approvals").click()
    await page.get_by_text("Nothing waits for you").wait_for()
    await page.evaluate("window.stillHere = true")
    await portal.stage.ask_approval(number=42)
    await page.get_by_role("button", name="42").wait_for()
    assert await page.evaluate("window.stillHere")
    await page.get_by_role("button", name="42").click()
    await page.get_by_text("the connection goes on").wait_for()
    approval = await portal.stage.approvals.approval(MAIN, ConnectionId("a1"))
    assert approval is not None
    assert approval.decision is Decision.APPROVED


async def test_focus_stays_while_nothing_changes(page: Page, portal: Served) -> None:
    await portal.stage.ask_approval()
    await sign_in(page, "anna")
    await page.goto("/approvals")
    await page.get_by_role("button", name="42").focus()
    async with page.expect_response(lambda answer: answer.status == 204):
        pass
    assert await page.evaluate("document.activeElement.value") == "42"


async def test_badge_appears_on_another_page_without_reload(page: Page, portal: Served) -> None:
    await sign_in(page, "anna")
    await page.goto("/subscribe")
    await page.evaluate("window.stillHere = true")
    await portal.stage.ask_approval()
    await page.locator(".badge").wait_for()
    assert await page.evaluate("window.stillHere")


async def test_one_time_codes_are_set_up_and_asked_for(page: Page) -> None:
    await sign_in(page, "anna")
    await page.goto("/devices")
    await page.get_by_role("link", name="Set up").click()
    secret = await page.locator("input[name=secret]").input_value()
    await page.get_by_label("Code of six digits").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Turn on").click()
    await expect(page.locator("#codes li")).to_have_count(10, timeout=PATIENCE_MS)
    recovery = await page.locator("#codes li").all_inner_texts()
    await page.get_by_role("button", name="Sign out").click()

    await page.get_by_label("User name").fill("anna")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("Code of your authenticator app").fill("000000")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_text("The one-time code is wrong").wait_for()
    await page.get_by_label("Code of your authenticator app").fill(recovery[0])
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("heading", name="Desktops and apps", level=1).wait_for()


async def test_keyboard_alone_signs_in_connects_and_signs_out(page: Page) -> None:
    await page.goto("/signin")
    await page.keyboard.type("anna")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Desktops and apps", level=1).wait_for()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    for _ in range(2):
        await page.keyboard.press("Tab")
    async with page.expect_download():
        await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Sign out").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/signin")


async def test_focus_is_seen(page: Page) -> None:
    await sign_in(page, "anna")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert width == "3px"


async def test_own_session_is_logged_off_after_a_question(page: Page, portal: Served) -> None:
    await sign_in(page, "anna")
    await page.goto("/sessions")
    questions: list[str] = []

    async def answer(dialog: object) -> None:
        questions.append(dialog.message)  # type: ignore[attr-defined]
        await dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", answer)
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_text("The session is logged off.").wait_for()
    assert len(questions) == 1
    assert portal.stage.orders.given == [(MAIN, HOST, "7", "log-off", "")]


async def hire(portal: Served) -> None:
    """Make the provider's staff, with passwords for a technician and an auditor."""
    await portal.stage.hire()
    for name in ("tess", "aida"):
        await portal.stage.set_password(name, tenant=PROVIDER)


async def test_hosts_of_served_tenants_are_shown_live_with_links_to_the_console(
    page: Page, portal: Served
) -> None:
    await hire(portal)
    await sign_in(page, "provider\\tess")
    await page.get_by_role("link", name="Tenants").click()
    link = page.get_by_role("link", name="Connect to acme-blue-01")
    assert parse_link(await link.get_attribute("href") or "").where == "acme/acme-desk-1"
    await page.evaluate("window.stillHere = true")
    await portal.stage.store.set_link(HostId("acme-desk-1"), False, portal.stage.now)
    await page.get_by_text("0 of 1 hosts linked").wait_for()
    await page.get_by_role("searchbox").press_sequentially("green")
    await page.wait_for_url(searched_for("green"))
    await page.get_by_text("No tenant and no host has").wait_for()
    # The part that renews itself keeps to what is searched for.
    async with page.expect_response(lambda answer: "q=green" in answer.url and answer.status == 204):
        pass
    assert page.url.endswith("/tenants?q=green")
    assert await page.evaluate("window.stillHere")


async def test_everything_works_without_a_script(browser: Browser, portal: Served) -> None:
    async with page_of(browser, portal.url, java_script_enabled=False) as page:
        await sign_in(page, "anna")
        await page.get_by_role("searchbox").fill("office")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("heading", name="Writer").wait_for(state="detached")
        await page.locator("summary", has_text="Office desktop").click()
        await page.get_by_role("link", name="Show the command").click()
        await page.get_by_text("xfreerdp office.rdp").wait_for()
        async with page.expect_download():
            await page.get_by_role("button", name="Connect").click()
        # Not before: it waits for a minute.
        await portal.stage.ask_approval()
        await page.goto("/approvals")
        await page.get_by_role("button", name="42").click()
        await page.get_by_text("the connection goes on").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desk", "phone"])
async def test_every_page_is_sound_for_axe_and_no_wider_than_the_window(
    browser: Browser, portal: Served, scheme: str, viewport: dict[str, int] | None
) -> None:
    await portal.stage.ask_approval()
    await portal.stage.authenticator.make_workspace_password(await portal.stage.user("anna"), "Laptop")
    await hire(portal)
    await portal.stage.ask_consent("r1", ACME)
    options = {"viewport": viewport} if viewport else {}
    # What looks at the page is a script of its own, which the page's policy would not let in.
    async with page_of(browser, portal.url, color_scheme=scheme, bypass_csp=True, **options) as page:
        await page.goto("/signin")
        assert await problems_of(page) == []
        for name, paths in (
            ("anna", OWN),
            ("adam", ADMINISTRATION),
            ("provider\\tess", STAFF),
            ("provider\\aida", STAFF),
        ):
            await sign_in(page, name)
            for path in paths:
                await page.goto(path)
                assert (path, await problems_of(page)) == (path, [])
                assert (path, await overflow_of(page)) == (path, 0)
            await page.context.clear_cookies()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desk", "phone"])
async def test_pages_that_only_a_form_or_a_link_leads_to_are_sound_too(
    browser: Browser, portal: Served, scheme: str, viewport: dict[str, int] | None
) -> None:
    await portal.stage.want_approval()
    options = {"viewport": viewport} if viewport else {}
    async with page_of(browser, portal.url, color_scheme=scheme, bypass_csp=True, **options) as page:

        async def check(heading: str) -> None:
            await page.get_by_role("heading", name=heading).first.wait_for()
            assert (heading, await problems_of(page)) == (heading, [])
            assert (heading, await overflow_of(page)) == (heading, 0)

        await page.goto("/signin")
        await page.get_by_label("User name").fill("anna")
        await page.get_by_label("Password").fill("not hers")
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("alert").wait_for()
        await check("Sign in")
        await sign_in(page, "anna")

        async with page.expect_download():
            await page.get_by_role("button", name="Connect to Office desktop").click()
        await page.locator("#number").wait_for()
        await check("Office desktop")

        await page.goto("/devices")
        await page.get_by_label("Name of the device").fill("Laptop")
        await page.get_by_role("button", name="Make a password").click()
        await check("Workspace password for Laptop")

        await page.goto("/device")
        await page.locator("input[name=user_code]").fill("BCDF-GHJK")
        await page.locator("main button").click()
        await page.get_by_role("alert").wait_for()
        await check("Let a command line in")

        await page.goto("/devices/codes")
        secret = await page.locator("input[name=secret]").input_value()
        await page.get_by_label("Code of six digits").fill("000000")
        await page.get_by_role("button", name="Turn on").click()
        await page.get_by_role("alert").wait_for()
        await check("Set up one-time codes")
        await page.get_by_label("Code of six digits").fill(pyotp.TOTP(secret).now())
        await page.get_by_role("button", name="Turn on").click()
        await check("Recovery codes")

        await page.context.clear_cookies()
        await page.goto("/signin")
        await page.get_by_label("User name").fill("anna")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await check("One-time code")

        await sign_in(page, "adam")
        await page.goto("/admin/users")
        await page.get_by_label("User name").first.fill("ben")
        await page.get_by_role("button", name="Make an invitation").click()
        await check("Invitation for ben")
        link = await page.get_by_label("invitation link").first.inner_text()
        await page.context.clear_cookies()
        await page.goto(link.strip())
        await check("Choose a password")


async def test_dark_and_light_follow_the_system(browser: Browser, portal: Served) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        async with page_of(browser, portal.url, color_scheme=scheme) as page:
            await page.goto("/signin")
            grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(245, 246, 248)", "rgb(15, 20, 26)"]


async def test_another_site_cannot_act_with_the_cookie(
    browser: Browser, portal: Served, tmp_path: Path
) -> None:
    async with page_of(browser, portal.url) as page:
        await sign_in(page, "anna")
        evil = tmp_path / "evil.html"
        evil.write_text(
            f'<form method="post" action="{portal.url}/connect/office"><button>Win</button></form>'
        )
        await page.goto(evil.as_uri())
        await page.get_by_role("button").click()
        await page.get_by_text("comes from another site").or_(page.get_by_text("Sign in")).first.wait_for()
    assert await portal.stage.store.tokens_of(MAIN, UserId("anna")) == []


async def test_ended_sign_in_sends_an_open_page_to_the_sign_in(page: Page, portal: Served) -> None:
    await sign_in(page, "anna")
    await page.goto("/approvals")
    await portal.stage.authenticator.end_all(await portal.stage.user("anna"))
    await page.wait_for_url("**/signin?next=%2Fapprovals")
