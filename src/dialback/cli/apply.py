"""`dialback apply FILE`: make a tenant's directory what a file says."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from dialback.cli.api import Api
from dialback.cli.context import Json
from dialback.cli.declared import read_declaration
from dialback.cli.in_tenant import in_tenant
from dialback.cli.known import read_known, with_ids, without_unseen
from dialback.cli.output import print_json, print_line, say
from dialback.cli.plan import Kind, Step, plan_of, sections_of, wanted_of
from dialback.cli.plan_text import Names, line_of, path_of
from dialback.cli.rehearsal import check_may_apply, rehearse
from dialback.cli.rules import check_rules, read_icons

WOULD_CHANGE = 2
"""The exit status of a dry run that found something to change."""


@in_tenant
async def apply(
    api: Api,
    file: Annotated[Path, typer.Argument(help="YAML file; see docs/how-to/apply.md.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; 2 if anything.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the file's sections do not have.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make workspaces, groups, pools, resources and assignments what a file says; twice is as once."""
    declaration = await asyncio.to_thread(read_declaration, file)
    said = wanted_of(declaration)
    check_rules(declaration, said)
    icons = await asyncio.to_thread(read_icons, declaration, file.parent)
    known = await read_known(api, said)
    me = await api.get("me")
    resolved = with_ids(declaration, said, known)
    wanted = without_unseen(resolved, known, me)
    steps = plan_of(wanted, known.there, sections_of(declaration), prune)
    await rehearse(steps, known, wanted, declaration, me)
    if steps and not dry_run:
        check_may_apply(me)
    _print(steps, known.names(wanted), as_json)
    if dry_run:
        if steps:
            raise typer.Exit(WOULD_CHANGE)
        return
    for step in steps:
        await _carry_out(api, step)
    for resource, picture in icons.items():
        await api.ask("PUT", "resources", resource, "icon", content=picture)
    if not as_json:
        say(f"Applied {len(steps)} changes." if steps else "Everything is as the file says.")
        if wanted != resolved:
            say("What wakes hosts stays as it is in pools that are there; a token neither sees nor sets it.")


def _print(steps: list[Step], names: Names, as_json: bool) -> None:
    if as_json:
        plain = [
            {
                "kind": step.kind,
                "path": "/".join(step.path),
                "shown": path_of(step, names),
                "changes": {name: {"before": old, "after": new} for name, old, new in step.changes},
            }
            for step in steps
        ]
        print_json(plain)
        return
    for step in steps:
        print_line(line_of(step, names))


async def _carry_out(api: Api, step: Step) -> None:
    if step.kind is Kind.REMOVED:
        await api.delete(*step.path)
    else:
        await api.put(*step.path, body=step.body)


def register(commands: typer.Typer) -> None:
    """Add this module's command."""
    commands.command("apply")(apply)
