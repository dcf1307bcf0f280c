"""The settings file of a server, `dialback.toml` in its data folder."""

import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from dialback.broker.settings import BrokerSettings
from dialback.gateway.settings import GatewaySettings
from dialback.settings.file import SettingsProblem, read_settings

FILE_NAME = "dialback.toml"
DATABASE_NAME = "dialback.sqlite"
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]*)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The `[server]` table of the settings file.

    Attributes:
        listen: `ADDRESS:PORT` of the one port this server opens.
        address: `NAME:PORT` under which clients and agents reach it; empty for this machine's name.
        certificate: PEM file with the server's certificate and chain; empty for one of the server's own CA.
        key: PEM file with its private key.
        ca: PEM file with the CA certificate agents are to trust, needed with `certificate`.
        store: database URL; empty for SQLite in the data folder.
        log_level: `debug`, `info`, `warning` or `error`.
        log_json: one JSON object per log line.
    """

    listen: str = "0.0.0.0:443"
    address: str = ""
    certificate: str = ""
    key: str = ""
    ca: str = ""
    store: str = ""
    log_level: str = "info"
    log_json: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in a settings file."""

    server: ServerSettings = field(default_factory=ServerSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)


def default_folder() -> Path:
    """Return the data folder used when none is named: the system's for root, else the user's own."""
    if named := os.environ.get("DIALBACK_DATA"):
        return Path(named)
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/dialback")
    return Path.home() / ".local" / "share" / "dialback"


def load_settings(folder: Path) -> Settings:
    """Read and check the settings of a data folder.

    Raises:
        SettingsProblem: with one sentence that names key and file.
    """
    path = folder / FILE_NAME
    settings = read_settings(path, Settings)
    split_address(settings.server.listen, f"server.listen in {path}")
    split_address(public_address(settings), f"server.address in {path}")
    if settings.server.log_level not in ("debug", "info", "warning", "error"):
        raise SettingsProblem(
            f"The setting server.log_level in {path} is {settings.server.log_level!r}; "
            "use debug, info, warning or error."
        )
    if bool(settings.server.certificate) != bool(settings.server.key):
        raise SettingsProblem(f"The settings server.certificate and server.key in {path} go together.")
    if settings.server.certificate and not settings.server.ca:
        raise SettingsProblem(f"The setting server.ca in {path} is needed with server.certificate.")
    if not 1 <= settings.broker.heartbeat_s < 30:
        raise SettingsProblem(f"The setting broker.heartbeat_s in {path} has to be from 1 to 29 seconds.")
    return settings


def public_address(settings: Settings) -> str:
    """Return `NAME:PORT` under which clients and agents reach the server."""
    if settings.server.address:
        return settings.server.address
    return f"{socket.getfqdn()}:{settings.server.listen.rpartition(':')[2]}"


def split_address(text: str, what: str) -> tuple[str, int]:
    """Split `NAME:PORT`.

    Raises:
        SettingsProblem: naming `what` was wrong.
    """
    match = _ADDRESS.fullmatch(text)
    if not match or not 1 <= int(match[3]) <= 65535:
        raise SettingsProblem(f"The setting {what} is {text!r}; expected NAME:PORT.")
    return match[1] or match[2], int(match[3])


def store_url(folder: Path, settings: Settings) -> str:
    """Return the database URL."""
    return settings.server.store or f"sqlite:///{(folder / DATABASE_NAME).resolve()}"


def write_first_settings(folder: Path, listen: str, address: str) -> bool:
    """Write a settings file with what was said at the first start; False if there is one already."""
    path = folder / FILE_NAME
    if path.exists():
        return False
    server = ServerSettings()
    path.write_text(
        "# Settings of this Dialback server. Every key is described in docs/settings.md.\n"
        "[server]\n"
        f'listen = "{listen or server.listen}"\n'
        f'address = "{address or server.address}"\n'
    )
    return True
