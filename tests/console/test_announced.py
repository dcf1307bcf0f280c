"""What counts as announced: a platform that hands over what the agent signed, and platforms that lie."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.console.announced import GOOD_FOR, NOTHING, Announced, judge
from dialback.domain.ids import HostId
from dialback.identity.host_keys import HostKey
from tests.console.announcements import TARGET, announce

NOW = datetime(2026, 5, 4, 8, 0, 7, tzinfo=UTC)
KEY = HostKey.generate()
SHA256 = "ab" * 32
HONEST = announce(KEY, "h1", SHA256, at=NOW)
CHANGED = "the certificate is not signed by this host's key for this host and target: it was changed"


def judged(announced: Announced, key: str = KEY.public_bytes.hex(), now: datetime = NOW) -> tuple[str, str]:
    return judge(announced, HostId("h1"), TARGET, key, now)


def test_certificate_signed_by_the_hosts_key_counts() -> None:
    assert judged(HONEST) == (SHA256, "")


def test_nothing_announced_is_no_fault_of_anybody() -> None:
    assert judged(NOTHING) == ("", "")


def test_unsigned_certificate_is_the_platforms_word_and_does_not_count() -> None:
    sha256, why = judged(Announced(SHA256))
    assert (sha256, why[:27]) == ("", "the host's agent is older a")


def test_platform_that_hands_over_no_signatures_is_named_as_the_older() -> None:
    sha256, why = judged(Announced(SHA256, signs=False))
    assert (sha256, why[:22]) == ("", "the platform is older ")


@pytest.mark.parametrize(
    "lie",
    [
        replace(HONEST, sha256="cd" * 32),
        replace(HONEST, sha256=SHA256.upper()),
        replace(HONEST, signed_at="2026-05-04T08:00:08Z"),
        replace(HONEST, signed_at="yesterday"),
        replace(HONEST, signed_at="\ud800"),
        replace(HONEST, signature="A" * 86),
        replace(HONEST, signature="not base64"),
        replace(HONEST, signature=HONEST.signature[:40]),
        announce(HostKey.generate(), "h1", SHA256, at=NOW),
        announce(KEY, "h2", SHA256, at=NOW),
        announce(KEY, "h1", SHA256, "127.0.0.1:3390", at=NOW),
        announce(KEY, "h1", "/drive:home", at=NOW),
    ],
)
def test_what_was_edited_or_is_of_another_host_or_target_does_not_count(lie: Announced) -> None:
    assert judged(lie) == ("", CHANGED)


@pytest.mark.parametrize(
    "key",
    ["", "ab", "no hexadecimal", HostKey.generate().public_bytes.hex()],
    ids=["empty", "short", "text", "other"],
)
def test_other_keys_verify_nothing(key: str) -> None:
    assert judged(HONEST, key) == ("", CHANGED)


@pytest.mark.parametrize("way", [1, -1])
def test_announcement_of_long_ago_does_not_count_and_clocks_are_named(way: int) -> None:
    assert judged(HONEST, now=NOW + way * GOOD_FOR) == (SHA256, "")

    sha256, why = judged(HONEST, now=NOW + way * (GOOD_FOR + timedelta(seconds=1)))

    assert sha256 == ""
    assert "signed at 2026-05-04T08:00:07Z, more than 2 h from now; look at the clocks" in why
