"""`dialback approve`: connections that wait for their user, on the data folder of the server.

Whoever has the data folder may decide for everybody; users decide for themselves in the portal. A decision is
seen by the waiting gateway within a second.
"""

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.settings import store_url
from dialback.cli.context import Failed, Json, run
from dialback.cli.data import Data, folder_of, settings_of
from dialback.cli.output import out, print_json, print_table, say, shown
from dialback.domain.approvals import Approval, Approvals, Cause, Decision, choices, decision_by
from dialback.domain.audit import Actor, ActorKind, Audit, AuditEntry
from dialback.domain.directory import Directory
from dialback.domain.ids import ConnectionId, TenantId, UserId
from dialback.domain.tenancy import MAIN, User
from dialback.store.open import open_store

WATCH_EVERY_S = 1.0
_CAUSES = {
    Cause.POLICY: "its host pool asks",
    Cause.STALE_TICKET: "a feed's file, from an address without a sign-in",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the command works on: the approvals of a tenant, the audit log, and who people are."""

    tenant: TenantId
    approvals: Approvals
    audit: Audit
    directory: Directory

    async def name_of(self, user: UserId) -> str:
        """Return the user's name, or the id of one who is gone."""
        known = await self.directory.get(User, self.tenant, user)
        return known.name if known else user


def approve(
    connection_id: Annotated[str | None, typer.Argument(metavar="ID", help="The connection.")] = None,
    number: Annotated[
        int | None, typer.Option("--number", help="The number shown with the file; a wrong one denies.")
    ] = None,
    deny: Annotated[bool, typer.Option("--deny", help="Refuse it.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show those that come, until Ctrl-C.")] = False,
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant they are in.")] = MAIN,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the connections that wait for approval, or approve or deny one."""
    if connection_id is not None:
        decision = run(_decide(connection_id, number, deny, TenantId(tenant), data))
        say(f"{decision.capitalize()}: {connection_id}.")
        if decision is Decision.DENIED and not deny:
            raise typer.Exit(1)
    elif watch:
        run(_watch(TenantId(tenant), data))
    else:
        rows = run(_list(TenantId(tenant), data))
        if as_json:
            print_json([_plain(approval, user) for approval, user in rows])
            return
        columns = ("ID", "USER", "RESOURCE", "FROM", "DEVICE", "WHY", "NUMBERS", "SECONDS LEFT")
        texts = [_row(approval, user) for approval, user in rows]
        print_table(columns, texts, "No connection waits for approval.")


async def _list(tenant: TenantId, data: Path | None) -> list[tuple[Approval, str]]:
    async with _opened(tenant, data) as waiting:
        found = await waiting.approvals.waiting(tenant, datetime.now(UTC))
        return [(approval, await waiting.name_of(approval.user)) for approval in found]


async def _decide(text: str, number: int | None, deny: bool, tenant: TenantId, data: Path | None) -> Decision:
    id = ConnectionId(text)
    async with _opened(tenant, data) as waiting:
        approval = await waiting.approvals.approval(tenant, id)
        if approval is None:
            raise Failed(f"There is no connection {text!r} to approve; `dialback approve` lists them.")
        if not deny and number is None and approval.number is not None:
            numbers = ", ".join(map(str, choices(approval)))
            raise Failed(f"Say with --number which of {numbers} is shown where the connection file was made.")
        decision = Decision.DENIED if deny else decision_by(approval, number)
        now, who = datetime.now(UTC), getpass.getuser()
        if not await waiting.approvals.decide(tenant, id, decision, who, now):
            raise Failed(f"The connection {text!r} waits no more.")
        actor = Actor(ActorKind.LOCAL, who)
        verb = "approve" if decision is Decision.APPROVED else "deny"
        detail = f"{approval.resource} for {await waiting.name_of(approval.user)}"
        await waiting.audit.write(
            AuditEntry(tenant, now, actor, f"connection.{verb}", f"connection:{id}", detail)
        )
        return decision


async def _watch(tenant: TenantId, data: Path | None) -> None:
    known: set[ConnectionId] = set()
    async with _opened(tenant, data) as waiting:
        while True:
            for approval in await waiting.approvals.waiting(tenant, datetime.now(UTC)):
                if approval.id not in known:
                    _announce(approval, await waiting.name_of(approval.user))
                known.add(approval.id)
            await asyncio.sleep(WATCH_EVERY_S)


def _announce(approval: Approval, user: str) -> None:
    numbers = "".join(f" {number}" for number in choices(approval))
    device = f" ({shown(approval.client_name)})" if approval.client_name else ""
    out.print(
        f"{shown(approval.asked_at)}  {shown(user)} → {shown(approval.resource)} "
        f"from {shown(approval.client_address)}{device}, {_CAUSES[approval.cause]}"
    )
    # An id may begin with a hyphen; behind two of them it is no option.
    out.print(f"    dialback approve{' --number' if numbers else ''}{numbers} -- {shown(approval.id)}")


@asynccontextmanager
async def _opened(tenant: TenantId, data: Path | None) -> AsyncIterator[Waiting]:
    folder = folder_of(data)
    store = await open_store(store_url(folder, settings_of(folder)))
    try:
        yield Waiting(tenant, store.approvals, store.audit, store.directory)
    finally:
        await store.close()


def _row(approval: Approval, user: str) -> tuple[object, ...]:
    left_s = (approval.expires_at - datetime.now(UTC)).total_seconds()
    return (
        approval.id,
        user,
        approval.resource,
        approval.client_address,
        approval.client_name,
        _CAUSES[approval.cause],
        " ".join(map(str, choices(approval))),
        max(0, round(left_s)),
    )


def _plain(approval: Approval, user: str) -> dict[str, object]:
    plain = asdict(approval)
    # Whoever approves is to know the right number from elsewhere.
    del plain["number"]
    return {**plain, "user_name": user, "numbers": choices(approval)}


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("approve")(approve)
