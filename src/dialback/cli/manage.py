"""`dialback manage`: ask a tenant's host things, or have them done, through its agent.

Access is asked of the platform as for a remote desktop, one consent for one kind of thing; then console and
agent speak with each other, and whoever is in between reads nothing. All that an agent says is escaped.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from dialback.cli.api import Api, over_api
from dialback.cli.context import Failed, Json
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.cli.reach import Purpose, TicketNumber, Where, ask_access, find_served
from dialback.console.actions import SCOPES, Action, HostAnswer, check_announced, fact_rows, perform
from dialback.console.management import managing
from dialback.console.saved import Saved, default_folder
from dialback.domain.sessions import state_text
from dialback.observe.log import escape
from dialback.wire.management.messages import MAX_LINES, Done, Facts, Log, Sessions, Source


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
        VersionsDiffer, ManagementLost: in words. What the agent has announced is judged before its tenant is
            asked.
    """
    if (wish.action is Action.LOG_OFF) != bool(wish.session):
        raise Failed("`log-off` takes the id of a session, as `sessions` shows it; nothing else does.")
    tenant, host, announced = await find_served(api, where)
    check_announced(where, announced, wish.action, wish.source)
    access, gateway = await ask_access(
        api, tenant, host, wish.purpose, SCOPES[wish.action], ticket_number=wish.ticket_number
    )
    Saved(default_folder()).check_key(tenant, host, access.host_key)
    async with managing(gateway, access, where) as management:
        return await perform(
            management, wish.action, session=wish.session, lines=wish.lines, source=wish.source
        )


def show(what: str, answer: HostAnswer) -> None:
    """Print an answer for people; `what` was asked."""
    match answer:
        case Facts():
            print_table(("", ""), fact_rows(answer), "")
        case Log():
            for line in answer.lines:
                print_line(escape(line))
        case Sessions():
            rows = [
                (each.id, each.user, state_text(each.state, each.locked), each.since)
                for each in answer.sessions
            ]
            print_table(("SESSION", "USER", "STATE", "SINCE"), rows, "There is no session.")
        case Done():
            detail = f": {escape(answer.detail)}" if answer.detail else "."
            say(f"Done: {what}{detail}")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("manage")(manage)
