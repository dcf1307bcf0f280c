"""What people do in the portal, by the words they read there."""

import re
from pathlib import Path

from playwright.sync_api import Page

_PIN = re.compile(r"sha256:([0-9a-f]{2}(?::[0-9a-f]{2}){31})")


def choose_password(page: Page, link: str, password: str) -> None:
    """Open an invitation link, set a password, and be signed in by that."""
    page.goto(link)
    page.get_by_label("New password").fill(password)
    page.get_by_label("The same again").fill(password)
    page.get_by_role("button", name="Set password and sign in").click()
    page.get_by_role("heading", name="Desktops and apps", level=1).wait_for()


def let_in(page: Page, link: str) -> None:
    """Open the link that a command line shows, and let it in."""
    page.goto(link)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Yes, let it in").click()
    page.get_by_text("The command line is signed in as you").wait_for()


def sign_out(page: Page) -> None:
    """Sign out."""
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signin*")


def sign_in(page: Page, user: str, password: str) -> None:
    """Sign in by name and password."""
    page.goto("/signin")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Desktops and apps", level=1).wait_for()


def titles(page: Page) -> list[str]:
    """Return what the page of desktops and apps offers."""
    return page.locator(".card h3").all_inner_texts()


def download(page: Page, title: str, folder: Path) -> Path:
    """Press Connect once and return the connection file that came."""
    page.goto("/")
    with page.expect_download() as downloading:
        page.get_by_role("button", name=f"Connect to {title}").click()
    file = folder / downloading.value.suggested_filename
    downloading.value.save_as(file)
    file.chmod(0o600)
    return file


def pins(page: Page, title: str) -> list[str]:
    """Unfold the command for FreeRDP and return the certificates it accepts, as SHA-256 without colons."""
    page.goto("/")
    page.locator("summary", has_text=title).click()
    command = page.get_by_label(f"command for {title}").first
    command.wait_for()
    return [pin.replace(":", "") for pin in _PIN.findall(command.inner_text())]


def see_session(page: Page, host: str) -> None:
    """Open the page of sessions and wait until it shows an active one on the host."""
    page.goto("/sessions")
    page.locator("#sessions li", has_text=host).get_by_text("active", exact=True).wait_for()


def make_workspace_password(page: Page, device: str) -> str:
    """Make a workspace password for a device, and return what is shown this once."""
    page.goto("/devices")
    page.get_by_label("Name of the device").fill(device)
    page.get_by_role("button", name="Make a password").click()
    return page.locator("#secret").inner_text().strip()
