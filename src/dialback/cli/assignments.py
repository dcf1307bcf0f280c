"""`dialback assign` and `unassign`: who may use an application group."""

from typing import Annotated

import typer

from dialback.cli.api import Api
from dialback.cli.context import Failed
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import say
from dialback.cli.workspaces import GROUPS, GroupArgument

Users = Annotated[list[str] | None, typer.Option("--user", help="User; repeat for more.")]
UserGroups = Annotated[list[str] | None, typer.Option("--group", help="Group of users; repeat for more.")]


@in_tenant
async def assign(api: Api, group: GroupArgument, user: Users = None, user_group: UserGroups = None) -> None:
    """Let users and groups use an application group."""
    id, name, whom = await _resolved(api, group, user or [], user_group or [])
    for family, each in whom:
        await api.put(GROUPS, id, family, each)
    say(f"Assigned {name} to {', '.join([*(user or []), *(user_group or [])])}.")


@in_tenant
async def unassign(api: Api, group: GroupArgument, user: Users = None, user_group: UserGroups = None) -> None:
    """Let users and groups use an application group no more; open connections go on."""
    id, name, whom = await _resolved(api, group, user or [], user_group or [])
    for family, each in whom:
        await api.delete(GROUPS, id, family, each)
    say(f"{name} is no longer assigned to {', '.join([*(user or []), *(user_group or [])])}.")


async def _resolved(
    api: Api, group: str, users: list[str], groups: list[str]
) -> tuple[str, str, list[tuple[str, str]]]:
    """Return id and name of the application group, and everybody's family and id."""
    if not users and not groups:
        raise Failed("Say to whom, with --user or --group.")
    found = await api.named(GROUPS, group, "application group")
    whom = [("users", (await api.named("users", each, "user"))["id"]) for each in users]
    whom += [("groups", (await api.named("groups", each, "group"))["id"]) for each in groups]
    return found["id"], found["name"], whom


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("assign")(assign)
    commands.command("unassign")(unassign)
