"""What an agent is, and what its host offers to consoles."""

import pytest

from dialback.agent.build import Build, management_offer, offers_of
from dialback.agent.settings import ManagementSettings
from dialback.wire.agent.version import VersionRange

BARE = ManagementSettings(enabled=True)


@pytest.mark.parametrize(
    ("settings", "offers"),
    [
        (BARE, ("restart-agent",)),
        (ManagementSettings(enabled=True, restart_rdp=" "), ("restart-agent",)),
        (ManagementSettings(enabled=True, restart_rdp="a b"), ("restart-rdp", "restart-agent")),
        (ManagementSettings(enabled=True, update_agent="a"), ("restart-agent", "update-agent")),
        (ManagementSettings(enabled=True, rdp_log="/l"), ("rdp-log", "restart-agent")),
    ],
)
def test_host_offers_what_its_settings_name_and_a_restart_of_the_agent(
    settings: ManagementSettings, offers: tuple[str, ...]
) -> None:
    assert offers_of(settings) == offers


def test_agent_announces_what_it_speaks_where_it_may_be_managed_and_else_nothing() -> None:
    build = Build("9", VersionRange(3, 4))
    offer = management_offer(build, BARE)
    assert offer is not None
    assert (offer.lowest_version, offer.highest_version, offer.offers) == (3, 4, ("restart-agent",))
    assert management_offer(build, ManagementSettings()) is None
