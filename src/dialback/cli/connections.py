"""`dialback connection`: what became of every attempt to reach a resource."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dialback.cli.context import Failed, Json, run
from dialback.cli.data import Data, opened_store
from dialback.cli.flights import proof_of
from dialback.cli.output import out, print_json, print_table, shown
from dialback.domain.errors import SENTENCES
from dialback.domain.flight import FlightEntry, parse
from dialback.domain.ids import ConnectionId, TenantId
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN

app = typer.Typer(no_args_is_help=True, help="Connections: open, ended and refused.")
BAR_CHARS = 30


@app.command("list")
def list_connections(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant they belong to.")] = MAIN,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List connections, newest first."""
    records = run(_connections(TenantId(tenant), limit, data))
    if as_json:
        print_json([_plain(record) for record in records])
        return
    columns = ("ID", "OPENED", "USER", "RESOURCE", "FROM", "TRANSPORT", "STATE", "MS", "↓ BYTES", "↑ BYTES")
    print_table(columns, [_row(record) for record in records], "No connection was tried yet.")


@app.command("show")
def show(
    connection_id: Annotated[str, typer.Argument(metavar="ID", help="Id from `connection list`.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant it belongs to.")] = MAIN,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one connection with its timeline, and whether its host's certificate was proven."""
    record, flight = run(_connection(TenantId(tenant), connection_id, data))
    proof = proof_of(flight) if flight else None
    if as_json:
        print_json({**_plain(record), **({"certificate": proof} if proof else {})})
        return
    facts = [
        ("connection", record.id),
        ("opened", record.opened_at),
        ("ended", record.ended_at),
        ("state", _state(record)),
        ("user", record.user),
        ("resource", record.resource),
        ("host", record.host_id),
        ("chosen by", record.because),
        ("from", record.client_address),
        ("client calls itself", record.client_name),
        ("transport", record.transport),
        ("bytes to client", record.totals.to_client_bytes),
        ("bytes to host", record.totals.to_host_bytes),
        *([("certificate", proof)] if proof else []),
    ]
    print_table(("", ""), facts, "")
    if record.reason:
        out.print(f"\n{SENTENCES[record.reason]} {shown(record.detail) if record.detail else ''}")
    print_timeline(record)


def print_timeline(record: ConnectionRecord) -> None:
    """Print each stage with its milliseconds, as a picture; the relay itself is not drawn to scale."""
    stages = list(record.timeline.items())
    longest = max((ms for stage, ms in stages if stage != "end"), default=0.0)
    out.print("\n[bold]timeline[/]")
    for stage, ms in stages:
        bar = "█" * max(1, round(BAR_CHARS * ms / longest)) if longest and stage != "end" else ""
        out.print(f"  {stage.value:<11}{ms:>10.1f} ms  {bar}")


async def _connections(tenant: TenantId, limit: int, data: Path | None) -> list[ConnectionRecord]:
    async with opened_store(data) as store:
        # Those of nobody too: who runs the server has to see attempts that were not admitted.
        found = [record for whose in (tenant, None) for record in await store.connections(whose, limit)]
    return sorted(found, key=lambda record: (record.opened_at, record.id), reverse=True)[:limit]


async def _connection(
    tenant: TenantId, connection_id: str, data: Path | None
) -> tuple[ConnectionRecord, list[FlightEntry]]:
    """Return the record, and the entries of its flight record, of which there may be none."""
    async with opened_store(data) as store:
        id = ConnectionId(connection_id)
        record = await store.connection(tenant, id) or await store.connection(None, id)
        lines = await store.provider.flight_lines(tenant, id)
    if record is None:
        raise Failed(f"There is no connection {connection_id!r}; `dialback connection list` shows them.")
    return record, [parse(line) for line in lines]


def _state(record: ConnectionRecord) -> str:
    return record.reason.value if record.reason else "open"


def _row(record: ConnectionRecord) -> tuple[object, ...]:
    setup_ms = sum(ms for stage, ms in record.timeline.items() if stage != "end")
    return (
        record.id,
        record.opened_at,
        record.user,
        record.resource,
        record.client_address,
        record.transport,
        _state(record),
        f"{setup_ms:.0f}",
        record.totals.to_client_bytes,
        record.totals.to_host_bytes,
    )


def _plain(record: ConnectionRecord) -> dict[str, object]:
    plain = asdict(record)
    del plain["token_hash"]
    plain["timeline_ms"] = {stage.value: ms for stage, ms in plain.pop("timeline").items()}
    return plain


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="connection")
