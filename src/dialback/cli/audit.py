"""`dialback audit`: who changed or decided what, when and from where.

And the flight records of connections: exporting the platform's copy, and verifying either side's.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from dialback.cli.api import Api
from dialback.cli.context import Failed, Json, sentences
from dialback.cli.flights import judged, print_entries, read_file, tell_verdict
from dialback.cli.in_tenant import in_tenant, tenant_of
from dialback.cli.output import instant, out, print_json, print_table, say
from dialback.domain.audit import MAX_PAGE
from dialback.identity.files import PRIVATE, write_file

app = typer.Typer(
    no_args_is_help=True, help="The audit log: every change and every decision; and flight records."
)


@app.command("list")
@in_tenant
async def list_entries(
    api: Api,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE, help="How many, newest first.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those numbered below.")] = None,
    action: Annotated[str, typer.Option(help="How the action begins, as in `pool.`")] = "",
    actor: Annotated[str, typer.Option(help="Who acted.")] = "",
    as_json: Json = False,
) -> None:
    """List entries, newest first."""
    after = "" if before is None else str(before)
    entries = await api.all("audit", most=limit, after=after, action=action, actor=actor)
    if as_json:
        tenant = await tenant_of(api)
        print_json([{"tenant": tenant, **entry} for entry in entries])
        return
    columns = ("NUMBER", "WHEN", "WHO", "FROM", "ACTION", "ON", "DONE", "DETAIL")
    print_table(columns, [_row(entry) for entry in entries], "The audit log has no such entry.")


@app.command("export")
@in_tenant
async def export(
    api: Api,
    connection_id: Annotated[str, typer.Argument(metavar="CONNECTION", help="Id of the connection.")],
    file: Annotated[
        Path | None, typer.Option("--out", help="File to write; the standard output if left out.")
    ] = None,
) -> None:
    """Export the platform's copy of a flight record, as lines of JSON: entries, then the signed head."""
    flight = await api.find("connections", connection_id, "flight")
    if flight is None:
        tenant = await tenant_of(api)
        raise Failed(f"The tenant {tenant} has no flight record of connection {connection_id!r}.")
    if file is None:
        out.file.write(flight["export"])
        return
    write_file(file, flight["export"].encode("ascii"), PRIVATE, replace=True)
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


def _row(entry: Any) -> tuple[object, ...]:
    actor = entry["actor"]
    return (
        entry["number"],
        instant(entry["at"]),
        actor["name"] or actor["kind"],
        actor["address"],
        entry["action"],
        entry["subject"],
        entry["allowed"],
        entry["detail"],
    )


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="audit")
