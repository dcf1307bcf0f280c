"""`dialback resource` and `dialback connect-file`: what is published, and the files that open it."""

import shlex
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.files import connection_file, signing_key
from dialback.app.settings import public_address
from dialback.cli.context import Failed, Json, run, sentences
from dialback.cli.data import Data, folder_of, opened_store, settings_of
from dialback.cli.hosts import find_host
from dialback.cli.output import print_json, print_table, say
from dialback.domain.access import ConnectionToken
from dialback.domain.catalog import Resource, parse_resource_name, parse_user_name
from dialback.domain.contracts import Store
from dialback.domain.hosts import DEFAULT_TARGET, Host, parse_target
from dialback.domain.ids import ResourceName, UserName
from dialback.domain.secret import Secret
from dialback.identity.files import PRIVATE, write_file
from dialback.identity.tokens import hash_token, make_token
from dialback.wire import rdpfile

app = typer.Typer(no_args_is_help=True, help="Resources: what users can start.")
Users = Annotated[list[str] | None, typer.Option("--user", help="User who may use it; repeat for more.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name: lower-case letters, digits, hyphens.")],
    host: Annotated[str, typer.Option("--host", help="Name or id of its session host.")],
    target: Annotated[str, typer.Option(help="Where its RDP server listens, seen from the host.")] = (
        DEFAULT_TARGET
    ),
    user: Users = None,
    data: Data = None,
) -> None:
    """Publish a desktop of a host; the host's own agent settings must allow the target too."""
    run(_add(name, host, target, user or [], data))
    say(f"Published {name} on {host}; open it with `dialback connect-file {name} --user USER`.")


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
    resources, hosts = run(_list(data))
    names = {host.id: host.name for host in hosts}
    if as_json:
        print_json([{**asdict(each), "host": names.get(each.host_id)} for each in resources])
        return
    rows = [(each.name, names.get(each.host_id, each.host_id), each.target) for each in resources]
    print_table(("RESOURCE", "HOST", "TARGET"), rows, "Nothing is published; see `dialback resource add`.")


def connect_file(
    name: Annotated[str, typer.Argument(help="Name of the resource.")],
    user: Annotated[str, typer.Option("--user", help="User the file is for.")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write; NAME.rdp if left out.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="Minutes it can be opened.")] = 10,
    data: Data = None,
) -> None:
    """Make a connection file that opens a resource for one user."""
    path = out or Path(f"{name}.rdp")
    pin = run(_connect_file(name, user, path, timedelta(minutes=minutes), data))
    say(f"Wrote {path}; it opens {name} for {user} within {minutes:g} minutes.")
    command = ["xfreerdp", str(path)]
    if pin:
        command.append(f"/cert:fingerprint:sha256:{colons(pin)}")
    say(f"With FreeRDP: {shlex.join(command)}")


def revoke_file(
    file: Annotated[Path, typer.Argument(help="Connection file whose token is to open nothing more.")],
    data: Data = None,
) -> None:
    """Revoke a connection file that was lost or given to the wrong person; an open session goes on."""
    with sentences():
        settings = rdpfile.parse(rdpfile.decode(file.read_bytes()))
        token = next((str(each.value) for each in settings if each.name == rdpfile.TOKEN_NAME), "")
        if not token:
            raise Failed(f"{file} holds no token; it is not a connection file of this server.")
    run(_revoke(token, data))
    say(f"Revoked: {file} opens nothing more.")


def colons(sha256: str) -> str:
    """Return a fingerprint as RDP clients want it, in pairs."""
    return ":".join(sha256[at : at + 2] for at in range(0, len(sha256), 2))


async def _add(name: str, host: str, target: str, users: list[str], data: Path | None) -> None:
    resource_name = parse_resource_name(name)
    parse_target(target)
    names = [parse_user_name(user) for user in users]
    async with opened_store(data) as store:
        found = await find_host(store, host)
        await store.save_resource(Resource(resource_name, found.id, target))
        for each in names:
            await store.assign(each, resource_name)


async def _assign(name: str, users: list[str], data: Path | None) -> None:
    names = [parse_user_name(user) for user in users]
    async with opened_store(data) as store:
        resource = await _resource(store, name)
        for each in names:
            await store.assign(each, resource.name)


async def _list(data: Path | None) -> tuple[list[Resource], list[Host]]:
    async with opened_store(data) as store:
        return list(await store.resources()), list(await store.hosts())


async def _connect_file(name: str, user: str, path: Path, life: timedelta, data: Path | None) -> str:
    user_name = parse_user_name(user)
    folder = folder_of(data)
    settings = settings_of(folder)
    async with opened_store(data) as store:
        resource = await _resource(store, name)
        if not await store.assigned(user_name, resource.name):
            raise Failed(
                f"{user!r} may not use {name}; allow it with `dialback resource assign {name} --user {user}`."
            )
        key = signing_key(folder, settings)
        token = await _issue(store, user_name, resource.name, life)
        host = await store.host(resource.host_id)
    file = connection_file(key, public_address(settings), resource, user_name, token)
    write_file(path, file, PRIVATE, replace=True)
    return _pin(host, resource)


async def _revoke(token: str, data: Path | None) -> None:
    async with opened_store(data) as store:
        if not await store.revoke_token(hash_token(token), datetime.now(UTC)):
            raise Failed("The token in the file was not issued by this server; there is nothing to revoke.")


async def _issue(store: Store, user: UserName, resource: ResourceName, life: timedelta) -> Secret:
    token, now = make_token(), datetime.now(UTC)
    await store.save_token(ConnectionToken(hash_token(token), user, resource, now, now + life))
    return token


async def _resource(store: Store, name: str) -> Resource:
    resource = await store.resource(parse_resource_name(name))
    if resource is None:
        raise Failed(f"There is no resource {name!r}; `dialback resource list` shows them.")
    return resource


def _pin(host: Host | None, resource: Resource) -> str:
    servers = host.report.rdp_servers if host and host.report else ()
    return next((server.certificate_sha256 for server in servers if server.target == resource.target), "")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="resource")
    commands.command("connect-file")(connect_file)
    commands.command("revoke-file")(revoke_file)
