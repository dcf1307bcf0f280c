"""The whole way of a sign-in at a real OpenID provider: button, provider, callback, session, role, group.

Chromium walks it between a served node, which has the provider in its settings, and npm's `oidc-provider`.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Route

from dialback.app.settings import FILE_NAME, Settings, store_url
from dialback.domain.errors import Reason, sentence_for_user
from dialback.domain.ids import UserName
from dialback.domain.tenancy import MAIN, Role, User
from dialback.store.open import open_store
from dialback.web.signin_providers import callback_of
from lab.oidc_provider import PEOPLE, OidcLabProvider, lacking
from lab.platform import Platform
from tests.interop.portal import chromium, page_of

pytestmark = pytest.mark.interop

ALICE = UserName("alice@lab.test")
HOME = "Desktops and apps"
STAFF = "Staff"
"""A group of the directory, which the provider's `everybody` is."""


@pytest.fixture(scope="module", autouse=True)
def parts() -> None:
    if sentence := lacking():
        if os.environ.get("CI"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Platform]:
    """A server that is not started yet."""
    platform = Platform(tmp_path)
    platform.data.mkdir()
    try:
        yield platform
    finally:
        platform.stop()
        assert "Traceback" not in platform.log.read_text()


@pytest.fixture
def people() -> dict[str, dict[str, Any]]:
    """Who the provider knows."""
    return {
        "alice": dict(PEOPLE["alice"]),
        "carol": {"name": "Carol without a user name", "groups": ["everybody"]},
    }


@pytest.fixture
def provider(node: Platform, people: dict[str, dict[str, Any]], tmp_path: Path) -> Iterator[OidcLabProvider]:
    """The provider, which knows the server's callback, and the server, which has it in its settings."""
    with OidcLabProvider(tmp_path, callback_of(node.address, "lab"), people=people) as running:
        settings = node.data / FILE_NAME
        settings.touch(mode=0o600)
        settings.write_text(settings_of(node, running))
        node.start()
        node.run("group", "add", STAFF)
        yield running


def settings_of(node: Platform, provider: OidcLabProvider) -> str:
    """Return the settings of a server that knows the provider."""
    return f"""
[server]
listen = "127.0.0.1:{node.address.partition(":")[2]}"
address = "{node.address}"

[[oidc]]
name = "lab"
title = "the lab"
issuer = "{provider.issuer}"
client_id = "{provider.client_id}"
client_secret = "{provider.client_secret}"
scopes = ["openid", "profile", "email", "groups"]
create_users = true
group_roles = {{ rdp-admins = "administrator", everybody = "group:{STAFF}" }}
"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def sign_in(page: Page, login: str) -> None:
    """Press the button, and do in the provider's pages what a person does."""
    # The provider's pages ask for a font from the network; here there is loopback alone.
    await page.route("**/*", _loopback_only)
    await page.goto("/signin")
    await page.get_by_role("link", name="Sign in with the lab").click()
    await page.get_by_placeholder("Enter any login").fill(login)
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()


async def _loopback_only(route: Route) -> None:
    if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost"):
        await route.continue_()
    else:
        await route.abort()


async def directory_of(node: Platform) -> tuple[Role, set[str]]:
    """Return the role and the groups that Alice has in the server's directory."""
    store = await open_store(store_url(node.data, Settings()))
    try:
        alice = await store.directory.find(User, MAIN, ALICE)
        assert alice is not None
        groups = await store.directory.groups_of(MAIN, alice.id)
        return alice.role, {group.name for group in groups}
    finally:
        await store.close()


async def test_button_leads_to_the_provider_and_back_to_a_session_with_role_and_group(
    node: Platform, provider: OidcLabProvider, browser: Browser
) -> None:
    async with page_of(browser, f"https://{node.address}") as page:
        await sign_in(page, "alice")
        await page.get_by_role("heading", name=HOME, level=1).wait_for()
        await page.get_by_text("Alice Ärlig").wait_for()
        assert await directory_of(node) == (Role.ADMINISTRATOR, {STAFF})

        # The session is one of an administrator, page after page.
        await page.goto("/admin/users")
        await page.get_by_text(ALICE, exact=True).first.wait_for()

        await page.get_by_role("button", name="Sign out").click()
        await page.goto("/admin/users")
        await page.get_by_role("heading", name="Sign in", level=1).wait_for()


async def test_sign_in_works_after_the_provider_has_new_keys_and_other_groups(
    node: Platform, provider: OidcLabProvider, people: dict[str, dict[str, Any]], browser: Browser
) -> None:
    async with page_of(browser, f"https://{node.address}") as page:
        await sign_in(page, "alice")
        await page.get_by_role("heading", name=HOME, level=1).wait_for()

    provider.stop()
    people["alice"]["groups"] = []
    provider.start()
    async with page_of(browser, f"https://{node.address}") as page:
        await sign_in(page, "alice")
        await page.get_by_role("heading", name=HOME, level=1).wait_for()
        assert await directory_of(node) == (Role.USER, set())
        answer = await page.goto("/admin/users")
        assert answer is not None
        assert answer.status == 403


async def test_person_without_a_claim_that_is_needed_reads_why_on_the_page(
    node: Platform, provider: OidcLabProvider, browser: Browser
) -> None:
    async with page_of(browser, f"https://{node.address}") as page:
        await sign_in(page, "carol")
        await page.get_by_role("heading", name="Not signed in", level=1).wait_for()
        await page.get_by_text(sentence_for_user(Reason.OIDC_CLAIM_UNFIT)).wait_for()
        await page.get_by_text("preferred_username: ").wait_for()
        await page.goto("/")
        await page.get_by_role("heading", name="Sign in", level=1).wait_for()
    refused = json.loads(node.run("audit", "list", "--json"))
    assert any(
        entry["action"] == "sign-in.refused" and "preferred_username" in entry["detail"] for entry in refused
    )


async def test_person_who_turns_back_at_the_provider_reads_so(
    node: Platform, provider: OidcLabProvider, browser: Browser
) -> None:
    async with page_of(browser, f"https://{node.address}") as page:
        await page.route("**/*", _loopback_only)
        await page.goto("/signin")
        await page.get_by_role("link", name="Sign in with the lab").click()
        await page.get_by_role("link", name="Cancel").click()
        await page.get_by_role("heading", name="Not signed in", level=1).wait_for()
        await page.get_by_text(sentence_for_user(Reason.OIDC_DENIED)).wait_for()
