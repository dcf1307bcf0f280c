"""Workspaces for tests: an empty one, and one that has everything."""

from datetime import UTC, datetime, timedelta

from dialback.wire.feed.model import (
    FileExtension,
    Hosting,
    Icons,
    Publisher,
    Resource,
    ResourceType,
    TerminalServer,
)

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ICONS = Icons(
    "/RDWeb/Feed/icon/desk.ico",
    ((48, "/RDWeb/Feed/icon/desk-48.png"), (32, "/RDWeb/Feed/icon/desk-32.png?a=1&b=2"), (20, "/i/20.png")),
)
SERVER = TerminalServer("broker.example.test", "broker.example.test", AT)
HOSTING = (Hosting(SERVER.id, "/RDWeb/Feed/rdp/desk.rdp"),)
DESKTOP = Resource("id-1", "desk-pool1", "Pool 1", ResourceType.DESKTOP, HOSTING, ICONS, AT)
APP = Resource(
    "id-2",
    "app-notepad",
    "Notepad <&\"'> Zoë 🖥 שלום",
    ResourceType.REMOTE_APP,
    (Hosting(SERVER.id, "https://broker.example.test/RDWeb/Feed/rdp/app.rdp"),),
    Icons("/i/app.ico"),
    AT + timedelta(seconds=5),
    executable="notepad.exe",
    extensions=(FileExtension(".txt", Icons("/i/txt.ico")), FileExtension(".log")),
    folders=("Office", "Tools & more"),
    show_by_default=False,
)
EMPTY = Publisher("broker.example.test", "Example Workspace", AT)
FULL = Publisher(
    "broker.example.test",
    "Example Workspace",
    AT - timedelta(days=1),
    description="All there is",
    supports_reconnect=True,
    resources=(DESKTOP, APP),
    terminal_servers=(SERVER,),
)
FOLDER = Publisher(
    "broker.example.test",
    "Example Workspace",
    AT,
    resources=(APP,),
    terminal_servers=(SERVER,),
    display_folder="",
    sub_folders=("Office",),
)
WORKSPACES = {"empty": EMPTY, "full": FULL, "folder": FOLDER}
