"""From where consoles may be used."""

import pytest

from dialback.domain.errors import Refused
from dialback.domain.provider import check_console
from dialback.settings.file import SettingsProblem, parse_settings
from dialback.web.api.provider_settings import ProviderSettings


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.0.9", "fd00::1"])
def test_consoles_are_allowed_in_private_networks(address: str) -> None:
    settings = ProviderSettings()
    check_console(address, settings.networks, settings.outside)


@pytest.mark.parametrize("address", ["192.0.2.7", "172.32.0.1", "2001:db8::1", "unix", ""])
def test_consoles_are_refused_from_outside_unless_allowed(address: str) -> None:
    settings = ProviderSettings()
    with pytest.raises(Refused):
        check_console(address, settings.networks, settings.outside)
    check_console(address, settings.networks, outside=True)


def test_network_that_is_none_is_named() -> None:
    with pytest.raises(SettingsProblem, match="home"):
        parse_settings('networks = ["home"]', "dialback.toml", ProviderSettings)
    assert parse_settings('networks = ["192.0.2.0/24"]', "x", ProviderSettings).networks == ("192.0.2.0/24",)
