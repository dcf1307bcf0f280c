"""The graphical sessions of systemd-logind on a Linux host.

They count while they are not xrdp's, which `sessions_linux` sees better. logind keeps no word about clients,
so they are active; it can end them and nothing else. Whether a screen is locked it knows of xrdp's too, as
far as the desktop tells it: one that does not is never said to be locked.

Source: loginctl(1), show-session and terminate-session; sd_session_get_type(3); org.freedesktop.login1(5),
LockedHint.
"""

import os
import re
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dialback.agent.platform import processes
from dialback.agent.platform.processes import PROC
from dialback.agent.platform.sessions import NO_SUCH_SESSION, SessionProblem
from dialback.wire.agent.messages import HostSession, clip

COMMAND_S = 5.0
PROPERTIES = ("Id", "Name", "Leader", "Type", "Class", "State", "LockedHint")
LOCKED = {"yes": True, "no": False}
_LEADER = re.compile(r"[0-9]{1,10}")


class LogindSessions:
    """The graphical sessions of logind, whose ids are `logind-` and logind's own."""

    def __init__(
        self,
        run: Callable[[Sequence[str]], str] | None = None,
        proc: Path = PROC,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        booted: Path = Path("/run/systemd/system"),
    ) -> None:
        self._run = run or _run
        self._proc = proc
        self._now = now
        self._booted = booted
        self.locked: dict[int, bool] = {}
        """Whether the screen is locked of each session that was listed last, or left out, by its leader."""

    def list(self, others: Collection[int]) -> Sequence[HostSession]:
        """Return the sessions, none if the host runs without systemd; `others` lead sessions to leave out."""
        self.locked = {}
        if not self._booted.is_dir():
            return []
        known = self._known()
        if not known:
            return []
        shown = self._show(known)
        running, booted_at = processes.processes(self._proc), processes.booted_at(self._proc)
        found = []
        self.locked = parse_locks(shown)
        for session in parse_logind(shown):
            leader = int(session["Leader"])
            if leader in others or leader not in running:
                continue
            started_s = booted_at + running[leader].started_ticks / os.sysconf("SC_CLK_TCK")
            since = min(self._now(), datetime.fromtimestamp(int(started_s), UTC))
            id = f"logind-{session['Id']}"
            found.append(
                HostSession(
                    id=id,
                    user=user_of(session),
                    state="active",
                    since=since,
                    locked=self.locked.get(leader),
                )
            )
        return found

    def _known(self) -> Sequence[str]:
        return [line.split()[0] for line in self._run(["list-sessions", "--no-legend"]).splitlines() if line]

    def _show(self, ids: Sequence[str]) -> str:
        """Return what logind shows of the sessions, and nothing of those that have ended meanwhile."""
        try:
            return self._run(["show-session", *ids, *(f"--property={name}" for name in PROPERTIES)])
        except SessionProblem:
            # One that has ended fails the call for all. If it was loginctl itself, this fails too.
            self._known()
        return "\n".join(self._show([id]) for id in ids) if len(ids) > 1 else ""

    def log_off(self, id: str, user: str | None = None) -> None:
        """Let logind end the session."""
        own = id.removeprefix("logind-")
        if user is not None and user not in [user_of(block) for block in parse_logind(self._show([own]))]:
            raise SessionProblem(NO_SUCH_SESSION)
        self._run(["terminate-session", own])


def parse_locks(text: str) -> dict[int, bool]:
    """Parse what `loginctl show-session` says; return whether each session is locked, by its leader."""
    return {
        int(block["Leader"]): LOCKED[block["LockedHint"]]
        for block in _blocks(text)
        if _LEADER.fullmatch(block.get("Leader", "")) and block.get("LockedHint") in LOCKED
    }


def parse_logind(text: str) -> list[dict[str, str]]:
    """Parse what `loginctl show-session` says; return those of people who sit before a desktop."""
    return [
        block
        for block in _blocks(text)
        if re.fullmatch(r"[A-Za-z0-9]{1,40}", block.get("Id", ""))
        and _LEADER.fullmatch(block.get("Leader", ""))
        and block.get("Class") == "user"
        and block.get("Type") in ("x11", "wayland", "mir")
        and block.get("State") in ("active", "online")
        and clip(block.get("Name", ""))
    ]


def user_of(block: Mapping[str, str]) -> str:
    """Return whose session a block of `parse_logind` tells of, as the wire carries it."""
    return clip(block["Name"], 104)


def _blocks(text: str) -> list[dict[str, str]]:
    return [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")
    ]


def _run(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            ["loginctl", *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SessionProblem(f"loginctl does not answer: {error}") from error
    if done.returncode:
        raise SessionProblem(f"loginctl said: {clip(done.stderr)}")
    return done.stdout
