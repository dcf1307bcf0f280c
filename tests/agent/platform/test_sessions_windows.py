"""What the Windows API's answers mean; the API itself is not here."""

import ctypes
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.agent.platform.sessions import SessionProblem, StateChanges
from dialback.agent.platform.sessions_windows import (
    Found,
    SessionFlags,
    SessionInfo,
    SessionTimes,
    WindowsSessions,
    Wts,
    found_of,
    instant_of,
    session_of,
    text_at,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def filetime(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 10


def utf16(text: str) -> "ctypes.Array[ctypes.c_uint16]":
    raw = text.encode("utf-16-le") + b"\0\0"
    return (ctypes.c_uint16 * (len(raw) // 2)).from_buffer_copy(raw)


def test_structures_have_the_sizes_of_64_bit_windows() -> None:
    if ctypes.sizeof(ctypes.c_void_p) == 8:
        assert ctypes.sizeof(SessionInfo) == 56
        assert SessionInfo.pUserName.offset == 32
        assert ctypes.sizeof(SessionTimes) == 216
        assert SessionTimes.ConnectTime.offset == 176
        assert SessionFlags.SessionFlags.offset == 16


def test_structures_are_decoded() -> None:
    user, domain = utf16("anna \U0001f600"), utf16("CORP")
    info = SessionInfo(
        SessionId=3, State=4, pUserName=ctypes.addressof(user), pDomainName=ctypes.addressof(domain)
    )
    times = SessionTimes(ConnectTime=1, DisconnectTime=2, LogonTime=3)

    assert found_of(info, None) == Found(3, 4, "anna \U0001f600", "CORP")
    assert found_of(info, times) == Found(3, 4, "anna \U0001f600", "CORP", 1, 2, 3)
    assert text_at(0) == text_at(None) == ""


@pytest.mark.parametrize(
    ("level", "flags", "locked"), [(1, 0, True), (1, 1, False), (1, -1, None), (1, 7, None), (2, 0, None)]
)
def test_lock_is_what_the_flags_say_and_unknown_else(level: int, flags: int, locked: bool | None) -> None:
    user = utf16("anna")
    info = SessionInfo(SessionId=3, State=0, pUserName=ctypes.addressof(user))
    found = found_of(info, None, SessionFlags(Level=level, SessionFlags=flags))
    session = session_of(found, StateChanges(), NOW)
    assert session is not None
    assert session.locked is locked


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=200))
def test_text_is_read_up_to_its_end(text: str) -> None:
    buffer = utf16(text + "\0behind")
    assert text_at(ctypes.addressof(buffer)) == text


def test_filetime_is_an_instant() -> None:
    assert instant_of(filetime(NOW)) == NOW
    assert instant_of(116444736000000000) == datetime(1970, 1, 1, tzinfo=UTC)
    assert instant_of(0) is instant_of(-1) is instant_of(2**63 - 1) is None


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        (0, "active"),
        (1, "active"),
        (3, "active"),
        (4, "disconnected"),
        (2, None),
        (5, None),
        (6, None),
        (99, None),
    ],
)
def test_states_are_mapped(state: int, meant: str | None) -> None:
    session = session_of(Found(3, state, "anna", ""), StateChanges(), NOW)
    assert (session.state if session else None) == meant


def test_session_without_a_user_is_none() -> None:
    assert session_of(Found(0, 4, "", ""), StateChanges(), NOW) is None


def test_session_carries_domain_and_the_time_of_its_state() -> None:
    connected, left = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    times = (filetime(connected), filetime(left), filetime(NOW - timedelta(hours=3)))
    active = session_of(Found(3, 0, "anna", "CORP", *times), StateChanges(), NOW)
    gone = session_of(Found(3, 4, "anna", "CORP", *times), StateChanges(), NOW)
    assert active is not None
    assert gone is not None
    assert (active.id, active.user, active.since) == ("3", "CORP\\anna", connected)
    assert gone.since == left


def test_state_whose_time_windows_does_not_tell_counts_from_when_it_was_seen() -> None:
    changes = StateChanges()
    session_of(Found(3, 0, "anna", ""), changes, NOW)
    later = session_of(Found(3, 4, "anna", ""), changes, NOW + timedelta(minutes=1))
    assert later is not None
    assert later.since == NOW + timedelta(minutes=1)


@given(st.integers(), st.text(), st.text(), st.integers(), st.integers(), st.integers())
def test_whatever_windows_says_fits_the_wire_or_is_left_out(
    state: int, user: str, domain: str, connected: int, left: int, logged_on: int
) -> None:
    found = Found(7, state % 12, user, domain, connected, left, logged_on)
    session = session_of(found, StateChanges(), NOW)
    assert session is None or session.since <= NOW


class FakeWts(Wts):
    def __init__(self, *found: Found, error: int = 0) -> None:
        self.found = found
        self.error = error
        self.done: list[tuple[object, ...]] = []

    def sessions(self) -> Sequence[Found]:
        self._do()
        return self.found

    def send_message(self, id: int, title: str, text: str, timeout_s: int) -> None:
        self._do("message", id, text)

    def disconnect(self, id: int) -> None:
        self._do("disconnect", id)

    def log_off(self, id: int) -> None:
        self._do("log-off", id)

    def _do(self, *what: object) -> None:
        if self.error:
            raise OSError(self.error, "refused")
        self.done.append(what)


def test_sessions_of_people_are_listed() -> None:
    wts = FakeWts(Found(0, 4, "", ""), Found(2, 0, "anna", ""), Found(65536, 6, "", ""))
    assert [(each.id, each.user) for each in WindowsSessions(wts, lambda: NOW).list()] == [("2", "anna")]


def test_orders_reach_the_session() -> None:
    wts = FakeWts()
    sessions = WindowsSessions(wts)
    sessions.message("2", "hello")
    sessions.disconnect("2")
    sessions.log_off("2")
    assert wts.done == [("message", 2, "hello"), ("disconnect", 2), ("log-off", 2)]


def test_number_that_is_another_users_by_now_is_no_session() -> None:
    wts = FakeWts(Found(2, 0, "ben", "CORP"), Found(3, 0, "anna", "CORP"))
    sessions = WindowsSessions(wts)
    for act in (sessions.disconnect, sessions.log_off, lambda id, user: sessions.message(id, "x", user)):
        with pytest.raises(SessionProblem, match="no such session"):
            act("2", "CORP\\anna")
    sessions.log_off("2", "CORP\\ben")
    assert [done for done in wts.done if done] == [("log-off", 2)]


@pytest.mark.parametrize(
    ("error", "said"), [(5, "run it as LocalSystem"), (7022, "no such session"), (1, "error 1")]
)
def test_refusal_of_windows_is_told_in_words(error: int, said: str) -> None:
    with pytest.raises(SessionProblem, match=said):
        WindowsSessions(FakeWts(error=error)).log_off("2")


def test_list_that_windows_refuses_is_told() -> None:
    with pytest.raises(SessionProblem, match="error 5"):
        WindowsSessions(FakeWts(error=5)).list()


@pytest.mark.parametrize("id", ["", "x", "-1", "xrdp-1", "99999999999"])
def test_id_that_windows_never_gave_is_no_session(id: str) -> None:
    with pytest.raises(SessionProblem, match="no such session"):
        WindowsSessions(FakeWts()).disconnect(id)
