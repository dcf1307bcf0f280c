"""What an agent is and what its host offers to consoles: said in its hello, its reports and its facts."""

from dataclasses import dataclass

from dialback import __version__
from dialback.agent.settings import ManagementSettings
from dialback.domain.management import Offer
from dialback.wire.agent.messages import ManagementOffer
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.version import SUPPORTED


@dataclass(frozen=True, slots=True)
class Build:
    """One build of the agent: its version, and the versions of the management protocol that it speaks."""

    version: str = __version__
    management: VersionRange = SUPPORTED


def offers_of(settings: ManagementSettings) -> tuple[Offer, ...]:
    """Return what a console may ask for by the host's settings, in the order of `Offer`."""
    wants = {
        Offer.RDP_LOG: settings.rdp_log,
        Offer.RESTART_RDP: settings.restart_rdp.strip(),
        Offer.UPDATE_AGENT: settings.update_agent.strip(),
    }
    return tuple(offer for offer in Offer if wants.get(offer, True))


def management_offer(build: Build, settings: ManagementSettings) -> ManagementOffer | None:
    """Return what the agent announces of its management; None if its settings do not enable any."""
    if not settings.enabled:
        return None
    return ManagementOffer(
        lowest_version=build.management.lowest,
        highest_version=build.management.highest,
        offers=offers_of(settings),
    )
