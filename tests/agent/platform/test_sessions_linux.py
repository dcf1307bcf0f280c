import contextlib
import os
import signal
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.agent.platform import sessions_linux
from dialback.agent.platform.processes import Process
from dialback.agent.platform.sessions import SessionProblem
from dialback.agent.platform.sessions_linux import (
    LinuxSessions,
    XrdpSession,
    XrdpSessions,
    message_command,
    message_environment,
)
from dialback.agent.platform.sessions_logind import LogindSessions
from tests.agent.platform.fake_proc import BOOTED_AT, FakeProc, held, listening

TICKS = os.sysconf("SC_CLK_TCK")
STARTED = datetime.fromtimestamp(BOOTED_AT + 100 // TICKS, UTC)
DISPLAY = "/run/xrdp/sockdir/xrdp_display_10"
USERS = {1000: "anna", 1001: "CORP\\ben", 1002: "\x1b[31m\u202e", 0: "root"}


class Host:
    """xrdp's sessions over a fake /proc; `sent` are the signals, which end what they hit when `obeyed`."""

    def __init__(self, folder: Path) -> None:
        self.proc = FakeProc(folder)
        self.proc.process(10, "xrdp-sesman", 1)
        self.now = STARTED + timedelta(hours=1)
        self.sent: list[tuple[int, int]] = []
        self.obeyed: dict[int, list[int]] = {}
        self.xrdp = XrdpSessions(folder, lambda: self.now, self._send, USERS.__getitem__)

    def _send(self, pid: int, number: int) -> None:
        self.sent.append((pid, number))
        for ended in self.obeyed.get(pid, []):
            self.proc.end(ended)

    def listed(self) -> list[tuple[str, str, str]]:
        return [(each.id, each.user, each.state) for each in self.xrdp.list()]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_host_without_sessions_lists_none(host: Host) -> None:
    assert host.listed() == []


def test_sessions_are_listed_by_display_with_their_users(host: Host) -> None:
    host.proc.xrdp_session(12, 1001, first_pid=200)
    host.proc.xrdp_session(10, 1000)
    host.proc.sockets(unix=listening(DISPLAY) + held(DISPLAY))

    assert host.listed() == [("xrdp-10", "anna", "active"), ("xrdp-12", "CORP\\ben", "disconnected")]
    assert host.xrdp.owners == {"xrdp-10": 100, "xrdp-12": 200}


def test_state_follows_the_connection_to_the_display(host: Host) -> None:
    host.proc.xrdp_session(10, 1000)
    host.proc.sockets(unix=held(DISPLAY))
    (first,) = host.xrdp.list()
    host.proc.sockets(unix=listening(DISPLAY))
    host.now += timedelta(minutes=5)
    (second,) = host.xrdp.list()
    host.now += timedelta(minutes=5)

    assert (first.state, first.since) == ("active", STARTED)
    assert (second.state, second.since) == ("disconnected", STARTED + timedelta(minutes=65))
    assert host.xrdp.list() == [second]


@pytest.mark.parametrize(
    "line",
    [
        held("/run/xrdp/sockdir/xrdp_display_1"),
        held("/run/xrdp/sockdir/xrdp_display_101"),
        held("/tmp/xrdp/xrdp_display_10"),
        listening(DISPLAY),
    ],
)
def test_other_sockets_make_no_session_active(host: Host, line: str) -> None:
    host.proc.xrdp_session(10, 1000)
    host.proc.sockets(unix=line)

    assert host.listed() == [("xrdp-10", "anna", "disconnected")]


def test_session_of_xvnc_is_active_while_its_port_is_connected(host: Host) -> None:
    host.proc.xrdp_session(10, 1000, server="Xvnc")
    assert host.listed() == [("xrdp-10", "anna", "disconnected")]

    port = f"{5910:04X}"
    host.proc.sockets(tcp6=f" 0: 00000000000000000000000001000000:{port} 0:0 01 0\n")
    assert host.listed() == [("xrdp-10", "anna", "active")]


def test_newer_xrdp_has_a_session_program_of_its_own(host: Host) -> None:
    host.proc.process(100, "xrdp-sesexec", 10)
    host.proc.process(101, "Xorg", 100, uid=1000, words="Xorg :10")

    assert host.listed() == [("xrdp-10", "anna", "disconnected")]


def test_what_only_looks_like_a_session_is_none(host: Host) -> None:
    host.proc.process(100, "xrdp-sesman", 10, uid=1000)  # a user's program may call itself so
    host.proc.process(101, "Xorg", 100, uid=1000, words="Xorg :10")
    host.proc.process(110, "bash", 1, uid=1000)
    host.proc.process(111, "Xorg", 110, uid=1000, words="Xorg :11")
    host.proc.process(120, "xrdp-sesman", 10)
    host.proc.process(121, "Xorg", 120, uid=1000, words="Xorg")
    host.proc.process(131, "Xorg", 130, uid=1000, words="Xorg :13")
    host.proc.xrdp_session(14, 4242, first_pid=140)  # nobody has this id
    host.proc.xrdp_session(15, 1000, first_pid=150)

    assert host.listed() == [("xrdp-15", "anna", "disconnected")]


def test_name_that_nobody_could_read_is_made_fit(host: Host) -> None:
    host.proc.xrdp_session(10, 1002)

    assert host.listed() == [("xrdp-10", "[31m", "disconnected")]


def test_ended_session_is_gone_from_the_next_list(host: Host) -> None:
    host.proc.xrdp_session(10, 1000)
    assert len(host.listed()) == 1
    for pid in (101, 102, 103, 100):
        host.proc.end(pid)

    assert host.listed() == []


# Acting.


@pytest.mark.parametrize("id", ["xrdp-11", "xrdp-", "10", "logind-3"])
def test_unknown_session_is_named(host: Host, id: str) -> None:
    host.proc.xrdp_session(10, 1000)
    for act in (host.xrdp.disconnect, host.xrdp.log_off, lambda id: host.xrdp.message(id, "x")):
        with pytest.raises(SessionProblem, match="no such session"):
            act(id)
    assert host.sent == []


def test_display_that_is_another_users_by_now_is_no_session(host: Host) -> None:
    host.proc.xrdp_session(10, 1001)
    both = LinuxSessions(host.xrdp, FakeLogind(host.proc, ""))
    for act in (both.disconnect, both.log_off, lambda id, user: both.message(id, "x", user)):
        with pytest.raises(SessionProblem, match="no such session"):
            act("xrdp-10", "anna")
    assert host.sent == []

    host.obeyed[101] = [102]
    both.log_off("xrdp-10", "CORP\\ben")
    assert host.sent == [(101, signal.SIGTERM)]


def test_log_off_ends_the_window_manager_first(host: Host) -> None:
    host.proc.xrdp_session(10, 1000)
    host.obeyed[101] = [101, 102, 103, 100]

    host.xrdp.log_off("xrdp-10")

    assert host.sent == [(101, signal.SIGTERM)]


def test_log_off_ends_the_x_server_when_the_window_manager_does_not_obey(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_linux, "END_S", 0.02)
    host.proc.xrdp_session(10, 1000)
    host.obeyed[102] = [102]

    host.xrdp.log_off("xrdp-10")

    assert host.sent == [(101, signal.SIGTERM), (102, signal.SIGTERM)]


def test_session_that_does_not_end_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_linux, "END_S", 0.02)
    host.proc.xrdp_session(10, 1000)

    with pytest.raises(SessionProblem, match="has not ended"):
        host.xrdp.log_off("xrdp-10")


def test_agent_without_the_right_to_end_a_session_says_so(tmp_path: Path) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    FakeProc(tmp_path).xrdp_session(10, 1000)
    with pytest.raises(SessionProblem, match=r"agent runs as user .* and may not end .* run it as root"):
        XrdpSessions(tmp_path, send=refuse, user_of=USERS.__getitem__).log_off("xrdp-10")


def test_disconnect_tells_the_x_server(
    host: Host, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("s")
    path = f"{folder}/xrdp_disconnect_display_10"
    monkeypatch.setattr(sessions_linux, "SOCKET_FOLDERS", (f"{folder}/",))
    host.proc.xrdp_session(10, 1000)
    host.proc.sockets(unix=listening("/tmp/xrdp_disconnect_display_10") + listening(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(5)
        host.xrdp.disconnect("xrdp-10")
        assert server.recv(16) == b"sig\0"

    with pytest.raises(SessionProblem, match="did not take it: Connection refused"):
        host.xrdp.disconnect("xrdp-10")


def test_x_server_that_reads_nothing_holds_up_nobody(
    host: Host, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("s")
    path = f"{folder}/xrdp_disconnect_display_10"
    monkeypatch.setattr(sessions_linux, "SOCKET_FOLDERS", (f"{folder}/",))
    host.proc.xrdp_session(10, 1000)
    host.proc.sockets(unix=listening(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        fill(path)
        with pytest.raises(SessionProblem, match="the session did not take it"):
            host.xrdp.disconnect("xrdp-10")


def fill(path: str) -> None:
    """Fill the queue of a socket that nobody reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writer, contextlib.suppress(BlockingIOError):
        writer.setblocking(False)
        while True:
            writer.sendto(b"x", path)


def test_session_that_cannot_be_disconnected_says_so(host: Host) -> None:
    host.proc.xrdp_session(10, 1000, server="Xvnc")

    with pytest.raises(SessionProblem, match="cannot disconnect a session of Xvnc"):
        host.xrdp.disconnect("xrdp-10")


def test_agent_that_may_not_disconnect_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forbidden:
        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> "Forbidden":
            return self

        def __exit__(self, *_: object) -> None: ...
        def setblocking(self, blocks: bool) -> None: ...
        def sendto(self, data: bytes, path: str) -> None:
            raise PermissionError(13, "Permission denied")

    host.proc.xrdp_session(10, 1000)
    host.proc.sockets(unix=listening("/run/xrdp/sockdir/xrdp_disconnect_display_10"))
    monkeypatch.setattr(sessions_linux.socket, "socket", Forbidden)
    with pytest.raises(SessionProblem, match="put it into the group xrdp"):
        host.xrdp.disconnect("xrdp-10")


# Messages.

SESSION = XrdpSession(10, Process(102, "Xorg", 100, 100), 100, 1000, "anna", ("Xorg", ":10", "-auth", ".Xa"))


def test_text_of_a_message_is_no_part_of_the_command() -> None:
    assert message_command("/bin/xmessage")[-2:] == ["-file", "-"]


def test_message_goes_to_the_display_of_the_session_with_the_key_of_its_user() -> None:
    environment = message_environment(SESSION, "/home/anna")
    assert (environment["DISPLAY"], environment["XAUTHORITY"]) == (":10", "/home/anna/.Xa")
    bare = XrdpSession(10, SESSION.server, 100, 1000, "anna", ("Xorg", "-auth"))
    assert message_environment(bare, "/home/anna")["XAUTHORITY"] == "/home/anna/.Xauthority"


def test_host_without_a_program_for_messages_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_linux.shutil, "which", lambda name: None)
    host.proc.xrdp_session(10, 1000)
    with pytest.raises(SessionProblem, match="install the package x11-utils"):
        host.xrdp.message("xrdp-10", "hello")


def test_agent_that_is_neither_root_nor_the_user_shows_no_message(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_linux.shutil, "which", lambda name: "/bin/true")
    monkeypatch.setattr(sessions_linux.os, "geteuid", lambda: 4711)
    host.proc.xrdp_session(10, 1000)
    with pytest.raises(SessionProblem, match="user 4711 and may not show a message"):
        host.xrdp.message("xrdp-10", "hello")


def program(folder: Path, body: str) -> list[str]:
    path = folder / "window"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return [str(path)]


@pytest.fixture
def own_session(host: Host) -> Host:
    """A host with a session of whoever runs the tests."""
    USERS.setdefault(os.getuid(), "tester")
    host.proc.xrdp_session(10, os.getuid())
    return host


def test_window_gets_the_text_and_stays(
    own_session: Host, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("m")
    command = program(folder, f"cat > {folder}/shown; echo $DISPLAY > {folder}/where; exec sleep 30")
    monkeypatch.setattr(sessions_linux, "message_command", lambda _: command)
    monkeypatch.setattr(sessions_linux.shutil, "which", lambda name: "xmessage")
    windows: list[subprocess.Popen[bytes]] = own_session.xrdp._messages
    try:
        own_session.xrdp.message("xrdp-10", "-geometry 1x1 \u20ac")
        assert (folder / "shown").read_text() == "-geometry 1x1 \u20ac"
        assert (folder / "where").read_text() == ":10\n"
        monkeypatch.setattr(sessions_linux, "MOST_MESSAGES", 1)
        with pytest.raises(SessionProblem, match="1 messages are open"):
            own_session.xrdp.message("xrdp-10", "again")
    finally:
        for window in windows:
            window.kill()
            window.wait()
    own_session.xrdp.list()
    assert own_session.xrdp._messages == []


def test_window_that_ends_at_once_was_not_shown(
    own_session: Host, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = program(tmp_path_factory.mktemp("m"), "exit 1")
    monkeypatch.setattr(sessions_linux, "message_command", lambda _: command)
    monkeypatch.setattr(sessions_linux.shutil, "which", lambda name: "xmessage")
    with pytest.raises(SessionProblem, match="let no window in"):
        own_session.xrdp.message("xrdp-10", "hello")


# xrdp and logind together.


class FakeLogind(LogindSessions):
    def __init__(self, proc: FakeProc, said: str) -> None:
        self.asked: list[list[str]] = []
        self._said = said
        super().__init__(self._answer, proc.folder, lambda: STARTED, booted=proc.folder)

    def _answer(self, words: "list[str]") -> str:  # type: ignore[override]
        self.asked.append(list(words))
        return "3 x\n4 y\n" if words[0] == "list-sessions" else self._said


def shown(id: str, leader: int, kind: str = "wayland") -> str:
    return f"Id={id}\nName=carl\nLeader={leader}\nType={kind}\nClass=user\nState=active\n"


def test_both_are_listed_and_sessions_of_xrdp_once(host: Host) -> None:
    host.proc.xrdp_session(10, 1000)
    host.proc.process(300, "gdm-session-wor", 1)
    logind = FakeLogind(host.proc, shown("3", 100, "x11") + "\n" + shown("4", 300))
    both = LinuxSessions(host.xrdp, logind)

    assert [(each.id, each.user) for each in both.list()] == [("xrdp-10", "anna"), ("logind-4", "carl")]


def test_lock_of_an_xrdp_session_is_told_by_logind_whatever_kind_it_takes_it_for(host: Host) -> None:
    host.proc.xrdp_session(10, 1000)
    host.proc.xrdp_session(12, 1001, first_pid=200)
    logind = FakeLogind(host.proc, shown("3", 100, "tty") + "LockedHint=yes\n")
    both = LinuxSessions(host.xrdp, logind)

    assert [(each.id, each.locked) for each in both.list()] == [("xrdp-10", True), ("xrdp-12", None)]


def test_session_of_logind_can_be_ended_and_nothing_else(host: Host) -> None:
    logind = FakeLogind(host.proc, "")
    both = LinuxSessions(host.xrdp, logind)
    both.log_off("logind-4")
    assert logind.asked == [["terminate-session", "4"]]
    with pytest.raises(SessionProblem, match="cannot be shown a message"):
        both.message("logind-4", "hello")
    with pytest.raises(SessionProblem, match="cannot be disconnected"):
        both.disconnect("logind-4")


def test_orders_for_xrdp_go_to_xrdp(host: Host) -> None:
    host.proc.xrdp_session(10, 1000)
    host.obeyed[101] = [102]
    both = LinuxSessions(host.xrdp, FakeLogind(host.proc, ""))
    both.log_off("xrdp-10")
    assert host.sent == [(101, signal.SIGTERM)]
    for act in (both.disconnect, lambda id: both.message(id, "x")):
        with pytest.raises(SessionProblem, match="no such session"):
            act("xrdp-99")
