"""Addresses that do something too often wait; what is remembered of them is bounded."""

from datetime import UTC, datetime, timedelta

import pytest

from dialback.identity import limits
from dialback.identity.limits import MAX_ADDRESSES, WINDOW, Addresses, network_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = "192.0.2.1"


def test_address_waits_once_it_was_counted_as_often_as_is_allowed() -> None:
    addresses = Addresses(allowed=3)
    for _ in range(3):
        assert addresses.blocked_until(HERE, NOW) is None
        addresses.count(HERE, NOW)
    assert addresses.blocked_until(HERE, NOW) == NOW + WINDOW / 3
    assert addresses.blocked_until("192.0.2.2", NOW) is None


def test_address_may_try_again_one_by_one_and_all_after_the_window() -> None:
    addresses = Addresses(allowed=3)
    for _ in range(3):
        addresses.count(HERE, NOW)
    later = NOW + WINDOW / 3
    assert addresses.blocked_until(HERE, later) is None
    addresses.count(HERE, later)
    assert addresses.blocked_until(HERE, later) == later + WINDOW / 3
    for _ in range(3):
        assert addresses.blocked_until(HERE, later + WINDOW) is None
        addresses.count(HERE, later + WINDOW)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address" * 100, ("no address" * 100)[:64]),
        ("", ""),
    ],
)
def test_whoever_has_a_network_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_address_that_failed_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 2)
    addresses = Addresses(allowed=1)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
        addresses.count(address, NOW)
    assert addresses.blocked_until("192.0.2.2", NOW) is None
    assert addresses.blocked_until("192.0.2.1", NOW + timedelta(seconds=1)) is not None
    assert MAX_ADDRESSES == 10_000
