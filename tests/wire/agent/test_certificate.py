from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.agent.certificate import build_instant, parse_instant, signed_certificate
from dialback.wire.errors import WireError

AT = datetime(2026, 5, 4, 8, 0, 7, tzinfo=UTC)


def test_what_is_signed_names_purpose_host_target_certificate_and_instant():
    signed = signed_certificate("h1", "127.0.0.1:3389", "ab" * 32, "2026-05-04T08:00:07Z")
    assert signed.split(b"\0") == [
        b"dialback rdp certificate 1",
        b"h1",
        b"127.0.0.1:3389",
        b"ab" * 32,
        b"2026-05-04T08:00:07Z",
    ]


def test_instant_has_one_spelling_wherever_the_clock_is():
    east = AT.astimezone(timezone(timedelta(hours=5)))
    assert build_instant(AT) == build_instant(east) == "2026-05-04T08:00:07Z"
    assert parse_instant("2026-05-04T08:00:07Z") == AT


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_instants_are_read_as_they_are_written(at: datetime):
    assert parse_instant(build_instant(at)) == at.replace(microsecond=0)


@given(st.text(max_size=40))
@pytest.mark.parametrize("around", ["{}", "2026-05-04T08:00:07{}", "{}-05-04T08:00:07Z"])
def test_other_spellings_are_refused(around: str, text: str):
    try:
        at = parse_instant(around.format(text))
    except WireError:
        return
    assert build_instant(at) == around.format(text)


@pytest.mark.parametrize(
    "text",
    ["", "2026-05-04T08:00:07+00:00", "2026-5-4T8:0:7Z", "2026-13-04T08:00:07Z", "2026-05-04T08:00:07Z "],
)
def test_spelling_that_differs_is_an_error(text: str):
    with pytest.raises(WireError, match="instant"):
        parse_instant(text)
