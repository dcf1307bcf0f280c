from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from dialback.domain.directory import CursorInvalid, cursor_of
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, UserName
from dialback.domain.records import EVERY_RECORD, RecordFilter, cursor_after, place_of, users_of
from dialback.domain.sessions import ConnectionRecord

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
RECORD = ConnectionRecord(
    ConnectionId("c1"),
    NOW,
    "websocket",
    "192.0.2.7",
    user=UserName("anna"),
    resource=ResourceName("office"),
    host_id=HostId("h1"),
)


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (EVERY_RECORD, True),
        (RecordFilter(users_of(UserName("anna"))), True),
        (RecordFilter(users_of(UserName("ben"))), False),
        (RecordFilter(users_of(None)), True),
        (RecordFilter(resource=ResourceName("office"), host=HostId("h1"), is_open=True), True),
        (RecordFilter(resource=ResourceName("office"), host=HostId("h2")), False),
        (RecordFilter(reason=Reason.CLIENT_ENDED), False),
    ],
)
def test_record_is_wanted_if_it_is_all_that_is_asked_for(wanted: RecordFilter, is_wanted: bool) -> None:
    assert wanted.wants(RECORD) is is_wanted


def test_record_that_has_ended_is_not_open() -> None:
    ended = replace(RECORD, ended_at=NOW, reason=Reason.CLIENT_ENDED)
    assert not RecordFilter(is_open=True).wants(ended)
    assert RecordFilter(reason=Reason.CLIENT_ENDED).wants(ended)


def test_cursor_names_instant_and_id_whatever_the_zone() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=14)))
    assert place_of(cursor_after(east, "c\n1")) == (NOW, "c\n1")


@pytest.mark.parametrize("key", ["", "c1", "yesterday\nc1", "0001-01-01T00:00+14:00\nc1"])
def test_cursor_without_an_instant_is_refused(key: str) -> None:
    with pytest.raises(CursorInvalid):
        place_of(cursor_of(key))
