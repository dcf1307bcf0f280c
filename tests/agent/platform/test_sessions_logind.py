from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.agent.platform import sessions_logind
from dialback.agent.platform.sessions import SessionProblem
from dialback.agent.platform.sessions_logind import LogindSessions, parse_locks, parse_logind
from dialback.wire.agent.messages import clip
from tests.agent.platform.fake_proc import FakeProc

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = {"Id": "c2", "Name": "anna", "Leader": "20", "Type": "wayland", "Class": "user", "State": "online"}


def text(**changed: str) -> str:
    return "".join(f"{name}={value}\n" for name, value in {**GOOD, **changed}.items())


def test_desktop_of_a_person_is_a_session() -> None:
    assert parse_logind(text() + "\n" + text(Id="7", State="active")) == [
        GOOD,
        {**GOOD, "Id": "7", "State": "active"},
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"Class": "greeter"},
        {"Type": "tty"},
        {"State": "closing"},
        {"Leader": "0x"},
        {"Leader": ""},
        {"Id": "../x"},
        {"Name": ""},
        {"Name": "\u202e"},
    ],
)
def test_everything_else_is_none(changed: dict[str, str]) -> None:
    assert parse_logind(text(**changed)) == []


@pytest.mark.parametrize(
    ("changed", "locks"),
    [
        ({"LockedHint": "yes"}, {20: True}),
        ({"LockedHint": "no", "Type": "tty", "State": "closing"}, {20: False}),
        ({}, {}),
        ({"LockedHint": "perhaps"}, {}),
        ({"LockedHint": "yes", "Leader": "²"}, {}),
    ],
)
def test_lock_is_what_logind_says_of_it(changed: dict[str, str], locks: dict[int, bool]) -> None:
    assert parse_locks(text(**changed)) == locks


@given(st.text())
def test_any_text_is_parsed_without_failing(said: str) -> None:
    assert all(clip(block["Name"]) for block in parse_logind(said))
    assert set(parse_locks(said).values()) <= {True, False}


def logind(tmp_path: Path, listing: str, shown: str) -> LogindSessions:
    def run(words: Sequence[str]) -> str:
        return listing if words[0] == "list-sessions" else shown

    return LogindSessions(run, tmp_path, lambda: NOW, booted=tmp_path)


def test_sessions_are_listed_with_the_start_of_their_leader(tmp_path: Path) -> None:
    FakeProc(tmp_path).process(20, "gdm-session-wor", 1)

    (found,) = logind(tmp_path, "c2 1000 anna seat0\n", text(LockedHint="yes")).list(())

    assert (found.id, found.user, found.state) == ("logind-c2", "anna", "active")
    assert found.since < NOW
    assert found.locked


def test_sessions_of_others_and_of_the_dead_are_left_out(tmp_path: Path) -> None:
    FakeProc(tmp_path).process(20, "xrdp-sesman", 1)

    assert logind(tmp_path, "c2\n", text()).list({20}) == []
    assert logind(tmp_path, "c2\n", text(Leader="21")).list(()) == []
    assert logind(tmp_path, "", text()).list(()) == []


def test_session_that_ends_meanwhile_is_left_out_alone(tmp_path: Path) -> None:
    FakeProc(tmp_path).process(20, "gdm-session-wor", 1)

    def run(words: Sequence[str]) -> str:
        if words[0] == "list-sessions":
            return "c1 1000 ben seat0\nc2 1000 anna seat0\nc3 1001 carl seat0\n"
        if words[0] == "terminate-session" or {"c1", "c3"} & set(words):
            raise SessionProblem("loginctl said: Failed to get session: No session 'c1' known")
        return text()

    sessions = LogindSessions(run, tmp_path, lambda: NOW, booted=tmp_path)
    assert [each.id for each in sessions.list(())] == ["logind-c2"]
    with pytest.raises(SessionProblem, match="no such session"):
        sessions.log_off("logind-c1", "ben")


def test_loginctl_that_stops_answering_is_told(tmp_path: Path) -> None:
    def run(words: Sequence[str]) -> str:
        asked.append(words[0])
        if len(asked) > 1:
            raise SessionProblem("loginctl does not answer")
        return "c1\nc2\n"

    asked: list[str] = []
    with pytest.raises(SessionProblem, match="does not answer"):
        LogindSessions(run, tmp_path, booted=tmp_path).list(())
    assert asked == ["list-sessions", "show-session", "list-sessions"]


def test_host_without_systemd_is_asked_nothing(tmp_path: Path) -> None:
    def run(words: Sequence[str]) -> str:
        raise AssertionError

    assert LogindSessions(run, tmp_path, booted=tmp_path / "no").list(()) == []


def test_session_is_ended_for_its_own_user_alone(tmp_path: Path) -> None:
    ended: list[str] = []

    def run(words: Sequence[str]) -> str:
        ended.extend(words[1:] if words[0] == "terminate-session" else ())
        return text()

    sessions = LogindSessions(run, tmp_path, booted=tmp_path)
    with pytest.raises(SessionProblem, match="no such session"):
        sessions.log_off("logind-c2", "ben")
    assert ended == []
    sessions.log_off("logind-c2", "anna")
    assert ended == ["c2"]


def test_loginctl_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "loginctl"
    tool.write_text('#!/bin/sh\ntest "$1" = list-sessions && exit 0\necho "Access denied" >&2; exit 1\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    sessions = LogindSessions(booted=tmp_path)
    assert sessions.list(()) == []
    with pytest.raises(SessionProblem, match="loginctl said: Access denied"):
        sessions.log_off("logind-4")
    monkeypatch.setenv("PATH", str(tmp_path / "no"))
    with pytest.raises(SessionProblem, match="loginctl does not answer"):
        sessions.log_off("logind-4")


def test_loginctl_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "loginctl"
    tool.write_text("#!/bin/sh\nexec sleep 30\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(sessions_logind, "COMMAND_S", 0.1)
    with pytest.raises(SessionProblem, match="does not answer"):
        LogindSessions(booted=tmp_path).log_off("logind-4")
