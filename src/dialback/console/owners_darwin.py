"""Whose connection is it, on macOS: what `lsof` says of the socket at the client's end.

Windows App is started by the system and not by us, so that it is nobody's child; whoever runs as the
technician is let in, and other users are not. `lsof` shows an ordinary user only processes of their own, so
what it does not show is nobody's. What it prints is read by a function of its own, which is tested
everywhere; on macOS none of this has been run.

Source: lsof(8), "OUTPUT FOR OTHER PROGRAMS".
"""

import os
import subprocess
from collections.abc import Callable

LSOF = "/usr/sbin/lsof"
LSOF_S = 5.0
Place = tuple[str, int]


def is_ours_darwin(
    client: Place,
    listener: Place,
    list_sockets: Callable[[Place], str] | None = None,
    user: int | None = None,
) -> bool:
    """Say whether the connection from client to listener is of a process of this user."""
    printed = (list_sockets or _lsof)(client)
    return users_of(printed, client, listener) == {os.getuid() if user is None else user}


def users_of(printed: str, client: Place, listener: Place) -> set[int]:
    """Return the user ids of the processes that hold the client's end, of what `lsof -F` printed.

    Each line begins with the letter of its field: `p` and `u` begin a process, `n` names one of its sockets.
    """
    wanted = f"n{_text(client)}->{_text(listener)}"
    found: set[int] = set()
    user: int | None = None
    for line in printed.splitlines():
        if line.startswith("p"):
            user = None
        elif line.startswith("u") and line[1:].isascii() and line[1:].isdecimal():
            user = int(line[1:])
        elif line == wanted and user is not None:
            found.add(user)
    return found


def _text(place: Place) -> str:
    return f"{place[0]}:{place[1]}"


def _lsof(client: Place) -> str:
    """Return what `lsof` prints of sockets with the place at either end; empty if it does not answer."""
    command = [LSOF, "-nP", f"-iTCP@{_text(client)}", "-sTCP:ESTABLISHED", "-Fpun"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LSOF_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
