"""Sessions of a Linux host: those of xrdp, and those systemd-logind knows beside them.

An xrdp session is an X server that a session process of xrdp's, running as root, has started; its id is
`xrdp-` and the number of its display. It is active while xrdp holds a connection to the X server: to a Unix
socket of xorgxrdp, to a TCP port of Xvnc. All of this may be read by anybody.

To act is another matter. xorgxrdp gives its client up on a datagram to a socket that root and the group xrdp
may write to, which is what `xrdp-dis` does. A message is an `xmessage` window, started as the session's user;
that and ending a session need root.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dialback.agent.platform import processes
from dialback.agent.platform.processes import PROC, Process
from dialback.agent.platform.sessions import NO_SUCH_SESSION, SessionProblem, Sessions, StateChanges
from dialback.agent.platform.sessions_logind import LogindSessions
from dialback.wire.agent.messages import HostSession, SessionState, clip

SESSION_PROCESSES = {"xrdp-sesman", "xrdp-sesexec"}
"""Up to xrdp 0.9 the session process is a copy of sesman, from 0.10 on a program of its own."""
X_SERVERS = {"Xorg": "unix", "Xvnc": "tcp", "Xtigervnc": "tcp"}
HELPERS = {"xrdp-chansrv", *X_SERVERS}
SOCKET_FOLDERS = ("/run/xrdp/", "/var/run/xrdp/")
VNC_PORT = 5900
END_S = 5.0
STARTED_S = 0.5
MESSAGE_LASTS_S = 3600
MOST_MESSAGES = 64
_DISPLAY = re.compile(r":(\d{1,5})")
_POLL_S = 0.05

Now = Callable[[], datetime]
Signal = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class XrdpSession:
    """One xrdp session: its X server, the process that owns both, and whom they run for."""

    display: int
    server: Process
    owner: int
    uid: int
    user: str
    words: tuple[str, ...]

    @property
    def id(self) -> str:
        """The session's id."""
        return f"xrdp-{self.display}"


class XrdpSessions:
    """The sessions of xrdp on this host."""

    def __init__(
        self,
        proc: Path = PROC,
        now: Now = lambda: datetime.now(UTC),
        send: Signal = os.kill,
        user_of: Callable[[int], str] = lambda uid: pwd.getpwuid(uid).pw_name,
    ) -> None:
        self._proc = proc
        self._now = now
        self._send = send
        self._user_of = user_of
        self.owners: dict[str, int] = {}
        """The session process of each session that was listed last, by its id."""
        self._changes = StateChanges()
        self._messages: list[subprocess.Popen[bytes]] = []

    def list(self) -> Sequence[HostSession]:
        """Return the sessions, by display."""
        now, booted_at = self._now(), processes.booted_at(self._proc)
        self._messages = [each for each in self._messages if each.poll() is None]
        running = sorted(self.sessions(), key=lambda session: session.display)
        self.owners = {session.id: session.owner for session in running}
        found, keys = [], set()
        for session in running:
            state = self._state(session)
            started_s = booted_at + session.server.started_ticks / os.sysconf("SC_CLK_TCK")
            started = min(now, datetime.fromtimestamp(int(started_s), UTC))
            key = (session.id, session.uid, session.server.started_ticks)
            since = self._changes.since(key, state, started, now)
            found.append(HostSession(id=session.id, user=session.user, state=state, since=since))
            keys.add(key)
        self._changes.keep({*keys})
        return found

    def sessions(self) -> Iterator[XrdpSession]:
        """Yield the sessions as processes."""
        running = processes.processes(self._proc)
        for process in running.values():
            owner = running.get(process.parent)
            if process.name in X_SERVERS and owner is not None and owner.name in SESSION_PROCESSES:
                session = self._session(process, owner)
                if session is not None:
                    yield session

    def _session(self, server: Process, owner: Process) -> XrdpSession | None:
        words, uid = processes.words_of(server.pid, self._proc), processes.uid_of(server.pid, self._proc)
        display = next((match for word in words if (match := _DISPLAY.fullmatch(word))), None)
        # Any process may call itself xrdp-sesman, but only root's is one.
        if display is None or uid is None or processes.uid_of(owner.pid, self._proc) != 0:
            return None
        try:
            user = clip(self._user_of(uid), 104)
        except KeyError:
            return None
        return XrdpSession(int(display[1]), server, owner.pid, uid, user, words) if user else None

    def _state(self, session: XrdpSession) -> SessionState:
        connected = f"xrdp_display_{session.display}"
        if X_SERVERS[session.server.name] == "tcp":
            port = VNC_PORT + session.display
            tables = (self._table(session, name) for name in ("tcp", "tcp6"))
            return "active" if any(port in processes.parse_tcp(table) for table in tables) else "disconnected"
        held = any(up and path.endswith(f"/{connected}") for path, up in self._sockets(session))
        return "active" if held else "disconnected"

    def _table(self, session: XrdpSession, name: str) -> str:
        """Return a table of the network the session is in, which need not be the agent's."""
        return processes.read(self._proc / str(session.server.pid) / "net" / name) or ""

    def _sockets(self, session: XrdpSession) -> Iterator[tuple[str, bool]]:
        for path, up in processes.parse_unix(self._table(session, "unix")):
            # Elsewhere anybody could have made a socket of that name.
            if path.startswith(SOCKET_FOLDERS):
                yield path, up

    def _find(self, id: str, user: str | None) -> XrdpSession:
        for session in self.sessions():
            if session.id == id and user in (None, session.user):
                return session
        raise SessionProblem(NO_SUCH_SESSION)

    def message(self, id: str, text: str, user: str | None = None) -> None:
        """Show a message; the window goes by itself after an hour."""
        session = self._find(id, user)
        program = shutil.which("xmessage")
        if program is None:
            raise SessionProblem("the host has no xmessage to show it with; install the package x11-utils")
        if len(self._messages) >= MOST_MESSAGES:
            raise SessionProblem(f"{MOST_MESSAGES} messages are open on the host already")
        self._messages.append(_show(session, program, text))

    def disconnect(self, id: str, user: str | None = None) -> None:
        """Let the X server give its client up."""
        session = self._find(id, user)
        wanted = f"/xrdp_disconnect_display_{session.display}"
        path = next((path for path, _ in self._sockets(session) if path.endswith(wanted)), None)
        if path is None:
            raise SessionProblem(
                f"the host cannot disconnect a session of {session.server.name}; close it at the client"
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notice:
            # The X server is its user's, who may have stopped it: a queue that nobody reads fills up.
            notice.setblocking(False)
            try:
                notice.sendto(b"sig\0", path)
            except PermissionError:
                raise SessionProblem(
                    f"the agent runs as {_own_name()} and may not disconnect; put it into the group xrdp"
                ) from None
            except OSError as error:
                raise SessionProblem(f"the session did not take it: {error.strerror}") from error

    def log_off(self, id: str, user: str | None = None) -> None:
        """End the window manager, as logging off does; then, if that is not enough, the X server."""
        session = self._find(id, user)
        children = [each for each in processes.processes(self._proc).values() if each.parent == session.owner]
        managers = [child for child in children if child.name not in HELPERS]
        for wave in (managers, [session.server]):
            for process in wave:
                self._end(process)
            if self._gone(session):
                return
        raise SessionProblem(f"the session has not ended within {2 * END_S:g} s")

    def _end(self, process: Process) -> None:
        try:
            self._send(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError:
            raise SessionProblem(
                f"the agent runs as {_own_name()} and may not end other users' sessions; run it as root"
            ) from None

    def _gone(self, session: XrdpSession) -> bool:
        deadline = time.monotonic() + END_S
        while time.monotonic() < deadline:
            now = processes.processes(self._proc).get(session.server.pid)
            if now is None or now.started_ticks != session.server.started_ticks:
                return True
            time.sleep(_POLL_S)
        return False


def _own_name() -> str:
    try:
        return f"user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"user {os.geteuid()}"


def message_command(program: str) -> list[str]:
    """Return the command that shows what comes on its standard input, so that no text can be an option."""
    return [
        program,
        *("-title", "Message"),
        *("-xrm", "*international: true"),
        *("-timeout", str(MESSAGE_LASTS_S)),
        "-center",
        *("-buttons", "Close:0"),
        *("-default", "Close"),
        *("-file", "-"),
    ]


def message_environment(session: XrdpSession, home: str) -> dict[str, str]:
    """Return the environment of a window in the session; the X server's own key file is the user's."""
    words = session.words
    key = words[words.index("-auth") + 1] if "-auth" in words[:-1] else ".Xauthority"
    return {
        "DISPLAY": f":{session.display}",
        "XAUTHORITY": os.path.join(home, key),
        "HOME": home,
        "LANG": "C.UTF-8",
    }


def _show(session: XrdpSession, program: str, text: str) -> "subprocess.Popen[bytes]":
    """Start the window as the session's user: nothing of the agent's rights goes near the user's X server."""
    if os.geteuid() not in (0, session.uid):
        raise SessionProblem(f"the agent runs as {_own_name()} and may not show a message; run it as root")
    account = pwd.getpwuid(session.uid)
    rights = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if not os.geteuid() else {}
    window: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
        message_command(program),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=message_environment(session, account.pw_dir),
        cwd="/",
        start_new_session=True,
        **rights,
    )
    assert window.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        window.stdin.write(text.encode())
        window.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        window.wait(STARTED_S)
        raise SessionProblem("the message could not be shown: the session's X server let no window in")
    return window


class LinuxSessions(Sessions):
    """The sessions of xrdp and of systemd-logind together."""

    def __init__(self, xrdp: XrdpSessions | None = None, logind: LogindSessions | None = None) -> None:
        self._xrdp = xrdp or XrdpSessions()
        self._logind = logind or LogindSessions()

    def list(self) -> Sequence[HostSession]:
        found = self._xrdp.list()
        others = self._logind.list(set(self._xrdp.owners.values()))
        # A session of xrdp's is one of logind's too, led by the process that owns it.
        locks = {id: self._logind.locked.get(owner) for id, owner in self._xrdp.owners.items()}
        return [*(each.model_copy(update={"locked": locks[each.id]}) for each in found), *others]

    def message(self, id: str, text: str, user: str | None = None) -> None:
        self._need_xrdp(id, "shown a message")
        self._xrdp.message(id, text, user)

    def disconnect(self, id: str, user: str | None = None) -> None:
        self._need_xrdp(id, "disconnected")
        self._xrdp.disconnect(id, user)

    def log_off(self, id: str, user: str | None = None) -> None:
        if id.startswith("logind-"):
            self._logind.log_off(id, user)
        else:
            self._xrdp.log_off(id, user)

    def _need_xrdp(self, id: str, done: str) -> None:
        if id.startswith("logind-"):
            raise SessionProblem(f"a session that is not xrdp's cannot be {done} by the host")
