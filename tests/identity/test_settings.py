"""Settings of signing in: bounded, and what the defaults promise."""

import pytest

from dialback.identity.settings import SignInSettings
from dialback.settings.file import SettingsProblem, parse_settings


def test_defaults_are_what_the_documents_say() -> None:
    settings = parse_settings("", "x", SignInSettings)
    assert settings == SignInSettings()
    assert (settings.browser_hours, settings.idle_minutes, settings.feed_hours) == (12, 60, 1)
    assert (settings.allowed_failures, settings.lock_minutes, settings.longest_lock_minutes) == (5, 1, 60)


@pytest.mark.parametrize(
    "text",
    [
        "browser_hours = 0",
        "idle_minutes = 4",
        "feed_hours = 25",
        "cli_days = 366",
        "invitation_hours = -1",
        "allowed_failures = 2",
        "passwords_at_once = 0",
        "passwords_at_once = '2'",
    ],
)
def test_value_beyond_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(SettingsProblem, match=text.partition(" ")[0]):
        parse_settings(text, "x", SignInSettings)
