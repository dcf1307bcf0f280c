"""`dialback user` and `dialback group`: who there is, on the data folder of the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.settings import Settings, public_address, store_url
from dialback.cli.context import Failed, Json, run
from dialback.cli.data import Data, folder_of, note, settings_of
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.domain.accounts import Accounts
from dialback.domain.audit import Audit
from dialback.domain.contracts import Store
from dialback.domain.directory import MAX_PAGE, Directory, E
from dialback.domain.ids import GroupId, TenantId, UserId, UserName
from dialback.domain.tenancy import MAIN, Group, Role, User
from dialback.identity import disabling
from dialback.identity.authenticator import Authenticator
from dialback.identity.invitations import invitation_link
from dialback.identity.tokens import make_id
from dialback.store.open import open_store

users = typer.Typer(no_args_is_help=True, help="Users: who may sign in.")
groups = typer.Typer(no_args_is_help=True, help="Groups of users.")

InTenant = Annotated[str, typer.Option("--tenant", help="The tenant they are in.")]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]
GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group.")]


@dataclass(frozen=True, slots=True)
class People:
    """The open store of a data folder, as far as people are concerned, and one tenant in it."""

    store: Store
    directory: Directory
    accounts: Accounts
    audit: Audit
    settings: Settings
    tenant: TenantId

    @property
    def authenticator(self) -> Authenticator:
        return Authenticator(self.accounts, self.directory, self.settings.sign_in)

    async def did(self, action: str, subject: str, detail: str = "") -> None:
        """Write into the tenant's audit log what was done."""
        await note(self.audit, action, subject, detail, self.tenant)

    async def user(self, name: str) -> User:
        """Return the user of that name; `Failed` if there is none."""
        user = await self.directory.find(User, self.tenant, name)
        if user is None:
            raise Failed(f"There is no user {name!r}; `dialback user list` shows them.")
        return user

    async def group(self, name: str) -> Group:
        """Return the group of that name; `Failed` if there is none."""
        group = await self.directory.find(Group, self.tenant, name)
        if group is None:
            raise Failed(f"There is no group {name!r}; `dialback group list` shows them.")
        return group


@users.command("add")
def add_user(
    name: UserArgument,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.USER,
    group: Annotated[list[str] | None, typer.Option("--group", help="Group to join; repeatable.")] = None,
    display_name: Annotated[str, typer.Option("--display-name", help="What others read.")] = "",
    tenant: InTenant = MAIN,
    data: Data = None,
) -> None:
    """Make a user, who sets a password by the link of `dialback user invite`."""
    run(_add_user(name, role, group or [], display_name, tenant, data))
    say(f"Added {name!r}; `dialback user invite` prints a link by which they set a password.")


@users.command("invite")
def invite(name: UserArgument, tenant: InTenant = MAIN, data: Data = None) -> None:
    """Print a link, good once, by which the user sets a password; older links are good no more."""
    print_line(run(_invite(name, tenant, data)))


@users.command("list")
def list_users(tenant: InTenant = MAIN, data: Data = None, as_json: Json = False) -> None:
    """List users: name, role, and whether they are disabled."""
    found = run(_list(User, tenant, data))
    if as_json:
        print_json([asdict(user) for user in found])
        return
    rows = [(user.name, user.display_name, user.role, user.disabled_at, user.id) for user in found]
    columns = ("USER", "DISPLAY NAME", "ROLE", "DISABLED SINCE", "ID")
    print_table(columns, rows, "There is no user; make one with `dialback user add NAME`.")


@users.command("disable")
def disable(name: UserArgument, tenant: InTenant = MAIN, data: Data = None) -> None:
    """Let the user in no more; every sign-in and connection file of theirs ends for good."""
    run(_set_disabled(name, True, tenant, data))
    say(f"Disabled {name!r}.")


@users.command("enable")
def enable(name: UserArgument, tenant: InTenant = MAIN, data: Data = None) -> None:
    """Let a disabled user in again."""
    run(_set_disabled(name, False, tenant, data))
    say(f"Enabled {name!r}.")


@users.command("reset-totp")
def reset_totp(name: UserArgument, tenant: InTenant = MAIN, data: Data = None) -> None:
    """Ask a user for one-time codes no more, who has lost what makes them."""
    run(_reset_totp(name, tenant, data))
    say(f"{name!r} signs in without one-time codes now; let them set these up again.")


@groups.command("add")
def add_group(
    name: GroupArgument,
    role: Annotated[Role, typer.Option(help="What members may do at least.")] = Role.USER,
    tenant: InTenant = MAIN,
    data: Data = None,
) -> None:
    """Make a group."""
    run(_add_group(name, role, tenant, data))
    say(f"Added the group {name!r}.")


@groups.command("list")
def list_groups(tenant: InTenant = MAIN, data: Data = None, as_json: Json = False) -> None:
    """List groups and the role that each gives."""
    found = run(_list(Group, tenant, data))
    if as_json:
        print_json([asdict(group) for group in found])
        return
    rows = [(group.name, group.role, group.id) for group in found]
    print_table(("GROUP", "ROLE", "ID"), rows, "There is no group; make one with `dialback group add NAME`.")


@groups.command("join")
def join(group: GroupArgument, user: UserArgument, tenant: InTenant = MAIN, data: Data = None) -> None:
    """Make a user a member of a group."""
    run(_set_member(group, user, True, tenant, data))
    say(f"{user!r} is a member of {group!r}.")


@groups.command("leave")
def leave(group: GroupArgument, user: UserArgument, tenant: InTenant = MAIN, data: Data = None) -> None:
    """End the membership of a user in a group."""
    run(_set_member(group, user, False, tenant, data))
    say(f"{user!r} is no member of {group!r}.")


@asynccontextmanager
async def _opened(tenant: str, data: Path | None) -> AsyncIterator[People]:
    folder = folder_of(data)
    settings = settings_of(folder)
    store = await open_store(store_url(folder, settings))
    try:
        if await store.directory.tenant(TenantId(tenant)) is None:
            raise Failed(f"There is no tenant {tenant!r}.")
        yield People(store, store.directory, store.accounts, store.audit, settings, TenantId(tenant))
    finally:
        await store.close()


async def _add_user(
    name: str, role: Role, group_names: list[str], display_name: str, tenant: str, data: Path | None
) -> None:
    async with _opened(tenant, data) as people:
        joined = [await people.group(each) for each in group_names]
        user = User(people.tenant, UserId(make_id()), UserName(name), display_name, role)
        await people.directory.save(user)
        await people.did("user.save", f"user:{user.id}", f"{name} made, {role}")
        for group in joined:
            await people.directory.join(people.tenant, group.id, user.id)
            await people.did("group.join", f"group:{group.id}", f"user {name}")


async def _invite(name: str, tenant: str, data: Path | None) -> str:
    async with _opened(tenant, data) as people:
        user = await people.user(name)
        if user.disabled_at is not None:
            raise Failed(f"The user {name!r} is disabled; enable them first.")
        invitation = await people.authenticator.invite(user)
        await people.did("user.invite", f"user:{user.id}", user.name)
        return invitation_link(public_address(people.settings), invitation)


async def _list(kind: type[E], tenant: str, data: Path | None) -> list[E]:
    async with _opened(tenant, data) as people:
        page = await people.directory.page(kind, people.tenant, limit=MAX_PAGE)
        found = list(page.items)
        while page.after:
            page = await people.directory.page(kind, people.tenant, page.after, MAX_PAGE)
            found += page.items
    return found


async def _set_disabled(name: str, disabled: bool, tenant: str, data: Path | None) -> None:
    async with _opened(tenant, data) as people:
        user = await people.user(name)
        if disabled:
            now = datetime.now(UTC)
            await disabling.disable(user, people.directory, people.accounts, people.store, now)
        else:
            await people.directory.save(replace(user, disabled_at=None))
        await people.did("user.disable" if disabled else "user.enable", f"user:{user.id}", user.name)


async def _reset_totp(name: str, tenant: str, data: Path | None) -> None:
    async with _opened(tenant, data) as people:
        user = await people.user(name)
        await people.authenticator.reset_totp(user)
        await people.did("one-time-codes.remove", f"user:{user.id}", user.name)


async def _add_group(name: str, role: Role, tenant: str, data: Path | None) -> None:
    async with _opened(tenant, data) as people:
        group = Group(people.tenant, GroupId(make_id()), name, role)
        await people.directory.save(group)
        await people.did("group.save", f"group:{group.id}", f"{name} made, {role}")


async def _set_member(group_name: str, name: str, member: bool, tenant: str, data: Path | None) -> None:
    async with _opened(tenant, data) as people:
        group, user = await people.group(group_name), await people.user(name)
        change = people.directory.join if member else people.directory.leave
        await change(people.tenant, group.id, user.id)
        await people.did("group.join" if member else "group.leave", f"group:{group.id}", f"user {user.name}")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(users, name="user")
    commands.add_typer(groups, name="group")
