"""Facts about this host, for the administrator of the platform to read."""

import platform
import socket


def host_name() -> str:
    """Return what this machine calls itself."""
    return socket.gethostname() or "unknown"


def system_text() -> str:
    """Return the operating system, its version and the architecture, such as `Debian 12, x86_64`."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = f"{platform.system()} {platform.release()}"
    return f"{name}, {platform.machine()}"
