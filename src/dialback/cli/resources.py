"""`dialback resource` and `dialback revoke-file`: what is published, and the end of a file that opens it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dialback.cli.connection_files import token_in
from dialback.cli.context import Failed, Json, run, sentences
from dialback.cli.data import Data, note, opened_store
from dialback.cli.output import print_json, print_table, say
from dialback.cli.publishing import assign as assign_users
from dialback.cli.publishing import everything, find_host, pool_named, pool_of, publish
from dialback.domain.catalog import (
    ApplicationGroup,
    PublishedResource,
    parse_resource_name,
    parse_user_name,
)
from dialback.domain.directory import Directory
from dialback.domain.hosts import DEFAULT_TARGET, parse_target
from dialback.domain.ids import UserName
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN
from dialback.identity.tokens import hash_token
from dialback.store.sql import SqlStore

app = typer.Typer(no_args_is_help=True, help="Resources: what users can start.")
Users = Annotated[list[str] | None, typer.Option("--user", help="User who may use it; repeat for more.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name: lower-case letters, digits, hyphens.")],
    host: Annotated[str | None, typer.Option("--host", help="Name or id of its session host.")] = None,
    pool: Annotated[str | None, typer.Option("--pool", help="Name of its host pool, if hosts share one.")] = (
        None
    ),
    target: Annotated[str, typer.Option(help="Where its RDP server listens, seen from the host.")] = (
        DEFAULT_TARGET
    ),
    user: Users = None,
    data: Data = None,
) -> None:
    """Publish a desktop of a host or a pool; the hosts' own agent settings must allow the target too."""
    run(_add(name, host, pool, target, user or [], data))
    say(f"Published {name} on {host or pool}; open it with `dialback connect-file {name} --user USER`.")


@app.command("assign")
def assign(
    name: Annotated[str, typer.Argument(help="Name of the resource.")],
    user: Annotated[list[str], typer.Option("--user", help="User who may use it; repeat for more.")],
    data: Data = None,
) -> None:
    """Let users use a resource."""
    run(_assign(name, user, data))
    say(f"Assigned {name} to {', '.join(user)}.")


@app.command("list")
def list_resources(data: Data = None, as_json: Json = False) -> None:
    """List resources."""
    rows = run(_list(data))
    if as_json:
        print_json(rows)
        return
    columns = ("RESOURCE", "KIND", "HOST POOL", "TARGET")
    texts = [(row["name"], row["kind"], row["pool"], row["target"]) for row in rows]
    print_table(columns, texts, "Nothing is published; see `dialback resource add`.")


def revoke_file(
    file: Annotated[Path, typer.Argument(help="Connection file whose token is to open nothing more.")],
    data: Data = None,
) -> None:
    """Revoke a connection file that was lost or given to the wrong person; what it opened is cut off."""
    with sentences():
        token = token_in(file.read_bytes())
        if not token:
            raise Failed(f"{file} holds no token; it is not a connection file of this server.")
    run(_revoke(token, data))
    say(f"Revoked: {file} opens nothing more.")


async def _add(
    name: str, host: str | None, pool: str | None, target: str, users: list[str], data: Path | None
) -> None:
    resource_name = parse_resource_name(name)
    parse_target(target)
    names = [parse_user_name(user) for user in users]
    async with opened_store(data) as store:
        if (host is None) == (pool is None):
            raise Failed("Name either the host or the host pool that the desktop is of.")
        if host is not None:
            pool_id = await pool_of(store.directory, await find_host(store, host))
        else:
            pool_id = (await pool_named(store.directory, str(pool))).id
        published = await publish(store.directory, resource_name, pool_id, target)
        detail = f"{published.name} of host pool {pool_id}, target {target}"
        await note(store.audit, "resource.save", f"resource:{published.id}", detail)
        await _assign_users(store, published, names)


async def _assign(name: str, users: list[str], data: Path | None) -> None:
    names = [parse_user_name(user) for user in users]
    async with opened_store(data) as store:
        await _assign_users(store, await _resource(store.directory, name), names)


async def _assign_users(store: SqlStore, resource: PublishedResource, names: list[UserName]) -> None:
    group = f"application-group:{resource.application_group}"
    for user, made in await assign_users(store.directory, resource, names):
        if made:
            await note(store.audit, "user.save", f"user:{user.id}", f"{user.name} made")
        await note(store.audit, "application-group.assign", group, f"user {user.name}")


async def _list(data: Path | None) -> list[dict[str, object]]:
    async with opened_store(data) as store:
        directory = store.directory
        resources = await everything(directory, PublishedResource)
        groups = {each.id: each for each in await everything(directory, ApplicationGroup)}
        pools = {each.id: each for each in await everything(directory, HostPool)}
    return [
        {
            "name": each.name,
            "title": each.title,
            "kind": each.kind.value,
            "application_group": groups[each.application_group].name,
            "pool": pools[groups[each.application_group].pool].name,
            "target": each.target,
        }
        for each in resources
    ]


async def _revoke(token: str, data: Path | None) -> None:
    async with opened_store(data) as store:
        hash = hash_token(token)
        known, _ = await store.token(hash)
        if known is None or not await store.revoke_token(hash, datetime.now(UTC)):
            raise Failed("The token in the file was not issued by this server; there is nothing to revoke.")
        detail = f"{known.resource} for {known.user}"
        subject = f"resource:{known.resource}"
        await note(store.audit, "connection-file.revoke", subject, detail, known.tenant)


async def _resource(directory: Directory, name: str) -> PublishedResource:
    resource = await directory.find(PublishedResource, MAIN, parse_resource_name(name))
    if resource is None:
        raise Failed(f"There is no resource {name!r}; `dialback resource list` shows them.")
    return resource


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="resource")
    commands.command("revoke-file")(revoke_file)
