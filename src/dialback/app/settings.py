"""The settings file of a server, `dialback.toml` in its data folder."""

import json
import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from dialback.broker.canary import CanarySettings
from dialback.broker.settings import BrokerSettings
from dialback.gateway.settings import GatewaySettings
from dialback.identity.oidc.settings import OidcSettings
from dialback.identity.settings import SignInSettings
from dialback.settings.file import SettingsProblem, parse_settings, read_settings
from dialback.web.api.provider_settings import ProviderSettings

FILE_NAME = "dialback.toml"
DATABASE_NAME = "dialback.sqlite"
_ADDRESS = re.compile(
    r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)):([0-9]{1,5})"
)


def _check_listen(text: str) -> str:
    split_address(f"0.0.0.0{text}" if text.startswith(":") else text)
    return text


def _check_address(text: str) -> str:
    if text:
        split_address(text)
    return text


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The `[server]` table of the settings file.

    Attributes:
        listen: `ADDRESS:PORT` of the one port this server opens; without an address, on all of IPv4.
        address: `NAME:PORT` under which clients and agents reach it; empty for this machine's name.
        certificate: PEM file with the server's certificate and chain; empty for one of the server's own CA.
        key: PEM file with the certificate's private key, without a password.
        ca: PEM file with the CA certificate agents are to trust, needed with `certificate`.
        store: database URL; empty for SQLite in the data folder.
        log_level: the least that is logged.
        log_json: one JSON object per log line.
        signing_certificate: PEM file with the certificate that signs connection files, and those above it;
            empty for one of the server's own CA.
        signing_key: PEM file with that certificate's RSA key, without a password.

    Raises:
        ValueError: `certificate`, `key` and `ca` are not given together, or neither are the last two.
    """

    listen: Annotated[str, AfterValidator(_check_listen)] = "0.0.0.0:443"
    address: Annotated[str, AfterValidator(_check_address)] = ""
    certificate: str = ""
    key: str = ""
    ca: str = ""
    store: str = field(default="", repr=False)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = False
    signing_certificate: str = ""
    signing_key: str = ""

    def __post_init__(self) -> None:
        if len({bool(self.certificate), bool(self.key), bool(self.ca)}) > 1:
            raise ValueError("expected all of certificate, key and ca, or none, got some")
        if bool(self.signing_certificate) != bool(self.signing_key):
            raise ValueError("expected both of signing_certificate and signing_key, or none, got one")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in a settings file."""

    server: ServerSettings = field(default_factory=ServerSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    canary: CanarySettings = field(default_factory=CanarySettings)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    provider: ProviderSettings = field(default_factory=ProviderSettings)
    oidc: tuple[OidcSettings, ...] = ()


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
        SettingsProblem: naming key and file.
    """
    path = folder / FILE_NAME
    settings = read_settings(path, Settings)
    try:
        split_address(public_address(settings))
    except ValueError as error:
        raise SettingsProblem(
            f"{path}: set 'server.address'; this machine's own name is none: {error}"
        ) from error
    return settings


def public_address(settings: Settings) -> str:
    """Return `NAME:PORT` under which clients and agents reach the server."""
    if settings.server.address:
        return settings.server.address
    return f"{socket.getfqdn()}:{settings.server.listen.rpartition(':')[2]}"


def listen_address(settings: Settings) -> tuple[str, int]:
    """Return address and port to listen on."""
    name, _, port = settings.server.listen.rpartition(":")
    return name.strip("[]") or "0.0.0.0", int(port)


def split_address(text: str) -> tuple[str, int]:
    """Split `NAME:PORT` or `[IPV6]:PORT`, as join codes and orders to dial carry it.

    Raises:
        ValueError: the text is neither.
    """
    match = _ADDRESS.fullmatch(text)
    if not match or not 1 <= int(match[3]) <= 65535:
        raise ValueError(f"expected NAME:PORT, got {text[:80]!r}")
    return match[1] or match[2], int(match[3])


def store_url(folder: Path, settings: Settings) -> str:
    """Return the database URL."""
    return settings.server.store or f"sqlite:///{(folder / DATABASE_NAME).resolve()}"


def write_first_settings(folder: Path, listen: str, address: str) -> bool:
    """Write a settings file with what was said at the first start; False if there is one already.

    Raises:
        SettingsProblem: what was said cannot be used, and nothing is written.
    """
    path = folder / FILE_NAME
    if path.exists():
        return False
    text = (
        "# Settings of this Dialback server. Every key is described in docs/settings.md.\n"
        "[server]\n"
        f"listen = {json.dumps(listen or ServerSettings().listen)}\n"
        f"address = {json.dumps(address)}\n"
    )
    parse_settings(text, str(path), Settings)
    path.write_text(text)
    return True
