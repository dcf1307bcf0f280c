"""The RDP client that a technician has, and how it is started for one host.

The client is told a loopback address and, where it can check one, the certificate the host must show; never a
token, which stays with the redirector, and never a password, which the client asks for itself. What a client
cannot be told on its command line goes into a settings file that is removed when the client has ended.

A redirector serves the process that it started. Remmina hands what it is asked for over to one of its kind
that runs already, by D-Bus, and ends; so it is started without that bus and stays its own process.

What is left out: installing a client, and clients on phones.
"""

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dialback.domain.errors import Problem
from dialback.domain.names import MAX_USER_CHARS, check_text
from dialback.wire import rdpfile, rdpsettings
from dialback.wire.agent.messages import clip

_MAX_PIXELS = 8192
REMMINA_WINDOW, REMMINA_FULL_SCREEN = 1, 3
"""View modes of Remmina: a window that scrolls, and the whole screen."""
_UNNAMED = re.compile(r"[^A-Za-z0-9]+")
REMMINA_OWN_SIZE = 0
"""Resolution mode of Remmina: the size that stands in the profile."""


class NoClient(Problem):
    """No RDP client is installed; the message says which would do."""


class Client(StrEnum):
    """An RDP client we know how to start."""

    MSTSC = "mstsc"
    FREERDP_3 = "xfreerdp3"
    FREERDP_2 = "xfreerdp"
    REMMINA = "remmina"
    WINDOWS_APP = "windows-app"


_PROGRAMS: dict[str, Sequence[tuple[Client, str]]] = {
    "win32": [(Client.MSTSC, "mstsc.exe")],
    "darwin": [(Client.WINDOWS_APP, "open"), (Client.FREERDP_3, "xfreerdp3"), (Client.FREERDP_2, "xfreerdp")],
    "linux": [
        (Client.FREERDP_3, "xfreerdp3"),
        (Client.FREERDP_2, "xfreerdp"),
        (Client.REMMINA, "remmina"),
    ],
}


_FREERDP_ENDS = frozenset({0, 1, 2, 3, 5, 11, 12})
"""Disconnected, logged off, idle too long, replaced by another connection: sessions end so, by either side.

Source: the exit codes in FreeRDP's manual, which follow [MS-RDPBCGR] 2.2.5.1.1, Set Error Info PDU Data.
"""


@dataclass(frozen=True, slots=True)
class Display:
    """How the technician wants to see a host; kept for each host.

    `width` and `height` are pixels, 0 for what the client finds right. `user` is whom to log on as, empty to
    be asked.
    """

    width: int = 0
    height: int = 0
    full_screen: bool = False
    multi_monitor: bool = False
    clipboard: bool = True
    sound: bool = False
    user: str = ""

    def __post_init__(self) -> None:
        if not (0 <= self.width <= _MAX_PIXELS and 0 <= self.height <= _MAX_PIXELS):
            raise ValueError(f"expected 0 to {_MAX_PIXELS} pixels, got {self.width} x {self.height}")
        if bool(self.width) != bool(self.height):
            raise ValueError("expected width and height together, got one of them")
        check_text(self.user, "user name", MAX_USER_CHARS)


@dataclass(frozen=True, slots=True)
class Launch:
    """What a client is started for. `certificate_sha256` is what the host must show, empty if unknown."""

    address: str
    port: int
    title: str
    certificate_sha256: str = ""
    display: Display = Display()

    @property
    def place(self) -> str:
        """Return address and port as clients take them."""
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Program:
    """An installed client."""

    client: Client
    path: str

    @property
    def checks_certificate(self) -> bool:
        """Whether the client itself refuses a host that shows another certificate than the expected."""
        return self.client in {Client.FREERDP_2, Client.FREERDP_3}

    @property
    def needs_file(self) -> bool:
        """Whether the client is told what to do by a settings file."""
        return not self.checks_certificate

    @property
    def file_suffix(self) -> str:
        """What the settings file's name ends with, by which the client knows its kind."""
        return ".remmina" if self.client is Client.REMMINA else ".rdp"

    def file_prefix(self, launch: Launch) -> str:
        """Return what the settings file's name begins with: mstsc shows the name in its title."""
        return f"dialback-{_UNNAMED.sub('-', launch.title)[:40]}-"

    def settings(self, launch: Launch) -> bytes:
        """Return the settings file, which holds no secret and is not signed."""
        return remmina_file(launch) if self.client is Client.REMMINA else settings_file(launch)

    def has_ended_well(self, status: int) -> bool:
        """Say whether the exit status is that of a session that ended, and not of a client that failed."""
        return status in _FREERDP_ENDS if self.checks_certificate else status == 0

    def command(self, launch: Launch, file: str = "") -> list[str]:
        """Return the command line; `file` is the path of the settings file, if the client needs one."""
        match self.client:
            case Client.WINDOWS_APP:
                return [self.path, "-W", "-a", "Windows App", file]
            case Client.REMMINA:
                return ["env", "DBUS_SESSION_BUS_ADDRESS=disabled:", self.path, "-c", file]
            case Client.MSTSC:
                return [self.path, file]
        return [self.path, f"/v:{launch.place}", f"/t:{launch.title}", *_freerdp(launch)]


def find_client(
    wanted: str = "",
    platform: str = sys.platform,
    which: Callable[[str], str | None] = shutil.which,
) -> Program:
    """Return the first client of this system that is installed, or the one that is wanted.

    Raises:
        NoClient: none is, or the wanted one is not.
    """
    known = [(client, name) for client, name in _PROGRAMS.get(platform, _PROGRAMS["linux"])]
    for client, name in known:
        path = which(name) if wanted in {"", client} else None
        if path:
            return Program(client, path)
    names = ", ".join(client.value for client, _ in known)
    if wanted:
        raise NoClient(f"the RDP client {wanted!r} is not installed here; known are {names}")
    raise NoClient(f"no RDP client is installed here; install one of {names}")


def settings_file(launch: Launch) -> bytes:
    """Return the settings as an `.rdp` file, which has no place for the host's name."""
    display = launch.display
    values: dict[str, str | int] = {
        "full address": launch.place,
        "redirectclipboard": int(display.clipboard),
        "audiomode": 0 if display.sound else 2,
        "use multimon": int(display.multi_monitor),
        "screen mode id": 2 if display.full_screen else 1,
    }
    if display.user:
        values["username"] = display.user
    if display.width:
        values |= {"desktopwidth": display.width, "desktopheight": display.height}
    return rdpfile.encode(rdpfile.build(rdpsettings.build_settings(rdpsettings.complete(values))))


def remmina_file(launch: Launch) -> bytes:
    """Return the settings as a profile of Remmina's; its window and its questions carry the host's name."""
    display = launch.display
    values: dict[str, str | int] = {
        "name": launch.title,
        "protocol": "RDP",
        "server": launch.place,
        "username": display.user,
        "disableclipboard": int(not display.clipboard),
        "sound": "local" if display.sound else "off",
        "multimon": int(display.multi_monitor),
        "viewmode": REMMINA_FULL_SCREEN if display.full_screen else REMMINA_WINDOW,
        "cert_ignore": 0,
    }
    if display.width:
        size = {"resolution_width": display.width, "resolution_height": display.height}
        values |= {"resolution_mode": REMMINA_OWN_SIZE, **size}
    # GKeyFile knows escapes; a line break would begin another key.
    lines = (f"{key}={clip(str(value)).replace(chr(92), chr(92) * 2)}" for key, value in values.items())
    return "\n".join(["[remmina]", *lines, ""]).encode()


def _freerdp(launch: Launch) -> list[str]:
    display = launch.display
    options = ["+clipboard" if display.clipboard else "-clipboard"]
    if launch.certificate_sha256:
        options.append(f"/cert:deny,fingerprint:sha256:{colons(launch.certificate_sha256)}")
    if display.user:
        options.append(f"/u:{display.user}")
    if display.width:
        options.append(f"/size:{display.width}x{display.height}")
    if display.full_screen:
        options.append("/f")
    if display.multi_monitor:
        options.append("/multimon")
    if display.sound:
        options.append("/sound")
    return options


def colons(sha256: str) -> str:
    """Return a fingerprint as FreeRDP wants it, in pairs."""
    return ":".join(sha256[at : at + 2] for at in range(0, len(sha256), 2))
