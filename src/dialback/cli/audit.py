"""`dialback audit`: who changed or decided what, when and from where, on the data folder of the server."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.settings import store_url
from dialback.cli.context import Json, run
from dialback.cli.data import Data, folder_of, settings_of
from dialback.cli.output import print_json, print_table
from dialback.domain.audit import MAX_PAGE, AuditEntry
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store

app = typer.Typer(no_args_is_help=True, help="The audit log: every change and every decision.")


@app.command("list")
def list_entries(
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE, help="How many, newest first.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those numbered below.")] = None,
    action: Annotated[str, typer.Option(help="How the action begins, as in `pool.`")] = "",
    actor: Annotated[str, typer.Option(help="Who acted.")] = "",
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant whose log it is.")] = MAIN,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List entries, newest first."""
    entries = run(_entries(TenantId(tenant), before, limit, action, actor, data))
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    columns = ("NUMBER", "WHEN", "WHO", "FROM", "ACTION", "ON", "DONE", "DETAIL")
    print_table(columns, [_row(entry) for entry in entries], "The audit log has no such entry.")


async def _entries(
    tenant: TenantId, before: int | None, limit: int, action: str, actor: str, data: Path | None
) -> Sequence[AuditEntry]:
    folder = folder_of(data)
    store = await open_store(store_url(folder, settings_of(folder)))
    try:
        return await store.audit.entries(tenant, before, limit, action, actor)
    finally:
        await store.close()


def _row(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.number,
        entry.at,
        entry.actor.name or entry.actor.kind.value,
        entry.actor.address,
        entry.action,
        entry.subject,
        entry.allowed,
        entry.detail,
    )


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="audit")
