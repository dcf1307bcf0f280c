"""Makes the pictures of the portal in `docs/pictures` anew: `make pictures`, then look at each.

The portal, its people and what they see are those of the tests. Pictures of the demo and of the console's
window come from there.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page

from dialback.domain.catalog import GroupAssignment, RemoteApp
from dialback.domain.consent import ConsentScope
from dialback.domain.hosts import Host, HostReport, JoinCode, RdpServer
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    HostId,
    PoolId,
    ResourceId,
    ResourceName,
    SessionId,
    TokenHash,
    UserName,
)
from dialback.domain.pools import PoolHost
from dialback.domain.provider import PROVIDER
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN, Group
from tests.interop.portal import PHONE, Served, chromium, page_of, served, sign_in
from tests.web.portal.stage import PIN, signing_key

FOLDER: Final = Path("docs/pictures")
WINDOW: Final = {"width": 1100, "height": 700}
WHY: Final = "The front desk's printer prints blank pages"


class Camera:
    """Takes pictures of one portal."""

    def __init__(self, browser: Browser, portal: Served) -> None:
        self._browser = browser
        self._portal = portal

    @asynccontextmanager
    async def before(self, name: str, **options: Any) -> AsyncIterator[Page]:
        """Open a browser in which somebody is signed in."""
        async with page_of(self._browser, self._portal.url, **{"viewport": WINDOW, **options}) as page:
            await sign_in(page, name)
            yield page

    async def page(self, picture: str, name: str, path: str, **options: Any) -> None:
        """Take a page as somebody sees it."""
        async with self.before(name, **options) as page:
            await page.goto(path)
            await take(page, picture)


async def take(page: Page, picture: str, *, whole: bool = False) -> None:
    """Take what the window shows, or the whole page."""
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=FOLDER / f"portal-{picture}.png", full_page=whole)
    print(f"portal-{picture}.png")


async def add_hosts(portal: Served) -> None:
    """Give the pool two hosts more, of which one has lost its link."""
    stage, pool = portal.stage, PoolId("pool")
    for number, up in ((2, True), (3, False)):
        host, name = HostId(f"desk-{number}"), f"blue-0{number}"
        code = JoinCode(TokenHash(f"code{number}"), name, stage.now + timedelta(hours=1), pool=pool)
        await stage.store.save_join_code(code)
        await stage.store.enrol_host(code.hash, Host(host, name, b"k" * 32, stage.now), stage.now)
        servers = (RdpServer("127.0.0.1:3389", True, "tls", "TLSv1.3", PIN),)
        await stage.store.save_report(host, HostReport(name, "Debian 12", "1", servers), stage.now)
        await stage.store.set_link(host, up, stage.now)
        await stage.directory.save_pool_host(PoolHost(MAIN, pool, host))
    (session,) = await stage.directory.sessions(MAIN)
    others = [
        Session(MAIN, HostId("desk-2"), SessionId(str(id)), UserName(name), state, session.since)
        for id, name, state in ((4, "uma", SessionState.ACTIVE), (5, "ben", SessionState.DISCONNECTED))
    ]
    await stage.directory.save_sessions(MAIN, HostId("desk-2"), others)


async def publish_apps(portal: Served) -> None:
    """Publish two apps more, and let a group of users use them."""
    stage = portal.stage
    for name, title, program in (
        ("figures", "Figures", "||calc"),
        ("books", "Bookkeeping", "C:\\Books\\books.exe"),
    ):
        app = replace(
            stage.writer(),
            id=ResourceId(name),
            name=ResourceName(name),
            title=title,
            remote_app=RemoteApp(program),
        )
        await stage.publish(app)
    sales = await stage.directory.save(Group(MAIN, GroupId("sales"), "Sales"))
    await stage.directory.assign(GroupAssignment(MAIN, ApplicationGroupId("apps"), sales.id))


async def take_consent(camera: Camera, portal: Served) -> None:
    """Take what an administrator sees of the provider: asked, about to be signed, granted."""
    await portal.stage.ask_consent(purpose=WHY, ticket_number="INC-20418")
    async with camera.before("adam") as page:
        await page.goto("/admin/consent/requests/r1")
        await page.get_by_role("button", name="Make a key in this browser").click()
        await page.get_by_role("button", name="Sign and approve").wait_for()
        await take(page, "consent-sign", whole=True)
        await page.get_by_role("button", name="Sign and approve").click()
        await page.get_by_text("Granted: the host lets it in").wait_for()
        await portal.stage.ask_consent(
            "r2",
            staff="theo",
            scope=ConsentScope.RESTART_RDP,
            target="",
            purpose="RDP does not answer since the update",
            ticket_number="INC-20431",
        )
        await page.goto("/admin/consent")
        await take(page, "consent", whole=True)
    await camera.page("consent-phone", "olga", "/admin/consent", viewport=PHONE)


async def take_all(folder: Path) -> None:
    """Take every picture of the portal."""
    async with served(folder, signing_key(folder)) as portal, chromium() as browser:
        camera = Camera(browser, portal)
        await add_hosts(portal)
        await camera.page("desktops", "anna", "/")
        await camera.page("desktops-phone", "anna", "/", viewport=PHONE)
        await camera.page("sessions", "anna", "/sessions")
        await camera.page("connection-dark", "adam", "/admin/connections/c-refused", color_scheme="dark")
        await portal.stage.ask_approval()
        await camera.page("approval-phone", "anna", "/approvals", viewport=PHONE)
        await camera.page("admin", "adam", "/admin")
        await publish_apps(portal)
        await camera.page("published", "adam", "/admin/published/apps")
        await take_consent(camera, portal)
        await portal.stage.hire()
        await portal.stage.set_password("timo", tenant=PROVIDER)
        await camera.page("tenants", "provider\\timo", "/tenants")


def main() -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(take_all(Path(folder)))


if __name__ == "__main__":
    main()
