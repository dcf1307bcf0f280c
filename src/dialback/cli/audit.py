"""`dialback audit`: who changed or decided what, when and from where, on the data folder of the server.

And the flight records of connections: exporting the platform's copy, and verifying either side's.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.files import platform_key as key_in
from dialback.app.settings import store_url
from dialback.cli.context import Failed, Json, run, sentences
from dialback.cli.data import Data, folder_of, opened_store, settings_of
from dialback.cli.flights import judged, print_entries, read_file, tell_verdict
from dialback.cli.output import out, print_json, print_table, say
from dialback.domain.audit import MAX_PAGE, AuditEntry
from dialback.domain.flight import FlightProblem, parse
from dialback.domain.ids import ConnectionId, HostId, TenantId
from dialback.domain.tenancy import MAIN
from dialback.identity.files import PRIVATE, write_file
from dialback.identity.flights import Seal, build_copy
from dialback.store.open import open_store

app = typer.Typer(
    no_args_is_help=True, help="The audit log: every change and every decision; and flight records."
)


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


@app.command("export")
def export(
    connection_id: Annotated[str, typer.Argument(metavar="CONNECTION", help="Id of the connection.")],
    file: Annotated[
        Path | None, typer.Option("--out", help="File to write; the standard output if left out.")
    ] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant whose host was reached.")] = MAIN,
    data: Data = None,
) -> None:
    """Export the platform's copy of a flight record, as lines of JSON: entries, then the signed head."""
    text = run(_exported(TenantId(tenant), ConnectionId(connection_id), data))
    if file is None:
        out.file.write(text)
        return
    with sentences():
        write_file(file, text.encode("ascii"), PRIVATE, replace=True)
    say(f"The flight record is in {file}; `dialback audit verify {file}` says what it proves.")


@app.command("verify")
def verify(
    file: Annotated[
        Path, typer.Argument(help="A copy: exported, or the host's own of its folder `flights`.")
    ],
    other: Annotated[Path | None, typer.Argument(help="The other side's copy, to be compared.")] = None,
    host_key: Annotated[str, typer.Option(help="The host's public key, hexadecimal.")] = "",
    platform_key: Annotated[
        str, typer.Option(help="The platform's, from `dialback publisher`, hexadecimal.")
    ] = "",
    entries: Annotated[bool, typer.Option("--entries", help="Show what happened, too.")] = False,
) -> None:
    """Say what a flight record proves, and by whose signature; or what was done to it.

    The status is 0 if both sides have signed all of it, 3 if it is whole and they have not, 1 if it was
    tampered with.
    """
    with sentences():
        theirs = read_file(other) if other else ""
        verdict = judged(read_file(file), theirs, host_key, platform_key)
    if entries:
        print_entries(verdict.entries)
    tell_verdict(verdict)


async def _exported(tenant: TenantId, id: ConnectionId, data: Path | None) -> str:
    """Return the platform's copy of a flight record: entries, then the newest signed head."""
    async with opened_store(data) as store:
        flight = await store.provider.flight(tenant, id)
        if flight is None:
            raise Failed(f"The tenant {tenant} has no flight record of connection {str(id)!r}.")
        lines = await store.provider.flight_lines(tenant, id)
        host = await store.host(tenant, _host_of(lines))
    if flight.signed is None:
        return build_copy(lines, [])
    host_key = host.public_key if host is not None else b""
    return build_copy(lines, [Seal(flight.signed, host_key, key_in(folder_of(data)).public_bytes)])


def _host_of(lines: Sequence[str]) -> HostId:
    try:
        return HostId(str(parse(lines[0]).facts.get("host", "")))
    except (FlightProblem, IndexError):
        return HostId("")


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
