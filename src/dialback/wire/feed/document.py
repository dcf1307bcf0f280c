"""A workspace as the XML that clients read, in schema 1.1, 2.0 or 2.1.

Elements stand in the order of the schema, which is significant. 1.1 knows neither folders nor icons of files,
2.0 adds both, and 2.1 adds whether a resource is shown by default. No clock is read: the document is dated by
its newest change, so that the same workspace gives the same bytes and the same ETag on every node.

A resource is written by itself, so that whoever writes many lists writes each resource once and joins them.
It is written as text: making a tree of a long list first takes several times as long.

What is left out on purpose: `RequiredCommandLine`, `Index`, `FileContent` and `Content`, which servers must
not send.

Source: [MS-TSWP] 2.2.1, Resource List Syntax; 2.2.2, Schema Element Definitions.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dialback.wire.feed.markup import document, element
from dialback.wire.feed.model import (
    ROOT_FOLDER,
    FileExtension,
    Icons,
    Publisher,
    Resource,
    TerminalServer,
    check,
    check_resource,
    check_unique,
)
from dialback.wire.feed.negotiation import SchemaVersion

NAMESPACE = "http://schemas.microsoft.com/ts/2007/05/tswf"

_NAMED_SIZES = (16, 32, 48, 64, 100, 256)


@dataclass(frozen=True, slots=True)
class Part:
    """One resource as it stands in a feed of one version."""

    id: str
    alias: str
    updated_at: datetime
    text: str


def build(publisher: Publisher, version: SchemaVersion) -> bytes:
    """Build the feed.

    Raises:
        ValueError: clients could not read it; the message says which resource is at fault.
    """
    servers = {server.id for server in publisher.terminal_servers}
    parts = [build_part(resource, version, servers) for resource in publisher.resources]
    return join(replace(publisher, resources=()), parts, version)


def build_part(resource: Resource, version: SchemaVersion, servers: Collection[str]) -> Part:
    """Build what a feed holds of one resource; `servers` are the ids of the feed's servers.

    Raises:
        ValueError: clients could not read it; the message says what is at fault.
    """
    check_resource(resource, servers)
    return Part(resource.id, resource.alias, resource.updated_at, _resource(resource, version))


def join(publisher: Publisher, parts: Sequence[Part], version: SchemaVersion) -> bytes:
    """Build the feed of a publisher whose resources are the parts, and nothing else.

    Raises:
        ValueError: clients could not read it; the message says what is at fault.
    """
    if publisher.resources:
        raise ValueError("expected resources as parts, got some in the publisher")
    check(publisher)
    check_unique((part.id for part in parts), "resource id")
    check_unique((part.alias for part in parts), "resource alias")
    dated = _time(max([publisher.newest_at, *(part.updated_at for part in parts)]))
    inside = [
        element("Resources", {}, *(part.text for part in parts)),
        element("TerminalServers", {}, *map(_server, publisher.terminal_servers)),
    ]
    if version is not SchemaVersion.V1_1 and publisher.display_folder is not None:
        inside.insert(0, _folders("SubFolders", publisher.sub_folders))
    attributes = {"PubDate": dated, "SchemaVersion": version.value, "xmlns": NAMESPACE}
    published = element("Publisher", _publisher_attributes(publisher, version, dated), *inside)
    return document(element("ResourceCollection", attributes, published))


def _publisher_attributes(publisher: Publisher, version: SchemaVersion, dated: str) -> dict[str, str]:
    attributes = {
        "LastUpdated": dated,
        "Name": publisher.name,
        "ID": publisher.id,
        "Description": publisher.description,
    }
    if version is not SchemaVersion.V1_1:
        # On Publisher, where the schema has it; the prose of 2.2.2.2.1 says ResourceCollection.
        attributes["SupportsReconnect"] = _boolean(publisher.supports_reconnect)
        if publisher.display_folder is not None:
            attributes["DisplayFolder"] = ROOT_FOLDER + publisher.display_folder
    return attributes


def _resource(resource: Resource, version: SchemaVersion) -> str:
    attributes = {
        "ID": resource.id,
        "Alias": resource.alias,
        "Title": resource.title,
        "LastUpdated": _time(resource.updated_at),
        "Type": resource.type.value,
    }
    if resource.executable:
        attributes["ExecutableName"] = resource.executable
    if version is SchemaVersion.V2_1:
        attributes["ShowByDefault"] = _boolean(resource.show_by_default)
    extensions = (_extension(each, version) for each in resource.extensions)
    inside = [_icons("Icons", resource.icons, version), element("FileExtensions", {}, *extensions)]
    if version is not SchemaVersion.V1_1:
        inside.append(_folders("Folders", resource.folders or ("",)))
    return element("Resource", attributes, *inside, _hosting(resource))


def _hosting(resource: Resource) -> str:
    servers = (
        element(
            "HostingTerminalServer",
            {},
            element("ResourceFile", {"FileExtension": ".rdp", "URL": hosting.file_url}),
            element("TerminalServerRef", {"Ref": hosting.terminal_server_id}),
        )
        for hosting in resource.hosting
    )
    return element("HostingTerminalServers", {}, *servers)


def _icons(name: str, icons: Icons, version: SchemaVersion) -> str:
    urls = dict(icons.png_urls)
    found = [element("IconRaw", {"FileType": "Ico", "FileURL": icons.ico_url})]
    found += [_png(f"Icon{size}", size, urls[size]) for size in _NAMED_SIZES if size in urls]
    if version is not SchemaVersion.V1_1:
        found += [_png("Icon", size, urls[size]) for size in sorted(urls.keys() - set(_NAMED_SIZES))]
    return element(name, {}, *found)


def _png(name: str, size: int, url: str) -> str:
    return element(name, {"Dimensions": f"{size}x{size}", "FileType": "Png", "FileURL": url})


def _extension(extension: FileExtension, version: SchemaVersion) -> str:
    if version is SchemaVersion.V1_1:
        return element("FileExtension", {"Name": extension.name})
    icons = [] if extension.icons is None else [_icons("FileAssociationIcons", extension.icons, version)]
    return element("FileExtension", {"Name": extension.name, "PrimaryHandler": "True"}, *icons)


def _folders(name: str, folders: Sequence[str]) -> str:
    return element(name, {}, *(element("Folder", {"Name": ROOT_FOLDER + folder}) for folder in folders))


def _server(server: TerminalServer) -> str:
    attributes = {"ID": server.id, "Name": server.name, "LastUpdated": _time(server.updated_at)}
    return element("TerminalServer", attributes)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _boolean(value: bool) -> str:
    return "true" if value else "false"
