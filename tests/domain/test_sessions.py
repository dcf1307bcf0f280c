"""The record of a connection: its defaults, and the order of its stages; and whose a session is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.domain.ids import ConnectionId, HostId, SessionId, UserName
from dialback.domain.records import users_of
from dialback.domain.sessions import (
    EVERY_SESSION,
    ConnectionRecord,
    Session,
    SessionFilter,
    SessionState,
    Stage,
    Totals,
    account_of,
    is_session_of,
    state_text,
)
from dialback.domain.tenancy import MAIN


def record(name: str) -> ConnectionRecord:
    """Return a record of which only what is required is known."""
    return ConnectionRecord(ConnectionId(name), datetime(2026, 3, 1, tzinfo=UTC), "websocket", "192.0.2.7")


def test_new_record_is_open_and_has_moved_nothing() -> None:
    opened = record("c1")
    assert (opened.ended_at, opened.reason, opened.totals) == (None, None, Totals(0, 0))


def test_records_do_not_share_their_timeline() -> None:
    assert record("c1").timeline is not record("c2").timeline


def test_stages_are_listed_in_the_order_in_which_they_happen() -> None:
    assert [stage.value for stage in Stage] == [
        "tls",
        "head",
        "handshake",
        "admit",
        "approve",
        "place",
        "wake",
        "consent",
        "dial",
        "reverse",
        "first-byte",
        "end",
    ]


SESSION = Session(
    MAIN,
    HostId("h1"),
    SessionId("7"),
    UserName("anna"),
    SessionState.ACTIVE,
    datetime(2026, 3, 1, tzinfo=UTC),
)

SAME = [
    ("anna", "anna"),
    ("ANNA", "anna"),
    ("CORP\\anna", "anna"),
    ("anna", "anna@corp.example"),
    ("CORP\\anna", "anna@corp.example"),
    ("anna@corp.example", "CORP\\Anna"),
    ("Änne", "a\u0308nne@corp.example"),
]
OTHERS = [
    ("anna", "ben"),
    ("CORP\\anna", "OTHER\\anna"),
    ("anna@corp.example", "anna@other.example"),
    ("anna@corp.example", "anna@corp.test"),
    ("corp", "CORP\\anna"),
    ("anna", "anna2@corp.example"),
]


@pytest.mark.parametrize(("reported", "user"), SAME)
def test_session_is_known_under_another_form_of_the_name(reported: str, user: str) -> None:
    session = replace(SESSION, user=UserName(reported))
    assert is_session_of(session, UserName(user))
    assert account_of(session.user) == account_of(UserName(user))


@pytest.mark.parametrize(("reported", "user"), OTHERS)
def test_session_of_another_person_is_not_the_user_s(reported: str, user: str) -> None:
    assert not is_session_of(replace(SESSION, user=UserName(reported)), UserName(user))


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (EVERY_SESSION, True),
        (SessionFilter(SESSION.host, prefix="CORP\\AN"), True),
        (SessionFilter(HostId("h2")), False),
        (SessionFilter(prefix="nna"), False),
        (SessionFilter(users=users_of(UserName("anna@corp.example"), UserName("anna"))), True),
        (SessionFilter(users=users_of(UserName("anna"), UserName("OTHER\\anna"))), False),
        (SessionFilter(SESSION.host, users_of(UserName("ben"))), False),
    ],
)
def test_session_is_wanted_if_it_is_all_that_is_asked_for(wanted: SessionFilter, is_wanted: bool) -> None:
    assert wanted.wants(replace(SESSION, user=UserName("CORP\\anna"))) is is_wanted


@pytest.mark.parametrize("text", ["", "a b", "../1"])
def test_session_has_an_id(text: str) -> None:
    with pytest.raises(ValueError, match="as session id"):
        replace(SESSION, id=SessionId(text))


@pytest.mark.parametrize("text", ["", "anna\n", "anna\u202e", "a" * 105])
def test_session_has_a_user(text: str) -> None:
    with pytest.raises(ValueError, match="user name"):
        replace(SESSION, user=UserName(text))


def test_locked_is_said_where_it_is_known() -> None:
    assert state_text("active", True) == "active, locked"
    assert {state_text("active", None), state_text("active", False)} == {"active"}
