"""`dialback connection`: what became of every attempt to reach a resource."""

from datetime import datetime
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, ApiRefused
from dialback.cli.context import Failed, Json
from dialback.cli.flights import proof_of
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import instant, out, print_json, print_table, shown
from dialback.domain.errors import SENTENCES
from dialback.domain.flight import parse
from dialback.identity.flights import read_copy

app = typer.Typer(no_args_is_help=True, help="Connections: open, ended and refused.")
CONNECTIONS = "connections"
BAR_CHARS = 30
COLUMNS = (
    *("ID", "OPENED", "USER", "RESOURCE", "HOST", "FROM"),
    *("TRANSPORT", "STATE", "MS", "↓ BYTES", "↑ BYTES"),
)


@app.command("list")
@in_tenant
async def list_connections(
    api: Api,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List connections, newest first."""
    records = await _newest(api, limit)
    if as_json:
        print_json([_plain(record) for record in records])
        return
    columns = (
        "ID",
        "OPENED",
        "USER",
        "RESOURCE",
        "HOST",
        "FROM",
        "TRANSPORT",
        "STATE",
        "MS",
        "↓ BYTES",
        "↑ BYTES",
    )
    print_table(columns, [_row(record) for record in records], "No connection was tried yet.")


@app.command("show")
@in_tenant
async def show(
    api: Api,
    connection_id: Annotated[str, typer.Argument(metavar="ID", help="Id from `connection list`.")],
    as_json: Json = False,
) -> None:
    """Show one connection with its timeline, and whether its host's certificate was proven."""
    record = await api.find(CONNECTIONS, connection_id)
    if record is None:
        raise Failed(f"There is no connection {connection_id!r}; `dialback connection list` shows them.")
    proof = await _proof(api, connection_id)
    if as_json:
        print_json({**_plain(record), **({"certificate": proof} if proof else {})})
        return
    facts = [
        ("connection", record["id"]),
        ("opened", instant(record["opened_at"])),
        ("ended", instant(record["ended_at"])),
        ("state", _state(record)),
        ("user", record["user"]),
        ("resource", record["resource"]),
        ("host", record["host_name"] or record["host"]),
        ("host id", record["host"]),
        ("chosen by", record["because"]),
        ("from", record["client_address"]),
        ("client calls itself", record["client_name"]),
        ("transport", record["transport"]),
        ("bytes to client", record["totals"]["to_client_bytes"]),
        ("bytes to host", record["totals"]["to_host_bytes"]),
        *([("certificate", proof)] if proof else []),
    ]
    print_table(("", ""), facts, "")
    if record["reason"]:
        out.print(f"\n{_sentence(record['reason'])} {shown(record['detail']) if record['detail'] else ''}")
    _print_timeline(record["timeline_ms"])


async def _newest(api: Api, limit: int) -> list[Any]:
    """Return the newest connections, those too that were admitted to nothing, if they may be seen."""
    found = {
        record["id"]: record
        for nobodys in (False, True)
        for record in await api.all(CONNECTIONS, most=limit, nobodys=nobodys)
    }
    return sorted(found.values(), key=_age, reverse=True)[:limit]


def _age(record: Any) -> tuple[datetime, str]:
    return datetime.fromisoformat(record["opened_at"]), record["id"]


async def _proof(api: Api, id: str) -> str | None:
    """Return whether the certificate was proven; None without a flight record, or where none may be read."""
    try:
        flight = await api.find(CONNECTIONS, id, "flight")
    except ApiRefused as refused:
        if refused.status != 403:
            raise
        return None
    return proof_of([parse(line) for line in read_copy(flight["export"]).lines]) if flight else None


def _print_timeline(timeline: dict[str, float]) -> None:
    """Print each stage with its milliseconds, as a picture; the relay itself is not drawn to scale."""
    longest = max((ms for stage, ms in timeline.items() if stage != "end"), default=0.0)
    out.print("\n[bold]timeline[/]")
    for stage, ms in timeline.items():
        bar = "█" * max(1, round(BAR_CHARS * ms / longest)) if longest and stage != "end" else ""
        out.print(f"  {shown(stage):<11}{ms:>10.1f} ms  {bar}")


def _sentence(reason: str) -> str:
    """Return the reason in words; one that a newer server knows is told as it is."""
    sentences = {known.value: sentence for known, sentence in SENTENCES.items()}
    return sentences.get(reason, shown(reason))


def _state(record: Any) -> str:
    return record["reason"] or "open"


def _row(record: Any) -> tuple[object, ...]:
    setup_ms = sum(ms for stage, ms in record["timeline_ms"].items() if stage != "end")
    return (
        record["id"],
        instant(record["opened_at"]),
        record["user"],
        record["resource"],
        record["host_name"] or record["host"],
        record["client_address"],
        record["transport"],
        _state(record),
        f"{setup_ms:.0f}",
        record["totals"]["to_client_bytes"],
        record["totals"]["to_host_bytes"],
    )


def _plain(record: Any) -> dict[str, object]:
    """Return the record under the names that this command has always printed."""
    plain = dict(record)
    plain["host_id"] = plain.pop("host")
    return plain


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="connection")
