"""`dialback user`: who there is, and what they hold."""

from typing import Annotated, Any

import typer

from dialback.cli.api import Api
from dialback.cli.context import Failed, Json
from dialback.cli.groups import GROUPS, group_named
from dialback.cli.in_tenant import in_tenant, tenant_of
from dialback.cli.output import instant, print_json, print_line, print_table, say
from dialback.domain.tenancy import Role
from dialback.identity.tokens import make_id

app = typer.Typer(no_args_is_help=True, help="Users: who may sign in.")
USERS = "users"
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]


async def user_named(api: Api, name: str) -> Any:
    """Return the user of that name; `Failed` if there is none."""
    return await api.named(USERS, name, "user", "dialback user list")


@app.command("add")
@in_tenant
async def add_user(
    api: Api,
    name: UserArgument,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.USER,
    group: Annotated[list[str] | None, typer.Option("--group", help="Group to join; repeatable.")] = None,
    display_name: Annotated[str, typer.Option("--display-name", help="What others read.")] = "",
) -> None:
    """Make a user, who sets a password by the link of `dialback user invite`."""
    joined = [await group_named(api, each) for each in group or []]
    body = {"name": name, "role": role.value, "display_name": display_name}
    user = await api.put(USERS, make_id(), body=body)
    for each in joined:
        await api.put(GROUPS, each["id"], "members", user["id"])
    say(f"Added {name!r}; `dialback user invite` prints a link by which they set a password.")


@app.command("invite")
@in_tenant
async def invite(api: Api, name: UserArgument) -> None:
    """Print a link, good once, by which the user sets a password; older links are good no more."""
    user = await user_named(api, name)
    if user["disabled_at"] is not None:
        raise Failed(f"The user {name!r} is disabled; enable them first.")
    print_line((await api.post(USERS, user["id"], "invite"))["link"])


@app.command("list")
@in_tenant
async def list_users(api: Api, as_json: Json = False) -> None:
    """List users: name, role, and whether they are disabled."""
    found = await api.all(USERS)
    if as_json:
        tenant = await tenant_of(api)
        print_json([{"tenant": tenant, **user} for user in found])
        return
    rows = [
        (user["name"], user["display_name"], user["role"], instant(user["disabled_at"]), user["id"])
        for user in found
    ]
    columns = ("USER", "DISPLAY NAME", "ROLE", "DISABLED SINCE", "ID")
    print_table(columns, rows, "There is no user; make one with `dialback user add NAME`.")


@app.command("disable")
@in_tenant
async def disable(api: Api, name: UserArgument) -> None:
    """Let the user in no more; every sign-in and connection file of theirs ends for good."""
    await _act(api, name, "disable")
    say(f"Disabled {name!r}.")


@app.command("enable")
@in_tenant
async def enable(api: Api, name: UserArgument) -> None:
    """Let a disabled user in again."""
    await _act(api, name, "enable")
    say(f"Enabled {name!r}.")


@app.command("reset-totp")
@in_tenant
async def reset_totp(api: Api, name: UserArgument) -> None:
    """Ask a user for one-time codes no more, who has lost what makes them."""
    await _act(api, name, "reset-codes")
    say(f"{name!r} signs in without one-time codes now; let them set these up again.")


@app.command("end-sign-ins")
@in_tenant
async def end_sign_ins(api: Api, name: UserArgument) -> None:
    """End every sign-in of a user: browsers, subscribed clients, command lines."""
    told = await _act(api, name, "end-sign-ins")
    say(f"Ended {told['ended']} sign-ins of {name!r}.")


@app.command("revoke-files")
@in_tenant
async def revoke_files(api: Api, name: UserArgument) -> None:
    """Revoke every connection file of a user, the feed's too; what they opened is cut off."""
    told = await _act(api, name, "revoke-files")
    say(f"Revoked {told['ended']} files of {name!r}.")


@app.command("workspace-passwords")
@in_tenant
async def workspace_passwords(api: Api, name: UserArgument, as_json: Json = False) -> None:
    """List the workspace passwords of a user, each of one device."""
    user = await user_named(api, name)
    found = (await api.get(USERS, user["id"], "workspace-passwords"))["items"]
    if as_json:
        print_json(found)
        return
    rows = [
        (each["id"], each["device"], instant(each["created_at"]), instant(each["used_at"])) for each in found
    ]
    columns = ("ID", "DEVICE", "MADE", "LAST USED")
    print_table(columns, rows, "The user has no workspace password.")


@app.command("revoke-workspace-password")
@in_tenant
async def revoke_workspace_password(
    api: Api,
    name: UserArgument,
    id: Annotated[str, typer.Argument(metavar="ID", help="Id from `user workspace-passwords`.")],
) -> None:
    """Revoke a workspace password of a user: its device gets nothing more from the feed."""
    user = await user_named(api, name)
    await api.delete(USERS, user["id"], "workspace-passwords", id)
    say(f"Revoked {id}.")


async def _act(api: Api, name: str, action: str) -> Any:
    user = await user_named(api, name)
    return await api.post(USERS, user["id"], action)


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="user")
