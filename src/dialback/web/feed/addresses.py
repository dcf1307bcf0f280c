"""Where the feed's parts are: the paths clients are told, and those they try by themselves.

The paths are those of Microsoft's own server, which is what people and clients expect; letter case does not
count in them, as it does not there. Ids inside a path keep theirs. Every address in a list is a path on this
server, so that it survives a proxy with another name in front.

Source: [MS-TSWP] 3.1.5, Message Processing Events and Sequencing Rules; open servers and their users' reports
for the paths that clients probe.
"""

import re
from typing import Final

from dialback.wire.feed.subscription import build_txt_record

FEED: Final = "/RDWeb/Feed/webfeed.aspx"
LOGIN: Final = "/RDWeb/FeedLogin/WebFeedLogin.aspx"
RECONNECT: Final = "/RDWeb/Feed/RDWebService.asmx"
ICONS: Final = "/RDWeb/Feed/icon/"
FILES: Final = "/RDWeb/Feed/rdp/"
WCX: Final = "/feed/workspace.wcx"

PROBED: Final = frozenset(
    {
        "/webfeed.aspx",
        "/feed/webfeed.aspx",
        "/rdweb",
        "/rdweb/",
        "/rdweb/feed",
        "/rdweb/feed/",
        "/api/feeddiscovery",
        "/api/feeddiscovery/webfeeddiscovery.aspx",
        "/api/arm/feeddiscovery",
    }
)
"""Paths that lead to the feed, in lower case."""

_FIXED = {path.casefold(): path for path in (FEED, LOGIN, RECONNECT, WCX)}
_PREFIXES = {path.casefold(): path for path in (ICONS, FILES)}
_OF_WORKSPACE = re.compile(
    r"/feed/([A-Za-z0-9_-]{1,64})/(webfeed\.aspx|rdwebservice\.asmx|workspace\.wcx)", re.IGNORECASE
)
_FILE_OF_WORKSPACE = re.compile(r"/feed/([A-Za-z0-9_-]{1,64})/rdp/(.*)", re.IGNORECASE)
_LEAVES = {name.casefold(): name for name in ("webfeed.aspx", "RDWebService.asmx", "workspace.wcx")}


def canonical(path: str) -> str | None:
    """Return how a path of the feed is spelt; None if it is none."""
    folded = path.casefold()
    if folded in _FIXED:
        return _FIXED[folded]
    for prefix, spelt in _PREFIXES.items():
        if folded.startswith(prefix):
            return spelt + _leaf(path[len(prefix) :])
    if match := _OF_WORKSPACE.fullmatch(path):
        return f"/feed/{match[1]}/{_LEAVES[match[2].casefold()]}"
    if match := _FILE_OF_WORKSPACE.fullmatch(path):
        return f"/feed/{match[1]}/rdp/{_leaf(match[2])}"
    return None


def _leaf(name: str) -> str:
    """Return the name of a file, which is an id, with its ending in lower case."""
    id, dot, ending = name.rpartition(".")
    return f"{id}.{ending.lower()}" if dot else name


def feed_path(workspace: str = "") -> str:
    """Return the path of the feed: of everything the user may use, or of one workspace."""
    return f"/feed/{workspace}/webfeed.aspx" if workspace else FEED


def feed_url(address: str, workspace: str = "") -> str:
    """Return the address that a person types; `address` is the server's `NAME:PORT`."""
    return f"https://{address.removesuffix(':443')}{feed_path(workspace)}"


def wcx_path(workspace: str = "") -> str:
    """Return the path of the file that subscribes to the feed."""
    return f"/feed/{workspace}/workspace.wcx" if workspace else WCX


def txt_record(address: str, mail_domain: str) -> str:
    """Return the zone file's line by which clients find the feed of an e-mail address.

    Raises:
        ValueError: the domain is none, or the feed's address does not fit.
    """
    return build_txt_record(mail_domain, feed_url(address))


def host_of(address: str) -> str:
    """Return the server's name, without port and brackets."""
    return address.rpartition(":")[0].strip("[]")


def publisher_id(host: str, workspace: str = "") -> str:
    """Return the id of a feed: its list's publisher has it, and so has each connection file of the list.

    By it a client knows to which subscription a file belongs.
    """
    return f"{workspace}.{host}" if workspace else host


def file_path(alias: str, workspace: str = "") -> str:
    """Return the path of a resource's connection file, as the list of everything or of a workspace has it."""
    return f"/feed/{workspace}/rdp/{alias}.rdp" if workspace else f"{FILES}{alias}.rdp"


def ico_path(icon: str) -> str:
    """Return the path of an icon as `.ico`."""
    return f"{ICONS}{icon}.ico"


def png_path(icon: str, size: int) -> str:
    """Return the path of an icon of so many pixels."""
    return f"{ICONS}{icon}-{size}.png"
