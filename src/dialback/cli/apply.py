"""`dialback apply FILE`: make a tenant's directory what a file says."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from dialback.cli.api import Api
from dialback.cli.context import Failed, Json
from dialback.cli.declared import read_declaration
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import print_json, print_line, say
from dialback.cli.plan import ORDER, Kind, Step, Wanted, plan_of, sections_of, wanted_of
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
    wanted = await _with_ids(api, said)
    steps = plan_of(wanted, await _there(api, wanted), sections_of(declaration), prune)
    _print(steps, as_json)
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


def _print(steps: list[Step], as_json: bool) -> None:
    if as_json:
        plain = [
            {
                "kind": step.kind,
                "path": "/".join(step.path),
                "changes": {name: {"before": old, "after": new} for name, old, new in step.changes},
            }
            for step in steps
        ]
        print_json(plain)
        return
    for step in steps:
        print_line(step.line)


async def _carry_out(api: Api, step: Step) -> None:
    if step.kind is Kind.REMOVED:
        await api.delete(*step.path)
    else:
        await api.put(*step.path, body=step.body)


async def _with_ids(api: Api, wanted: Wanted) -> Wanted:
    """Return what is wanted with ids in place of the names of users, groups and hosts."""
    people = _Names(api)
    found: Wanted = {}
    for path, body in wanted.items():
        place, said = path, body
        if len(path) == 4:
            place = (*path[:3], await people.id_of(path[2], path[3], wanted))
        if body and body.get("owner"):
            said = {**body, "owner": await people.id_of("users", body["owner"], wanted)}
        found[place] = said
    return found


class _Names:
    """The ids of users, groups and hosts by name, each asked for once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[tuple[str, str], str] = {}
        self._hosts: list[Any] | None = None

    async def id_of(self, family: str, text: str, wanted: Wanted) -> str:
        """Return the id; what the file itself makes need not be there yet."""
        family = "users" if family == "members" else family
        if family == "groups" and ("groups", text) in wanted:
            return text
        key = (family, text)
        if key not in self._known:
            self._known[key] = await (self._host(text) if family == "hosts" else self._noun(family, text))
        return self._known[key]

    async def _noun(self, family: str, text: str) -> str:
        found = await self._api.named(family, text, family.removesuffix("s"))
        return str(found["id"])

    async def _host(self, text: str) -> str:
        if self._hosts is None:
            self._hosts = await self._api.all("hosts")
        found = [host for host in self._hosts if text in (host["id"], host["name"])]
        if len(found) != 1:
            raise Failed(f"There are {len(found)} hosts {text!r}; `dialback host list` shows them.")
        return str(found[0]["id"])


async def _there(api: Api, wanted: Wanted) -> dict[tuple[str, ...], Any]:
    """Return everything the server has of the families in question, by path."""
    there: dict[tuple[str, ...], Any] = {}
    for family in ORDER:
        there |= {(family, each["id"]): each for each in await api.all(family)}
    # Of a pool that is to go, its hosts must be known too.
    looked_at = [path for path in there if path in wanted or path[0] == "host-pools"]
    for family, id in [(path[0], path[1]) for path in looked_at]:
        if family == "groups":
            members = await api.all(family, id, "members")
            there |= {(family, id, "members", each["id"]): None for each in members}
        elif family == "host-pools":
            hosts = await api.all(family, id, "hosts")
            there |= {(family, id, "hosts", each["host"]): each for each in hosts}
        elif family == "application-groups":
            assigned = await api.get(family, id, "assignments")
            there |= {
                (family, id, kind, each): None for kind in ("users", "groups") for each in assigned[kind]
            }
    return there


def register(commands: typer.Typer) -> None:
    """Add this module's command."""
    commands.command("apply")(apply)
