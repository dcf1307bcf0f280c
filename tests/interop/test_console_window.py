"""The console's window on a real X display: real keys, real clicks, the real command."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialback.domain.errors import Reason
from dialback.wire.agent.version import VersionRange
from tests.console.window.platform_stub import HOSTILE, PlatformStub, stocked
from tests.interop.console_robot import Robot, technician

pytestmark = pytest.mark.interop
ALL = ["Acme GmbH", "files", "mail", "old-erp", "Bolt & Söhne", "terminal-01"]


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Robot]:
    folder = tmp_path / "platform"
    folder.mkdir()
    with stocked(PlatformStub(folder)).running() as stub, technician(tmp_path, stub) as robot:
        yield robot
        assert "Traceback" not in robot.log.read_text()


def fill_open_dialog(robot: Robot, server: str) -> None:
    """Open *Open Remote Access Console* and type where to and why."""
    robot.display.press("ctrl+o")
    robot.write("server", server)
    robot.write("purpose", "Backup fails")


def connected(robot: Robot, name: str) -> None:
    """Wait until the client runs and bytes have gone through its redirector."""
    robot.until(lambda: robot.told)
    robot.until(
        lambda: any(
            row[0] == name and row[1].startswith("Connected. Proven:") and row[3].endswith("kB")
            for row in robot.ask("rows", "running")
        )
    )
    assert f"/t:{name}" in robot.told
    assert "/cert:deny,fingerprint:sha256:" in robot.told


def clients(robot: Robot) -> list[str]:
    """Return the clients that run."""
    done = subprocess.run(["pgrep", "-f", str(robot.client)], capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_window_lists_tenants_and_search_narrows_them(robot: Robot) -> None:
    robot.start()
    robot.until(lambda: robot.texts("tenants") == ALL)
    assert ["mail", "Up, with failing checks", ""] in robot.ask("rows", "tenants")

    robot.focus("search")
    robot.display.type_keys("term")
    robot.until(lambda: robot.texts("tenants") == ["Bolt & Söhne", "terminal-01"])
    robot.display.press("Return")
    robot.until(lambda: robot.ask("text", "host-name") == "terminal-01")

    robot.stub.host("h4").sessions = 13
    robot.until(lambda: ["terminal-01", "Up", "13"] in robot.ask("rows", "tenants"))
    robot.focus("search")
    robot.display.press("ctrl+a", "BackSpace")
    robot.until(lambda: robot.texts("tenants") == ALL)


def test_remote_desktop_from_the_tree_and_closing_the_window_ends_it(robot: Robot) -> None:
    robot.start()
    robot.choose_row("files")
    robot.press("connect-desktop")
    assert not robot.ask("enabled", "connect")
    robot.write("purpose", "Printer is stuck")
    robot.press("connect")
    connected(robot, "acme/files")
    assert robot.stub.asked[0]["purpose"] == "Printer is stuck"
    assert len(clients(robot)) == 1
    assert "127." in robot.ask("titles", "tray-menu")[0]

    robot.display.press("ctrl+q")
    robot.press("question-yes")

    assert robot.process.wait() == 0
    assert clients(robot) == []


def test_connect_with_ctrl_held_opens_the_remote_desktop(robot: Robot) -> None:
    robot.start()
    robot.until(lambda: robot.texts("tenants") == ALL)
    fill_open_dialog(robot, "acme/mail")
    robot.press("connect", held="ctrl")
    connected(robot, "acme/mail")
    assert [asked["scope"] for asked in robot.stub.asked] == ["desktop"]


def test_connect_alone_opens_the_console_and_the_main_menu_its_desktop(robot: Robot) -> None:
    robot.start()
    robot.until(lambda: robot.texts("tenants") == ALL)
    assert not robot.ask("offered", "action-console-desktop")
    robot.choose_row("files")
    fill_open_dialog(robot, "files")
    robot.press("connect")
    robot.until(lambda: robot.ask("text", "console-state") == "Console: acme/files")
    assert ["Sessions", "1 active, 1 disconnected"] in robot.ask("pairs", "facts")
    assert robot.told == ""

    robot.choose("menu-console", "action-console-desktop")
    connected(robot, "acme/files")
    assert [asked["scope"] for asked in robot.stub.asked] == ["facts", "desktop"]


def test_versions_that_differ_are_warned_of_and_the_link_opens_the_desktop(robot: Robot) -> None:
    robot.stub.host("h2").managed.versions = VersionRange(1, 1)
    robot.start()
    robot.choose_row("mail")
    robot.press("open-console")
    robot.write("purpose", "Disk is full")
    robot.press("connect")
    robot.until(lambda: robot.ask("text", "version-text"))
    text = robot.ask("text", "version-text")
    assert "console speaks protocol 2, the agent on acme/mail speaks protocol 1" in text

    robot.press("version-link")
    connected(robot, "acme/mail")


def test_consent_is_waited_for_in_the_window_and_a_refusal_read_there(robot: Robot) -> None:
    robot.stub.host("h1").consent = asyncio.Event()
    robot.stub.host("h2").refusal = Reason.CONSENT_DENIED
    robot.start()
    for name in ("files", "mail"):
        robot.choose_row(name)
        robot.display.press("ctrl+d")
        robot.write("purpose", "Printer is stuck")
        robot.press("connect")
    robot.until(lambda: "The tenant has denied what was asked" in (robot.ask("text", "notice-text") or ""))
    states = [row[1] for row in robot.ask("rows", "running")]
    assert states[0] == "Waiting for the host and its tenant's consent"
    assert robot.told == ""

    robot.stub.consent(robot.stub.host("h1"))
    connected(robot, "acme/files")


def test_hostile_names_are_shown_as_text(robot: Robot) -> None:
    host = robot.stub.host("h1")
    host.name = host.system = HOSTILE
    escaped = "<b>x</b>\\x1b[2J\\u202eevil&\\n<img src=x>"
    robot.start()
    robot.choose_row(escaped)
    assert ["System", escaped] in robot.ask("pairs", "details")


def test_link_is_confirmed_by_the_technician(robot: Robot) -> None:
    robot.start("--url", "dialback://connect/acme/files?purpose=From+the+portal&ticket-number=4711")
    robot.until(lambda: robot.ask("text", "purpose") == "From the portal")
    assert robot.stub.asked == []
    robot.press("connect")
    connected(robot, "acme/files")


def test_window_is_closed_by_its_key(robot: Robot) -> None:
    robot.start()
    # A TLS handshake that is cut short leaves a transport of httpcore's open, and this console warns of it.
    robot.until(lambda: robot.texts("tenants") == ALL)
    assert robot.close() == 0
