"""What a host can be asked through its agent: each action, the consent it takes, and its answer for people.

A face of the console names an action; here it becomes a question to the agent. What comes back is the host's
own word: whoever shows it escapes it. `check_announced` comes before: what the agent has announced it would
refuse is not asked, and no tenant has to consent to it.
"""

from datetime import timedelta
from enum import StrEnum

from dialback.console.management import Management, VersionsDiffer
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason, Refused
from dialback.domain.management import ManagementOffer, Offer
from dialback.wire.agent.messages import RdpServer
from dialback.wire.agent.version import VersionRange, choose_version
from dialback.wire.management.messages import Done, Facts, Log, Sessions, Source
from dialback.wire.management.version import SUPPORTED

_GIGABYTE = 1_000_000_000


class Action(StrEnum):
    """What a host is asked."""

    FACTS = "facts"
    LOG = "log"
    SESSIONS = "sessions"
    LOG_OFF = "log-off"
    RESTART_RDP = "restart-rdp"
    RESTART_AGENT = "restart-agent"
    UPDATE = "update"


SCOPES = {
    Action.FACTS: ConsentScope.FACTS,
    Action.LOG: ConsentScope.LOG,
    Action.SESSIONS: ConsentScope.FACTS,
    Action.LOG_OFF: ConsentScope.END_SESSIONS,
    Action.RESTART_RDP: ConsentScope.RESTART_RDP,
    Action.RESTART_AGENT: ConsentScope.RESTART_AGENT,
    Action.UPDATE: ConsentScope.UPDATE_AGENT,
}
"""The consent that each takes."""

OFFERS = {
    Action.RESTART_RDP: Offer.RESTART_RDP,
    Action.RESTART_AGENT: Offer.RESTART_AGENT,
    Action.UPDATE: Offer.UPDATE_AGENT,
}
"""What the host's settings have to offer for each; the others need nothing."""

HostAnswer = Facts | Log | Sessions | Done


def check_announced(
    place: str,
    announced: ManagementOffer | None,
    action: Action,
    source: Source = "agent",
    versions: VersionRange = SUPPORTED,
) -> None:
    """Return if the action may be asked for, as far as the agent has announced it; None is no announcement.

    Args:
        place: the host as people name it, `TENANT/HOST`.
        source: of `LOG`, which log.

    Raises:
        VersionsDiffer: console and agent have no version in common.
        Refused: `MANAGEMENT_OFF`, the host's settings do not offer it.
    """
    if announced is None:
        return
    theirs = VersionRange(announced.lowest_version, announced.highest_version)
    if choose_version(versions, theirs) is None:
        raise VersionsDiffer(place, versions, theirs)
    wanted = OFFERS.get(action)
    if action is Action.LOG and source == "rdp":
        wanted = Offer.RDP_LOG
    if wanted is not None and wanted not in announced.offers:
        detail = f"{wanted} is not set up on {place}; its tenant was not asked"
        raise Refused(Reason.MANAGEMENT_OFF, detail)


async def perform(
    management: Management, action: Action, *, session: str = "", lines: int = 100, source: Source = "agent"
) -> HostAnswer:
    """Ask the host; return its answer. Raises as the methods of `Management` do.

    Args:
        session: of `LOG_OFF`, which.
        lines: of `LOG`, how many; `source` is of which log.
    """
    match action:
        case Action.FACTS:
            return await management.facts()
        case Action.LOG:
            return await management.log_tail(lines, source)
        case Action.SESSIONS:
            return await management.sessions()
        case Action.LOG_OFF:
            return await management.log_off(session)
        case Action.RESTART_RDP:
            return await management.restart_rdp()
        case Action.RESTART_AGENT:
            return await management.restart_agent()
        case Action.UPDATE:
            return await management.update_agent()


def fact_rows(facts: Facts) -> list[tuple[str, object]]:
    """Return the facts as rows of name and value, empty ones left out."""
    rows: list[tuple[str, object]] = [
        ("host name", facts.host_name),
        ("system", facts.system),
        ("agent", facts.agent_version),
        ("clock", facts.now),
        ("up for", None if facts.uptime_s is None else timedelta(seconds=facts.uptime_s)),
        ("load per processor", None if facts.load_per_cpu is None else f"{facts.load_per_cpu:.2f}"),
        ("memory free", _percent(facts.free_memory_percent)),
    ]
    rows += [
        (
            f"disk {disk.path}",
            f"{disk.free_bytes / _GIGABYTE:.1f} of {disk.size_bytes / _GIGABYTE:.1f} GB free",
        )
        for disk in facts.disks
    ]
    rows += [
        ("sessions", facts.sessions_problem or _counts(facts)),
        *((f"RDP {each.target}", _server(each)) for each in facts.rdp_servers),
        *((f"fails: {each.check}", each.detail) for each in facts.failing),
        ("may be dialled", ", ".join(facts.targets)),
        ("offers", ", ".join(facts.offers) or "nothing beside looking"),
    ]
    if facts.policy is not None:
        hours = "; ".join(facts.policy.windows)
        rows += [
            ("consent", f"{facts.policy.mode} {hours}".strip()),
            ("consent to", ", ".join(facts.policy.scopes)),
            ("approvers", facts.policy.approvers),
        ]
    return [row for row in rows if row[1] not in (None, "")]


def _percent(percent: float | None) -> str | None:
    return None if percent is None else f"{percent:.0f} %"


def _counts(facts: Facts) -> str:
    if facts.active_sessions is None or facts.disconnected_sessions is None:
        return ""
    return f"{facts.active_sessions} active, {facts.disconnected_sessions} disconnected"


def _server(server: RdpServer) -> str:
    if not server.answers:
        return f"no answer: {server.problem}"
    return f"{server.security} {server.tls_version} {server.certificate_sha256}".strip()
