"""The sessions on this host: one small interface, and the implementation that fits the operating system.

Rules of every implementation:

- An id is the host's own, fits the wire (`A-Z a-z 0-9 - _`), and says nothing without the host.
- The id of a session that has ended may be given to another. Whoever names a `user`, as the list had them,
  means a session of theirs: another's of that id is answered as one that is not there.
- What is asked for and cannot be done raises `SessionProblem`: one sentence that says why.
- Calls may block for some seconds: the agent makes them in a thread.

A state that began before the agent looked for the first time counts from the session's start.
"""

import sys
from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Protocol

from dialback.wire.agent.messages import HostSession, SessionState

NO_SUCH_SESSION = "the host has no such session"


class SessionProblem(Exception):
    """What was asked for cannot be done; the message is one sentence that says why."""


class Sessions(Protocol):
    """The sessions on this host."""

    def list(self) -> Sequence[HostSession]:
        """Return every session the agent may see; raise `SessionProblem` if it cannot tell."""

    def message(self, id: str, text: str, user: str | None = None) -> None:
        """Show a message in the session."""

    def disconnect(self, id: str, user: str | None = None) -> None:
        """Take the session's client away; the session goes on."""

    def log_off(self, id: str, user: str | None = None) -> None:
        """End the session and everything in it; return when it is gone."""


def open_sessions() -> Sessions:
    """Return the sessions of this machine."""
    if sys.platform == "win32":
        from dialback.agent.platform.sessions_windows import WindowsSessions

        return WindowsSessions()
    from dialback.agent.platform.sessions_linux import LinuxSessions

    return LinuxSessions()


class StateChanges:
    """When each session was first seen in its state, for hosts that keep no such time."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[SessionState, datetime]] = {}

    def since(self, key: Hashable, state: SessionState, started: datetime, now: datetime) -> datetime:
        """Return when the session's state began; `key` is never another session's."""
        before = self._seen.get(key)
        if before is None:
            before = (state, started)
        elif before[0] != state:
            before = (state, now)
        self._seen[key] = before
        return before[1]

    def keep(self, keys: set[Hashable]) -> None:
        """Forget every session but these."""
        self._seen = {key: seen for key, seen in self._seen.items() if key in keys}
