"""`dialback approve`: connections that wait for their user.

Users decide about their own. Helpdesk sees everybody's and can deny them; whoever has the data folder of the
server may decide for everybody. A decision is seen by the waiting gateway within a second.
"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, ApiRefused
from dialback.cli.context import Failed, Json
from dialback.cli.in_tenant import in_tenant, tenant_of
from dialback.cli.output import instant, out, print_json, print_table, say, shown
from dialback.domain.approvals import Cause, Decision
from dialback.web.api.problems import ApiReason

WATCH_EVERY_S = 1.0
APPROVALS = "approvals"
_CAUSES = {
    Cause.POLICY: "its host pool asks",
    Cause.STALE_TICKET: "a feed's file, from an address without a sign-in",
}


@in_tenant
async def approve(
    api: Api,
    connection_id: Annotated[str | None, typer.Argument(metavar="ID", help="The connection.")] = None,
    number: Annotated[
        int | None, typer.Option("--number", help="The number shown with the file; a wrong one denies.")
    ] = None,
    deny: Annotated[bool, typer.Option("--deny", help="Refuse it.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show those that come, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """List the connections that wait for approval, or approve or deny one."""
    if connection_id is not None:
        decision = await _decide(api, connection_id, number, deny)
        say(f"{decision.capitalize()}: {connection_id}.")
        if decision is Decision.DENIED and not deny:
            raise typer.Exit(1)
    elif watch:
        await _watch(api)
    elif as_json:
        tenant = await tenant_of(api)
        print_json([_plain(each, tenant) for each in await _waiting(api)])
    else:
        columns = ("ID", "USER", "RESOURCE", "FROM", "DEVICE", "WHY", "NUMBERS", "SECONDS LEFT")
        rows = [_row(each) for each in await _waiting(api)]
        print_table(columns, rows, "No connection waits for approval.")


async def _waiting(api: Api) -> list[Any]:
    """Return what waits, oldest first: everybody's, or one's own where no more may be seen."""
    return await api.all(APPROVALS, all=True)


async def _decide(api: Api, id: str, number: int | None, deny: bool) -> Decision:
    if not deny and number is None:
        await _check_without_number(api, id)
    try:
        if deny:
            told = await api.post(APPROVALS, id, "deny")
        else:
            told = await api.post(APPROVALS, id, "approve", body={"number": number})
    except ApiRefused as refused:
        if refused.reason == ApiReason.NOT_THERE:
            raise Failed(
                f"There is no connection {id!r} to approve; `dialback approve` lists them."
            ) from refused
        if refused.reason == ApiReason.ALREADY_DECIDED:
            raise Failed(f"The connection {id!r} waits no more.") from refused
        raise
    return Decision(told["decision"])


async def _check_without_number(api: Api, id: str) -> None:
    """Raise `Failed` if the connection has numbers to choose from: approving without would deny it."""
    waiting = next((each for each in await _waiting(api) if each["id"] == id), None)
    if waiting is not None and waiting["choices"]:
        numbers = ", ".join(map(str, waiting["choices"]))
        raise Failed(f"Say with --number which of {numbers} is shown where the connection file was made.")


async def _watch(api: Api) -> None:
    known: set[str] = set()
    while True:
        for waiting in await _waiting(api):
            if waiting["id"] not in known:
                _announce(waiting)
            known.add(waiting["id"])
        await asyncio.sleep(WATCH_EVERY_S)


def _announce(waiting: Any) -> None:
    numbers = "".join(f" {number}" for number in waiting["choices"])
    device = f" ({shown(waiting['client_name'])})" if waiting["client_name"] else ""
    who = f"{shown(instant(waiting['asked_at']))}  {shown(waiting['user_name'])}"
    where = f"{shown(waiting['resource'])} from {shown(waiting['client_address'])}"
    out.print(f"{who} → {where}{device}, {_why(waiting)}")
    # An id may begin with a hyphen; behind two of them it is no option.
    out.print(f"    dialback approve{' --number' if numbers else ''}{numbers} -- {shown(waiting['id'])}")


def _row(waiting: Any) -> tuple[object, ...]:
    left_s = (datetime.fromisoformat(waiting["expires_at"]) - datetime.now(UTC)).total_seconds()
    return (
        waiting["id"],
        waiting["user_name"],
        waiting["resource"],
        waiting["client_address"],
        waiting["client_name"],
        _why(waiting),
        " ".join(map(str, waiting["choices"])),
        max(0, round(left_s)),
    )


def _why(waiting: Any) -> str:
    """Return the cause in words; one that a newer server knows is told as it is."""
    causes = {cause.value: words for cause, words in _CAUSES.items()}
    return causes.get(waiting["cause"], shown(waiting["cause"]))


def _plain(waiting: Any, tenant: str) -> dict[str, object]:
    plain = {**waiting, "tenant": tenant, "numbers": waiting["choices"]}
    del plain["choices"]
    # What waits is not decided.
    return {**plain, "decision": None, "decided_at": None, "decided_by": ""}


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("approve")(approve)
