"""What the provider's demonstration writes into hosts' settings, and what it makes of flight records."""

import pytest

from demo.provider_tour import DB, FILES, PURPOSE, SITES, WEB, Site, seen, tampered
from dialback.agent.settings import parse_settings
from lab.process import Failed

KEY = "ab" * 32
MODES = {FILES: "ask", WEB: "window", DB: "never"}


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.place)
def test_settings_of_each_host_say_what_the_provider_may(site: Site) -> None:
    settings = parse_settings(site.policy.format(key=KEY), "agent.toml")
    assert settings.consent is not None
    assert settings.consent.mode == MODES[site]
    assert settings.consent.users == "refuse"
    assert settings.management.enabled is (site is WEB)
    assert settings.consent.keys == ((KEY,) if site is FILES else ())


def test_each_way_of_tampering_makes_another_record() -> None:
    lines = [f"asked: {PURPOSE}", "consent", "opened", "ended", "head"]
    made = tampered(lines)
    assert len({tuple(each) for each in [lines, *made.values()]}) == len(made) + 1
    assert {each[-1] for each in made.values()} == {"head"}


def test_what_is_not_seen_fails_the_step() -> None:
    seen("it is proven", "proven")
    with pytest.raises(Failed, match="expected 'proven'"):
        seen("it is not", "proven")
