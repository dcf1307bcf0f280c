"""The console's window before a whole platform: a click, and stock xfreerdp shows a real host's desktop."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.ids import UserName
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.store.open import open_store
from lab.display import Display
from lab.listening import descendants, name_of
from lab.platform import HostAgent, Platform
from lab.process import run, wait_for
from lab.xrdp_host import XrdpHost
from tests.interop.console_robot import SIZE, Seat, Server
from tests.interop.records import is_closed_by_user
from tests.interop.stage import PREFIX, Login, Stage

pytestmark = pytest.mark.interop
NAME = f"{PREFIX}helped"
RED = "#7a2d2d"
ALWAYS = '[consent]\nmode = "always"\n'
CLIENT = "#!/bin/sh\nexec {real} \"$@\" '/u:{user}' '/p:{password}'\n"
"""Nobody types a password here, and the console gives a client none: so the real one is told by a script."""


@dataclass(frozen=True)
class Helped:
    """A technician's seat, and the host they may help on."""

    seat: Seat
    platform: Platform
    agent: HostAgent


async def sign_in(platform: Platform) -> str:
    """Return a bearer of the technician's, as `dialback login` has it."""
    store = await open_store(f"sqlite:///{platform.data}/dialback.sqlite")
    try:
        tess = await store.directory.find(User, PROVIDER, UserName("tess"))
        assert tess
        authenticator = Authenticator(store.accounts, store.directory, SignInSettings())
        opened = await authenticator.open(tess, SignInKind.CLI, "device code", Origin("127.0.0.1", "test"))
        return opened.secret.reveal()
    finally:
        await store.close()


@pytest.fixture
def helped(own_stage: Stage, anna: Login, tmp_path: Path) -> Iterator[Helped]:
    """A platform, a technician who serves its tenant, and a host that lets the provider in."""
    platform, authority = own_stage.platform, own_stage.authority
    platform.run("provider", "staff", "add", "tess", "--tenant", "main")
    host = XrdpHost(tmp_path, NAME, authority.issue("helped.lab.test"), colour=RED)
    agent = HostAgent(platform, tmp_path, NAME, f"unix:{host.socket}", settings=ALWAYS)
    with host, agent, Display(tmp_path, SIZE) as display:
        host.log_on(anna.user, anna.password)
        platform.wait_for_report(NAME)
        display.manage_windows()
        server = Server(platform.address, platform.ca, asyncio.run(sign_in(platform)))
        seat = Seat(tmp_path, display, server, client_of(tmp_path, anna))
        try:
            yield Helped(seat, platform, agent)
        finally:
            seat.stop()
    assert "Traceback" not in seat.log.read_text() + agent.log.read_text()


def client_of(folder: Path, login: Login) -> Path:
    """Return a program that starts the real client for somebody with this login."""
    real = shutil.which("xfreerdp3") or shutil.which("xfreerdp")
    assert real
    client = folder / "bin" / Path(real).name
    client.parent.mkdir()
    client.touch(mode=0o700)
    client.write_text(CLIENT.format(real=real, user=login.user, password=login.password))
    return client


def clients(seat: Seat) -> list[int]:
    """Return the RDP clients that run below the console."""
    return [pid for pid in descendants(seat.process.pid) if name_of(pid).startswith("xfreerdp")]


def closing_is_asked(seat: Seat) -> bool:
    """Press the keys that close the window, and say whether it asks back."""
    seat.display.press("ctrl+q")
    return wait_for(lambda: bool(seat.ask("enabled", "question-yes")), 1.0)


def going_on(platform: Platform) -> list[dict[str, Any]]:
    """Return the connections that are open; the console's own look at the certificate has ended."""
    return [each for each in platform.connections() if each["ended_at"] is None]


def test_click_on_the_host_shows_its_desktop_and_closing_the_window_ends_everything(helped: Helped) -> None:
    seat, display = helped.seat, helped.seat.display
    seat.start()
    seat.until(lambda: NAME in seat.texts("tenants"))
    assert display.picture().share(RED) < 0.01
    seat.choose_row(NAME)
    seat.press("connect-desktop")
    seat.write("purpose", "Printer is stuck")
    seat.press("connect")

    display.wait_for_colour(RED)
    display.wait_for_desktop()
    seat.until(
        lambda: [row[1].startswith("Connected. Proven:") for row in seat.ask("rows", "running")] == [True]
    )
    [record] = going_on(helped.platform)
    assert (record["user"], record["transport"]) == ("provider\\tess", "stream")
    [client] = clients(seat)

    # The client has the keyboard; the window takes it back as a window manager gives it.
    environment = [f"{name}={value}" for name, value in display.env.items()]
    run(
        [
            "env",
            *environment,
            "xdotool",
            "search",
            "--name",
            "Remote Access Console",
            "windowactivate",
            "--sync",
        ]
    )
    # The client lets go of the keyboard when it has heard of that; until then it takes the keys.
    seat.until(lambda: closing_is_asked(seat))
    seat.press("question-yes")

    assert seat.process.wait() == 0
    assert not Path(f"/proc/{client}").exists()
    assert wait_for(lambda: not going_on(helped.platform), poll_s=0.5)
    ended = next(each for each in helped.platform.connections() if each["id"] == record["id"])
    assert is_closed_by_user(ended), ended
    assert helped.platform.link_up(NAME)
