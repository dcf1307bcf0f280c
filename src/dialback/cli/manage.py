"""`dialback manage`: ask a tenant's host things, or have them done, through its agent.

Access is asked of the platform as for a remote desktop, one consent for one kind of thing; then console and
agent speak with each other, and whoever is in between reads nothing. All that an agent says is escaped.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, over_api
from dialback.cli.context import Failed, Json
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.cli.reach import Purpose, TicketNumber, Where, ask_access, find_served
from dialback.console.management import Management, managing
from dialback.console.saved import Saved, default_folder
from dialback.domain.consent import ConsentScope
from dialback.observe.log import escape
from dialback.wire.management.messages import MAX_LINES, Done, Facts, Log, Sessions, Source

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


HostAnswer = Facts | Log | Sessions | Done


@dataclass(frozen=True, slots=True)
class Wish:
    """What a technician wants of a host, and why; `session` is for `log-off`, the last two for `log`."""

    action: Action
    purpose: str
    session: str = ""
    ticket_number: str = ""
    lines: int = 100
    source: Source = "agent"


@over_api
async def manage(
    api: Api,
    where: Where,
    action: Annotated[Action, typer.Argument(help="What to do.")],
    purpose: Purpose,
    session: Annotated[str, typer.Argument(metavar="[ID]", help="Of `log-off`: which session.")] = "",
    ticket_number: TicketNumber = "",
    lines: Annotated[int, typer.Option(min=1, max=MAX_LINES, help="Of `log`: how many lines.")] = 100,
    rdp: Annotated[bool, typer.Option("--rdp", help="Of `log`: the RDP service's, not the agent's.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a tenant's host for facts, logs and sessions, restart its services; with the tenant's consent."""
    source: Source = "rdp" if rdp else "agent"
    answer = await ask_host(api, where, Wish(action, purpose, session, ticket_number, lines, source))
    if as_json:
        print_json(answer.model_dump(mode="json"))
    else:
        show(f"{action.value} on {where}", answer)


async def ask_host(api: Api, where: str, wish: Wish) -> HostAnswer:
    """Ask for a way to the host, go it, and ask the host; return its answer.

    Raises:
        Failed: there is no such host, or a session is missing or too much.
        ApiRefused, Refused: platform or host say why not.
        VersionsDiffer, ManagementLost: in words.
    """
    if (wish.action is Action.LOG_OFF) != bool(wish.session):
        raise Failed("`log-off` takes the id of a session, as `sessions` shows it; nothing else does.")
    tenant, host = await find_served(api, where)
    access, gateway = await ask_access(
        api, tenant, host, wish.purpose, SCOPES[wish.action], ticket_number=wish.ticket_number
    )
    Saved(default_folder()).check_key(tenant, host, access.host_key)
    async with managing(gateway, access, where) as management:
        return await _ask(management, wish)


async def _ask(management: Management, wish: Wish) -> HostAnswer:
    match wish.action:
        case Action.FACTS:
            return await management.facts()
        case Action.LOG:
            return await management.log_tail(wish.lines, wish.source)
        case Action.SESSIONS:
            return await management.sessions()
        case Action.LOG_OFF:
            return await management.log_off(wish.session)
        case Action.RESTART_RDP:
            return await management.restart_rdp()
        case Action.RESTART_AGENT:
            return await management.restart_agent()
        case Action.UPDATE:
            return await management.update_agent()


def show(what: str, answer: HostAnswer) -> None:
    """Print an answer for people; `what` was asked."""
    match answer:
        case Facts():
            print_table(("", ""), fact_rows(answer), "")
        case Log():
            for line in answer.lines:
                print_line(escape(line))
        case Sessions():
            rows = [(each.id, each.user, each.state, each.since) for each in answer.sessions]
            print_table(("SESSION", "USER", "STATE", "SINCE"), rows, "There is no session.")
        case Done():
            detail = f": {escape(answer.detail)}" if answer.detail else "."
            say(f"Done: {what}{detail}")


def fact_rows(facts: Facts) -> list[tuple[object, ...]]:
    """Return the facts as rows of name and value, empty ones left out."""
    rows: list[tuple[object, object]] = [
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


def _server(server: Any) -> str:
    if not server.answers:
        return f"no answer: {server.problem}"
    return f"{server.security} {server.tls_version} {server.certificate_sha256}".strip()


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("manage")(manage)
