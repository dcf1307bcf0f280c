"""A workspace as the XML that clients read, in schema 1.1, 2.0 or 2.1.

Elements stand in the order of the schema, which is significant. 1.1 knows neither folders nor icons of files,
2.0 adds both, and 2.1 adds whether a resource is shown by default. No clock is read: the document is dated by
its newest change, so that the same workspace gives the same bytes and the same ETag on every node.

What is left out on purpose: `RequiredCommandLine`, `Index`, `FileContent` and `Content`, which servers must
not send.

Source: [MS-TSWP] 2.2.1, Resource List Syntax; 2.2.2, Schema Element Definitions.
"""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement

from dialback.wire.feed import markup
from dialback.wire.feed.model import (
    ROOT_FOLDER,
    FileExtension,
    Icons,
    Publisher,
    Resource,
    TerminalServer,
    check,
)
from dialback.wire.feed.negotiation import SchemaVersion

NAMESPACE = "http://schemas.microsoft.com/ts/2007/05/tswf"

_NAMED_SIZES = (16, 32, 48, 64, 100, 256)


def build(publisher: Publisher, version: SchemaVersion) -> bytes:
    """Build the feed.

    Raises:
        ValueError: clients could not read it; the message says which resource is at fault.
    """
    check(publisher)
    dated = _time(publisher.newest_at)
    # A literal xmlns costs nothing; qualified names would be resolved for each element on its way out.
    root = Element(
        "ResourceCollection", {"PubDate": dated, "SchemaVersion": version.value, "xmlns": NAMESPACE}
    )
    element = SubElement(root, "Publisher", _publisher_attributes(publisher, version))
    if version is not SchemaVersion.V1_1 and publisher.display_folder is not None:
        _add_folders(element, "SubFolders", publisher.sub_folders)
    resources = SubElement(element, "Resources")
    for resource in publisher.resources:
        _add_resource(resources, resource, version)
    servers = SubElement(element, "TerminalServers")
    for server in publisher.terminal_servers:
        _add_server(servers, server)
    return markup.build(root)


def _publisher_attributes(publisher: Publisher, version: SchemaVersion) -> dict[str, str]:
    attributes = {
        "LastUpdated": _time(publisher.newest_at),
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


def _add_resource(parent: Element, resource: Resource, version: SchemaVersion) -> None:
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
    element = SubElement(parent, "Resource", attributes)
    _add_icons(element, "Icons", resource.icons, version)
    extensions = SubElement(element, "FileExtensions")
    for extension in resource.extensions:
        _add_extension(extensions, extension, version)
    if version is not SchemaVersion.V1_1:
        _add_folders(element, "Folders", resource.folders or ("",))
    _add_hosting(element, resource)


def _add_hosting(parent: Element, resource: Resource) -> None:
    servers = SubElement(parent, "HostingTerminalServers")
    for hosting in resource.hosting:
        server = SubElement(servers, "HostingTerminalServer")
        SubElement(server, "ResourceFile", {"FileExtension": ".rdp", "URL": hosting.file_url})
        SubElement(server, "TerminalServerRef", {"Ref": hosting.terminal_server_id})


def _add_icons(parent: Element, name: str, icons: Icons, version: SchemaVersion) -> None:
    element = SubElement(parent, name)
    SubElement(element, "IconRaw", {"FileType": "Ico", "FileURL": icons.ico_url})
    urls = dict(icons.png_urls)
    for size in _NAMED_SIZES:
        if size in urls:
            _add_png(element, f"Icon{size}", size, urls[size])
    if version is not SchemaVersion.V1_1:
        for size in sorted(urls.keys() - set(_NAMED_SIZES)):
            _add_png(element, "Icon", size, urls[size])


def _add_png(parent: Element, name: str, size: int, url: str) -> None:
    SubElement(parent, name, {"Dimensions": f"{size}x{size}", "FileType": "Png", "FileURL": url})


def _add_extension(parent: Element, extension: FileExtension, version: SchemaVersion) -> None:
    if version is SchemaVersion.V1_1:
        SubElement(parent, "FileExtension", {"Name": extension.name})
        return
    element = SubElement(parent, "FileExtension", {"Name": extension.name, "PrimaryHandler": "True"})
    if extension.icons is not None:
        _add_icons(element, "FileAssociationIcons", extension.icons, version)


def _add_folders(parent: Element, name: str, folders: tuple[str, ...]) -> None:
    element = SubElement(parent, name)
    for folder in folders:
        SubElement(element, "Folder", {"Name": ROOT_FOLDER + folder})


def _add_server(parent: Element, server: TerminalServer) -> None:
    attributes = {"ID": server.id, "Name": server.name, "LastUpdated": _time(server.updated_at)}
    SubElement(parent, "TerminalServer", attributes)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _boolean(value: bool) -> str:
    return "true" if value else "false"
