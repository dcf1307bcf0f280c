"""The settings of connection files: which there are, what they may hold, and which a signature covers.

One table says it all; text and numbers go through it on their way into a file, so that an unknown name, a
wrong type or a value out of range never gets there. Rules of this file:

- `default` is what a client assumes when the setting is missing; several are *on*, so a redirection that is
  not wanted must be written as off.
- `explicit` is what `complete` writes when nobody asked for anything: the least that a file can ask for. A
  signature covers only what is present, so secure settings are present.
- Not written unless asked for: `pcb` (FreeRDP sends a preconnection message as soon as the name is there),
  names that older Windows does not know in a signature, and names on whose type signers disagree.

Left out: the signature itself (`rdpsign`), and settings that only clients write for themselves.

Source: `docs/protocols/rdp-file.md`, which names its own.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from dialback.wire.rdpfile import MAX_FILE_CHARS, Setting, build_line
from dialback.wire.rdpsign import SECURE_SETTINGS
from dialback.wire.text import check_text

Value = str | int | bytes

DEFAULT_PORT = 3389


class Kind(Enum):
    """The type of a setting, as it stands between the colons."""

    TEXT = "s"
    NUMBER = "i"
    BYTES = "b"


@dataclass(frozen=True, slots=True)
class Property:
    """One setting that files may hold.

    `allowed` are the numbers it takes, or the pattern its text must match as a whole; None allows all.
    """

    name: str
    kind: Kind
    meaning: str
    default: Value | None = None
    explicit: Value | None = None
    allowed: range | tuple[int, ...] | str | None = None

    @property
    def secure(self) -> bool:
        """Whether a signature covers it."""
        return self.name in _SECURE


_SECURE = frozenset(name.casefold() for name in SECURE_SETTINGS)
_SWITCH = range(2)
_HOST = r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_EXTENSIONS = r"(?:\.[^\s.,:]+(?:,\.[^\s.,:]+)*)?"


def _text(
    name: str, meaning: str, default: str | None = None, explicit: str | None = None, form: str | None = None
) -> Property:
    return Property(name, Kind.TEXT, meaning, default, explicit, form)


def _number(
    name: str,
    meaning: str,
    allowed: range | tuple[int, ...],
    default: int | None = None,
    explicit: int | None = None,
) -> Property:
    return Property(name, Kind.NUMBER, meaning, default, explicit, allowed)


def _switch(name: str, meaning: str, default: int | None = None, explicit: int | None = None) -> Property:
    return _number(name, meaning, _SWITCH, default, explicit)


PROPERTIES = (
    # Target and identity
    _text("full address", "Where to connect, as the gateway resolves it.", form=_HOST),
    _text("alternate full address", "Where to connect; it wins over the full address.", form=_HOST),
    _number("server port", "The port, over one in the address.", range(1, 65536), DEFAULT_PORT),
    _text("username", "The user name to fill in."),
    _text("domain", "The domain to fill in."),
    Property("password 51", Kind.BYTES, "A password that only its own Windows machine can read."),
    _text("loadbalanceinfo", "The routing token sent to the host before anything else.", "", ""),
    _text("pcb", "The preconnection blob, which names a virtual machine."),
    _text("workspace id", "The workspace the file belongs to; the feed's publisher has the same id."),
    _text("workspacefeedurl", "The feed the file came from."),
    _switch("use redirection server name", "1: check the certificate against the redirected name.", 0, 0),
    _number(
        "authentication level",
        "If the host cannot prove who it is: 0 connect, 1 refuse, 2 warn, 3 nothing said.",
        range(4),
        3,
        2,
    ),
    _switch("enablecredsspsupport", "1: network level authentication may be used.", 1, 1),
    _switch("negotiate security layer", "1: agree on the security protocol with the host.", 1, 1),
    _switch("enablerdsaadauth", "1: sign in to the host with Entra ID.", 0),
    _switch("prompt for credentials", "1: ask even if credentials are stored.", 0, 0),
    _switch("prompt for credentials on client", "1: ask before connecting, not on the host.", 0),
    _switch("promptcredentialonce", "1: the gateway's credentials serve the host too.", 1, 1),
    _text(
        "allowed security protocols",
        "The security protocols to use, separated by semicolons, or * for all.",
        form=r"\*|(?:TLS|CredSSP|RDSTLS|RDS AAD Auth)(?:;(?:TLS|CredSSP|RDSTLS|RDS AAD Auth))*",
    ),
    _switch("autoreconnection enabled", "1: reconnect by itself when the network fails.", 1, 1),
    _number("autoreconnect max retries", "How often to try to reconnect.", range(1, 201), 20),
    _switch("disableconnectionsharing", "1: do not join a RemoteApp session that runs already.", 0, 0),
    _text("kdcproxyname", "The server that carries Kerberos over HTTPS.", "", "", form=rf"(?:{_HOST})?"),
    _switch("rdgiskdcproxy", "1: the gateway carries Kerberos over HTTPS.", 0, 0),
    _text("support url", "Where the user finds help.", "", ""),
    _switch("require pre-authentication", "1: visit a page of the server before connecting.", 0, 0),
    _text("pre-authentication server address", "The page to visit before connecting.", ""),
    _text("eventloguploadaddress", "Where the client uploads its event log.", ""),
    # Gateway
    _text("gatewayhostname", "The gateway, with a port unless it is 443.", "", "", form=rf"(?:{_HOST})?"),
    _number(
        "gatewayusagemethod",
        "When to use the gateway: 0 never, 1 always, 2 if a direct try fails, 3 by its default, 4 never.",
        range(5),
        0,
        0,
    ),
    _switch(
        "gatewayprofileusagemethod", "0: the administrator's gateway settings; 1: those of the file.", 0, 1
    ),
    _number(
        "gatewaycredentialssource",
        "Sign-in to the gateway: 0 password, 1 smart card, 2 current user, 3 basic, 4 ask, 5 token.",
        range(6),
        0,
        0,
    ),
    _text("gatewayaccesstoken", "The token presented to the gateway."),
    _number("gatewaybrokeringtype", "How the gateway is brokered; Azure writes 1.", range(2), 0),
    # RemoteApp
    _switch("remoteapplicationmode", "1: show one app, not a desktop.", 0, 0),
    _text("remoteapplicationprogram", "The app: its alias behind two bars, or its path.", "", ""),
    _text("alternate shell", "What the host starts; for an app the same as the program.", "", ""),
    _text("shell working directory", "The folder the program starts in.", "", ""),
    _text("remoteapplicationname", "The app's name for the user.", ""),
    _text("remoteapplicationcmdline", "The app's arguments.", ""),
    _text("remoteapplicationfile", "The file the app opens.", ""),
    _text("remoteapplicationfileextensions", "The extensions the app opens.", "", form=_EXTENSIONS),
    _text("remoteapplicationicon", "The file with the app's icon.", ""),
    _text("remoteapplicationguid", "The app's identifier.", ""),
    _switch("remoteapplicationexpandcmdline", "1: variables in the arguments are the host's.", 1),
    _switch("remoteapplicationexpandworkingdir", "1: variables in the folder are the host's.", 1),
    _switch("disableremoteappcapscheck", "1: start the app without asking first whether the host can.", 0),
    # Display
    _number("screen mode id", "1: in a window; 2: full screen.", (1, 2), 2),
    _switch("use multimon", "1: use several monitors.", 1),
    _text("selectedmonitors", "The monitors to use, by number.", form=r"(?:[0-9]{1,2}(?:,[0-9]{1,2})*)?"),
    _switch("span monitors", "1: one wide picture over all monitors.", 0),
    _switch("maximizetocurrentdisplays", "1: full screen on the monitors the window is on.", 0),
    _switch("singlemoninwindowedmode", "1: one monitor when in a window.", 0),
    _number("desktopwidth", "The width of the picture in pixels.", range(200, 8193)),
    _number("desktopheight", "The height of the picture in pixels.", range(200, 8193)),
    _number(
        "desktop size id",
        "The size of the picture: 0 640x480, 1 800x600, 2 1024x768, 3 1280x1024, 4 1600x1200.",
        range(5),
        1,
    ),
    _number(
        "desktopscalefactor",
        "The scale in percent.",
        (100, 125, 150, 175, 200, 250, 300, 400, 500),
    ),
    _switch("dynamic resolution", "1: the picture follows the window's size.", 1),
    _switch("smart sizing", "1: the picture is scaled to the window.", 0),
    _number("session bpp", "Bits per pixel.", (8, 15, 16, 24, 32), 32),
    _number("connection type", "The network: 1 modem to 6 LAN, 7 found out by itself.", range(1, 8)),
    _switch("networkautodetect", "1: measure the network.", 1),
    _switch("bandwidthautodetect", "1: measure the bandwidth.", 1),
    # Redirection
    _switch("redirectclipboard", "1: share the clipboard.", 1, 0),
    _switch("redirectprinters", "1: share printers.", 1, 0),
    _switch("redirectcomports", "1: share serial ports.", 1, 0),
    _switch("redirectsmartcards", "1: share smart cards.", 1, 0),
    _switch("redirectwebauthn", "1: use this machine's security keys in the session.", 1),
    _switch("redirectposdevices", "1: share point-of-service devices.", 0, 0),
    _switch("redirectlocation", "1: share the location.", 0, 0),
    _text(
        "drivestoredirect",
        "The drives to share: none, * for all, DynamicDrives for later ones, or names with semicolons.",
        "*",
        "",
    ),
    _switch("redirectdrives", "1: share all drives, as older clients know it.", 0, 0),
    _text("devicestoredirect", "The plug-and-play devices to share: none, * for all, or names.", "*", ""),
    _text("usbdevicestoredirect", "The USB devices to share: none, * for all, or ids.", ""),
    _text("camerastoredirect", "The cameras to share: none, * for all, or paths; - leaves one out.", "*", ""),
    _number("audiomode", "Sound is heard: 0 here, 1 on the host, 2 nowhere.", range(3), 0, 0),
    _switch("audiocapturemode", "1: share the microphone.", 0, 0),
    _switch("videoplaybackmode", "1: play video efficiently.", 1),
    _switch("encode redirected video capture", "1: compress the camera's picture.", 1),
    _number("redirected video capture encoding quality", "0: low, 1: medium, 2: high.", range(3), 0),
    _number(
        "keyboardhook",
        "Key combinations work: 0 here, 1 on the host, 2 on the host in full screen, 3 in the app.",
        range(4),
        2,
    ),
    _switch("redirectdirectx", "1: draw with this machine's DirectX.", 0, 0),
    _switch("redirecttextprocessing", "1: let this machine's services see text of the session.", 0),
)
"""Every setting, in the order in which files hold them."""

_BY_NAME = {each.name: each for each in PROPERTIES}


def find(name: str) -> Property:
    """Return the setting of that name, whatever its case.

    Raises:
        ValueError: there is none.
    """
    found = _BY_NAME.get(name.casefold())
    if found is None:
        raise ValueError(f"expected the name of a setting, got {name[:64]!r}")
    return found


def build_settings(values: Mapping[str, Value]) -> tuple[Setting, ...]:
    """Build the settings of a file, each checked against its property, in the order of the table.

    Raises:
        ValueError: a name is unknown or comes twice, a value has the wrong type, is not allowed, or could be
            read as another; the message names the setting and does not show its value.
    """
    checked: dict[str, Setting] = {}
    for name, value in values.items():
        found = find(name)
        if found.name in checked:
            raise ValueError(f"expected each setting once, got {found.name!r} twice")
        _check(found, value)
        checked[found.name] = Setting(found.name, value)
    settings = tuple(checked[each.name] for each in PROPERTIES if each.name in checked)
    _check_size(settings)
    return settings


def complete(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values with all that a signed file should say explicitly; keys are the table's spelling.

    The alternate address becomes the address, and the port the one in the address, since clients let either
    win over it.

    Raises:
        ValueError: there is no address, the alternate address or the port says something else, an app has no
            program, or a name is unknown or comes twice.
    """
    given = {each.name: each.value for each in build_settings(values)}
    address = given.get("full address")
    if not isinstance(address, str):
        raise ValueError("expected 'full address' among the settings, got none")
    implied: dict[str, Value] = {"alternate full address": address, "server port": _port(address)}
    for name, value in implied.items():
        if given.setdefault(name, value) != value:
            raise ValueError(f"expected {name!r} to agree with 'full address', got another")
    if given.get("remoteapplicationmode") == 1 and not given.get("remoteapplicationprogram"):
        raise ValueError("expected 'remoteapplicationprogram' for an app, got none")
    explicit = {each.name: each.explicit for each in PROPERTIES if each.explicit is not None}
    return {**explicit, **given}


def gateway(address: str, token: str = "") -> dict[str, Value]:
    """Return the settings that always take the connection through a gateway.

    Args:
        address: `name` or `name:port`.
        token: what the gateway asks for; without one it asks for a password that serves the host too.
    """
    always: dict[str, Value] = {
        "gatewayhostname": address,
        "gatewayusagemethod": 1,
        "gatewayprofileusagemethod": 1,
    }
    if not token:
        return {**always, "gatewaycredentialssource": 0, "promptcredentialonce": 1}
    access: dict[str, Value] = {"gatewaycredentialssource": 5, "gatewayaccesstoken": token}
    return {**always, **access, "promptcredentialonce": 0}


def remote_app(
    alias: str, name: str, *, arguments: str = "", folder: str = "", extensions: Iterable[str] = ()
) -> dict[str, Value]:
    """Return the settings that show one app instead of a desktop.

    Args:
        alias: what the host knows the app by, without the two bars.
        name: what the user sees.
        arguments: the app's arguments; written even when empty, so that none can be added to a signed file.
        folder: where the app starts.
        extensions: the file extensions it opens, each with its dot.

    Raises:
        ValueError: the alias is empty.
    """
    if not alias:
        raise ValueError("expected an alias for 'remoteapplicationprogram', got none")
    return {
        "remoteapplicationmode": 1,
        "remoteapplicationprogram": f"||{alias}",
        "alternate shell": f"||{alias}",
        "shell working directory": folder,
        "remoteapplicationname": name,
        "remoteapplicationcmdline": arguments,
        "remoteapplicationfile": "",
        "remoteapplicationfileextensions": ",".join(extensions),
        "disableremoteappcapscheck": 1,
    }


def _check(found: Property, value: Value) -> None:
    what = f"value of {found.name!r}"
    kind = {str: Kind.TEXT, int: Kind.NUMBER, bytes: Kind.BYTES}.get(type(value))
    if kind is not found.kind:
        raise ValueError(f"expected {found.kind.name.lower()} as {what}, got {type(value).__name__}")
    if isinstance(value, int) and isinstance(found.allowed, range | tuple) and value not in found.allowed:
        raise ValueError(f"expected one of {_words(found.allowed)} as {what}, got {value}")
    if isinstance(value, str):
        _check_text(found, value, what)


def _check_text(found: Property, value: str, what: str) -> None:
    check_text(value, what, MAX_FILE_CHARS)
    if value != value.strip():
        # Readers may trim a line; a signature would no longer hold.
        raise ValueError(f"expected no blanks around the {what}, got some")
    if isinstance(found.allowed, str) and not re.fullmatch(found.allowed, value):
        raise ValueError(f"expected the form {found.allowed} as {what}, got another")


def _check_size(settings: tuple[Setting, ...]) -> None:
    sizes = {each.name: len(build_line(each)) + 2 for each in settings}
    if sum(sizes.values()) > MAX_FILE_CHARS:
        longest = max(sizes, key=lambda name: sizes[name])
        raise ValueError(
            f"expected at most {MAX_FILE_CHARS} characters of connection file, got more; the longest is "
            f"{longest!r}"
        )


def _words(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, range):
        return f"{allowed.start} to {allowed.stop - 1}"
    return ", ".join(map(str, allowed))


def _port(address: str) -> int:
    tail = address.rpartition("]")[2]
    _, _, port = tail.rpartition(":")
    number = int(port) if ":" in tail else DEFAULT_PORT
    if not 1 <= number <= 65535:
        raise ValueError("expected a port from 1 to 65535 in 'full address', got another")
    return number
