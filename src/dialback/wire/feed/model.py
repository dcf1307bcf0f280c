"""A workspace as a feed shows it to one user: the publisher, its resources, and where they run.

Everything is checked before it is written, since a client that finds one broken resource drops the whole
feed: ids are unique and references resolve, addresses are ASCII and lead to this server or to HTTPS, times
have a zone, and no text holds a control or a direction mark. Left out: what a user may see, and content of
icons and files.

Source: [MS-TSWP] 2.2.2, Schema Element Definitions; 2.2.6, Folders.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from dialback.wire.text import check_text

MAX_ID_CHARS = 256
MAX_TITLE_CHARS = 256
MAX_DESCRIPTION_CHARS = 1024
MAX_URL_CHARS = 2048
ROOT_FOLDER = "/"

_URL = re.compile(r"(?:https://[A-Za-z0-9.:\[\]-]+)?/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_EXTENSION = re.compile(r"\.[^\s.,:/\\\"*?<>|]{1,63}")


class ResourceType(Enum):
    """What a resource is."""

    DESKTOP = "Desktop"
    REMOTE_APP = "RemoteApp"


@dataclass(frozen=True, slots=True)
class Icons:
    """The pictures of a resource: an `.ico` with its sizes inside, and PNG files by their size in pixels."""

    ico_url: str
    png_urls: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FileExtension:
    """A kind of file an app opens: the name with its dot, and the icon of such files."""

    name: str
    icons: Icons | None = None


@dataclass(frozen=True, slots=True)
class Hosting:
    """Where a resource runs, and the connection file that opens it there."""

    terminal_server_id: str
    file_url: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One desktop or app.

    `id` and `alias` are unique and stay the same for ever; `folders` are names, the root one left out;
    `updated_at` is when the connection file or an icon changed last.
    """

    id: str
    alias: str
    title: str
    type: ResourceType
    hosting: tuple[Hosting, ...]
    icons: Icons
    updated_at: datetime
    executable: str = ""
    extensions: tuple[FileExtension, ...] = ()
    folders: tuple[str, ...] = ()
    show_by_default: bool = True


@dataclass(frozen=True, slots=True)
class TerminalServer:
    """A server that resources run on, as the client names it."""

    id: str
    name: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Publisher:
    """A workspace: what the user sees as its name, and all that is in it for this user.

    `id` is unique in the world and stays the same for ever (the server's name, or a GUID). With
    `display_folder` only that folder is shown, and `sub_folders` are those inside it.
    """

    id: str
    name: str
    updated_at: datetime
    description: str = ""
    supports_reconnect: bool = False
    resources: tuple[Resource, ...] = ()
    terminal_servers: tuple[TerminalServer, ...] = ()
    display_folder: str | None = None
    sub_folders: tuple[str, ...] = ()

    @property
    def newest_at(self) -> datetime:
        """When anything in the workspace changed last."""
        resources = (each.updated_at for each in self.resources)
        servers = (each.updated_at for each in self.terminal_servers)
        return max([self.updated_at, *resources, *servers])


def check(publisher: Publisher) -> None:
    """Raise unless every client can read the workspace.

    Raises:
        ValueError: the message names the resource or server and what is wrong with it.
    """
    _check_name(publisher.id, "the workspace's id", MAX_ID_CHARS)
    _check_name(publisher.name, "the workspace's name", MAX_TITLE_CHARS)
    check_text(publisher.description, "the workspace's description", MAX_DESCRIPTION_CHARS)
    _check_time(publisher.updated_at, "the workspace")
    _check_shown_folder(publisher)
    for server in publisher.terminal_servers:
        _check_name(server.id, "a server's id", MAX_ID_CHARS)
        _check_name(server.name, f"the name of server {server.id!r}", MAX_ID_CHARS)
        _check_time(server.updated_at, f"server {server.id!r}")
    servers = {server.id for server in publisher.terminal_servers}
    for resource in publisher.resources:
        check_resource(resource, servers)
    check_unique((server.id for server in publisher.terminal_servers), "server id")
    check_unique((resource.id for resource in publisher.resources), "resource id")
    check_unique((resource.alias for resource in publisher.resources), "resource alias")


def _check_shown_folder(publisher: Publisher) -> None:
    if publisher.display_folder is None:
        if publisher.sub_folders:
            raise ValueError("expected sub folders only with a display folder, got some without")
        return
    if publisher.display_folder != "":
        _check_folder(publisher.display_folder, "the display folder")
    for folder in publisher.sub_folders:
        _check_folder(folder, "a sub folder")


def check_resource(resource: Resource, servers: Collection[str]) -> None:
    """Raise unless every client can read the resource in a feed that lists these servers.

    Raises:
        ValueError: the message names the resource and what is wrong with it.
    """
    _check_name(resource.id, "a resource's id", MAX_ID_CHARS)
    what = f"resource {resource.id!r}"
    _check_name(resource.alias, f"the alias of {what}", MAX_ID_CHARS)
    _check_name(resource.title, f"the title of {what}", MAX_TITLE_CHARS)
    check_text(resource.executable, f"the executable of {what}", MAX_TITLE_CHARS)
    _check_time(resource.updated_at, what)
    _check_icons(resource.icons, what)
    if not resource.hosting:
        raise ValueError(f"expected a server for {what}, got none")
    for hosting in resource.hosting:
        _check_url(hosting.file_url, what)
        if hosting.terminal_server_id not in servers:
            raise ValueError(f"expected a listed server for {what}, got another")
    for folder in resource.folders:
        _check_folder(folder, f"a folder of {what}")
    for extension in resource.extensions:
        _check_extension(extension, what)
    check_unique((each.name.casefold() for each in resource.extensions), f"extension of {what}")


def _check_extension(extension: FileExtension, what: str) -> None:
    check_text(extension.name, f"an extension of {what}", MAX_ID_CHARS)
    if not _EXTENSION.fullmatch(extension.name):
        raise ValueError(f"expected a dot and a name as extension of {what}, got {extension.name!r}")
    if extension.icons is not None:
        _check_icons(extension.icons, what)


def _check_icons(icons: Icons, what: str) -> None:
    _check_url(icons.ico_url, what)
    for size, url in icons.png_urls:
        if not 1 <= size <= 1024:
            raise ValueError(f"expected an icon of 1 to 1024 pixels for {what}, got {size}")
        _check_url(url, what)
    check_unique((str(size) for size, _ in icons.png_urls), f"icon size of {what}")


def _check_name(text: str, what: str, max_chars: int) -> None:
    check_text(text, what, max_chars)
    if not text or text != text.strip():
        raise ValueError(f"expected text without blanks around it as {what}, got {text!r}")


def _check_folder(name: str, what: str) -> None:
    _check_name(name, what, MAX_TITLE_CHARS)
    if "/" in name:
        raise ValueError(f"expected a name without / as {what}, got {name!r}")


def _check_url(url: str, what: str) -> None:
    if len(url) > MAX_URL_CHARS or not _URL.fullmatch(url):
        raise ValueError(f"expected an HTTPS address or a path on this server for {what}, got {url[:80]!r}")


def _check_time(at: datetime, what: str) -> None:
    if at.tzinfo is None:
        raise ValueError(f"expected a time with its zone for {what}, got one without")


def check_unique(names: Iterable[str], what: str) -> None:
    """Raise `ValueError` if a name is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"expected each {what} once, got {name!r} twice")
        seen.add(name)
