"""The portal behind the node's own port, on loopback with TLS, and Chromium before it.

Port, TLS and the hand-over to the web application are the server's own; the store is in memory, so that a
test can let things happen at once. What runs the whole server is tested elsewhere.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from dialback.app.build import web_protocols
from dialback.edge.accept import Edge
from dialback.identity.signing import SigningKey
from dialback.observe.tasks import Tasks
from dialback.transport.listen import listen_tls
from dialback.transport.tls import server_context
from lab.browser import CHROMIUM, PATIENCE_MS
from lab.certificates import Authority
from lab.ports import free_port
from tests.transport.ending import ending
from tests.web.portal.stage import PASSWORD, ROLES, PortalStage

AXE = Path("tools/npm/node_modules/axe-core/axe.min.js")
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Served:
    """A portal that is served at `url`."""

    stage: PortalStage
    url: str


@contextlib.asynccontextmanager
async def served(folder: Path, key: SigningKey) -> AsyncIterator[Served]:
    """Serve a portal, in which everybody has the same password, until the block ends.

    Browsers end before it does: it waits until their connections are over.
    """
    certificate = Authority(folder).issue("localhost")
    port = free_port()
    stage = PortalStage(key, now=None, address=f"localhost:{port}")
    await stage.fill()
    for name in ROLES:
        await stage.set_password(name)
    tasks = Tasks()
    edge = Edge(lambda head: None, web_protocols(stage.site), tasks)
    tls = server_context(certificate.chain, certificate.key)
    listener = await listen_tls("127.0.0.1", port, tls, edge.protocol)
    try:
        yield Served(stage, f"https://localhost:{port}")
    finally:
        async with ending(listener):
            await tasks.close()


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run Debian's Chromium without a window until the block ends."""
    async with async_playwright() as playwright:
        # As root there is no sandbox of its own; the pages are ours.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def page_of(browser: Browser, url: str, **options: Any) -> AsyncIterator[Page]:
    """Open a page of a new person's: no cookie is there. A script that fails, fails the test."""
    context = await browser.new_context(
        base_url=url, ignore_https_errors=True, **{"viewport": DESK, **options}
    )
    failures: list[str] = []
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on(
        "console",
        lambda message: failures.append(message.text) if "Content Security Policy" in message.text else None,
    )
    try:
        yield page
        assert failures == []
    finally:
        await context.close()


async def sign_in(page: Page, name: str) -> None:
    """Sign in by name and password, and wait for the first page."""
    await page.goto("/signin")
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Desktops and apps", level=1).wait_for()


async def problems_of(page: Page) -> list[str]:
    """Return what axe finds serious or critical on the page, in words."""
    await page.evaluate(AXE.read_text())
    result = await page.evaluate("axe.run()")
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:200]}"
        for found in result["violations"]
        if found["impact"] in SERIOUS
    ]


async def overflow_of(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    width: int = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, width)
