"""The back-off: nothing at first, then a minute, then twice as long each time, and never beyond an hour."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.lockout import locked_for

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
failures = st.integers(0, 10**9)
allowed = st.integers(1, 100)
shortest = st.timedeltas(timedelta(seconds=1), timedelta(days=1))
longest = st.timedeltas(timedelta(seconds=1), timedelta(days=1))


def test_fifth_failure_locks_for_a_minute_and_each_further_one_twice_as_long() -> None:
    pauses = [locked_for(each, 5, MINUTE, HOUR) / MINUTE for each in range(14)]
    assert pauses == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(failures, allowed, shortest, longest)
def test_lock_is_bounded_and_begins_at_the_failure_that_is_one_too_many(
    failures: int, allowed: int, shortest: timedelta, longest: timedelta
) -> None:
    pause = locked_for(failures, allowed, shortest, longest)
    assert timedelta(0) <= pause <= longest
    assert bool(pause) == (failures >= allowed)


@given(failures, allowed, shortest, longest)
def test_lock_never_shrinks_and_at_most_doubles(
    failures: int, allowed: int, shortest: timedelta, longest: timedelta
) -> None:
    pause = locked_for(failures, allowed, shortest, longest)
    after = locked_for(failures + 1, allowed, shortest, longest)
    assert pause <= after
    assert not pause or after <= 2 * pause
