"""A cache that stays below its bound whatever is put into it."""

from hypothesis import given
from hypothesis import strategies as st

from dialback.web.feed.bounded import BoundedCache


def cache(most: int = 10) -> BoundedCache[str, bytes]:
    return BoundedCache[str, bytes](most, len)


def test_value_is_kept_until_it_is_dropped() -> None:
    kept = cache()
    kept.put("a", b"12")
    assert kept.get("a") == b"12"
    kept.drop("a")
    kept.drop("a")
    assert kept.get("a") is None
    assert kept.weight == 0


def test_what_was_used_longest_ago_goes_first() -> None:
    kept = cache()
    kept.put("a", b"12345")
    kept.put("b", b"12345")
    kept.get("a")
    kept.put("c", b"1")
    assert kept.get("b") is None
    assert kept.get("a") == b"12345"


def test_value_heavier_than_everything_is_not_kept_and_replaces_the_older_one() -> None:
    kept = cache()
    kept.put("a", b"1")
    kept.put("a", b"1" * 11)
    assert kept.get("a") is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=12))))
def test_weight_is_that_of_what_is_kept_and_below_the_bound(puts: list[tuple[str, bytes]]) -> None:
    kept = cache()
    for key, value in puts:
        kept.put(key, value)
        assert kept.weight <= 10
    assert kept.weight == sum(len(kept.get(key) or b"") for key in "abcdef")
