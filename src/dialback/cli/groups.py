"""`dialback group`: groups of users, and who is in them."""

from typing import Annotated, Any

import typer

from dialback.cli.api import Api
from dialback.cli.context import Json
from dialback.cli.in_tenant import in_tenant, tenant_of
from dialback.cli.output import print_json, print_table, say
from dialback.domain.tenancy import Role
from dialback.identity.tokens import make_id

app = typer.Typer(no_args_is_help=True, help="Groups of users.")
GROUPS = "groups"
GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group.")]
MemberArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]


async def group_named(api: Api, name: str) -> Any:
    """Return the group of that name; `Failed` if there is none."""
    return await api.named(GROUPS, name, "group", "dialback group list")


@app.command("add")
@in_tenant
async def add_group(
    api: Api,
    name: GroupArgument,
    role: Annotated[Role, typer.Option(help="What members may do at least.")] = Role.USER,
) -> None:
    """Make a group."""
    await api.put(GROUPS, make_id(), body={"name": name, "role": role.value})
    say(f"Added the group {name!r}.")


@app.command("list")
@in_tenant
async def list_groups(api: Api, as_json: Json = False) -> None:
    """List groups and the role that each gives."""
    found = await api.all(GROUPS)
    if as_json:
        tenant = await tenant_of(api)
        print_json([{"tenant": tenant, **group} for group in found])
        return
    rows = [(group["name"], group["role"], group["id"]) for group in found]
    print_table(("GROUP", "ROLE", "ID"), rows, "There is no group; make one with `dialback group add NAME`.")


@app.command("join")
@in_tenant
async def join(api: Api, group: GroupArgument, user: MemberArgument) -> None:
    """Make a user a member of a group."""
    await api.put(*await _member(api, group, user))
    say(f"{user!r} is a member of {group!r}.")


@app.command("leave")
@in_tenant
async def leave(api: Api, group: GroupArgument, user: MemberArgument) -> None:
    """End the membership of a user in a group."""
    await api.delete(*await _member(api, group, user))
    say(f"{user!r} is no member of {group!r}.")


async def _member(api: Api, group: str, user: str) -> tuple[str, str, str, str]:
    """Return the path of a user in a group."""
    found = await group_named(api, group)
    member = await api.named("users", user, "user", "dialback user list")
    return GROUPS, found["id"], "members", member["id"]


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="group")
