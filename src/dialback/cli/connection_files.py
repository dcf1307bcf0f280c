"""`dialback connect-file` and `revoke-file`: what opens a resource for one user, and the end of it."""

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, ApiRefused
from dialback.cli.context import Failed
from dialback.cli.in_tenant import in_tenant, in_tenants
from dialback.cli.output import say
from dialback.domain.approvals import number_of
from dialback.domain.catalog import parse_resource_name, parse_user_name
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import TokenHash
from dialback.domain.names import key_of
from dialback.identity.files import PRIVATE, write_file
from dialback.identity.tokens import hash_token
from dialback.web.api.problems import ApiReason
from dialback.wire import rdpfile


@in_tenant
async def connect_file(
    api: Api,
    name: Annotated[str, typer.Argument(help="Name of the resource.")],
    user: Annotated[str, typer.Option("--user", help="User the file is for; yourself if left out.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="File to write; NAME.rdp if left out.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="Minutes it can be opened.")] = 10,
) -> None:
    """Make a connection file that opens a resource for one user."""
    path = out or Path(f"{name}.rdp")
    parse_resource_name(name)
    me = await api.get("me")
    user = user or me["name"]
    id = None if me["kind"] == "user" and key_of(user) == key_of(me["name"]) else await _user(api, user, name)
    file = await _made(api, name, user, {"resource": name, "user": id, "minutes": minutes})
    pin, waits = await _facts(api, name)
    write_file(path, file, PRIVATE, replace=True)
    say(f"Wrote {path}; it opens {name} for {user} within {minutes:g} minutes.")
    command = ["xfreerdp", str(path)]
    if pin:
        command.append(f"/cert:fingerprint:sha256:{colons(pin)}")
    say(f"With FreeRDP: {shlex.join(command)}")
    if waits is not False:
        number = number_of(hash_token(token_in(file)))
        when = "It waits" if waits else "If it waits, it does so"
        say(f"{when} until {user} approves it; the number to pick is {number}.")


@in_tenants
async def revoke_file(
    apis: Sequence[Api],
    file: Annotated[Path, typer.Argument(help="Connection file whose token is to open nothing more.")],
) -> None:
    """Revoke a connection file that was lost or given to the wrong person; what it opened is cut off."""
    token = token_in(await asyncio.to_thread(file.read_bytes))
    if not token:
        raise Failed(f"{file} holds no token; it is not a connection file of this server.")
    hash = hash_token(token)
    for api in apis:
        if await _revoked(api, hash):
            say(f"Revoked: {file} opens nothing more.")
            return
    raise Failed(f"There is nothing to revoke: the token in {file} is unknown here, or not yours to revoke.")


async def _revoked(api: Api, hash: TokenHash) -> bool:
    """Revoke the file; False if it is none of the tenant's, as far as the caller may know."""
    try:
        await api.post("connection-files", "revoke", body={"token_sha256": hash})
    except ApiRefused as refused:
        if refused.reason != ApiReason.NOT_THERE:
            raise
        return False
    return True


def token_in(file: bytes) -> str:
    """Return the token of a connection file; empty if it holds none."""
    settings = rdpfile.parse(rdpfile.decode(file))
    return next((str(each.value) for each in settings if each.name == rdpfile.TOKEN_NAME), "")


def colons(sha256: str) -> str:
    """Return a fingerprint as RDP clients want it, in pairs."""
    return ":".join(sha256[at : at + 2] for at in range(0, len(sha256), 2))


async def _user(api: Api, name: str, resource: str) -> str:
    """Return the id of the user the file is for; raise if there is none, or they are disabled."""
    found = await api.find_named("users", parse_user_name(name))
    if found is None:
        await _check_resource(api, resource)
        raise _not_assigned(resource, name)
    if found["disabled_at"] is not None:
        raise Refused(Reason.USER_DISABLED)
    return str(found["id"])


async def _made(api: Api, name: str, user: str, body: dict[str, object]) -> bytes:
    try:
        file: bytes = await api.post("connection-files", body=body)
    except ApiRefused as refused:
        if refused.reason != ApiReason.NOT_THERE:
            raise
        await _check_resource(api, name)
        raise _not_assigned(name, user) from refused
    return file


async def _check_resource(api: Api, name: str) -> None:
    """Raise `Failed` if there is no such resource, as far as the caller may know."""
    if await _readable(api, "resources", name=name) == {"items": [], "after": ""}:
        raise Failed(f"There is no resource {name!r}; `dialback resource list` shows them.")


def _not_assigned(name: str, user: str) -> Failed:
    return Failed(
        f"{user!r} may not use {name}; allow it with `dialback resource assign {name} --user {user}`."
    )


async def _facts(api: Api, name: str) -> tuple[str, bool | None]:
    """Return the pin of the pool's one host, empty for none, and whether its connections wait.

    Who may not read host pools is told neither; then the latter is None.
    """
    resources = await _readable(api, "resources", name=name)
    if resources is None or not resources["items"]:
        return "", None
    resource = resources["items"][0]
    group = await api.get("application-groups", resource["application_group"])
    pool = await api.get("host-pools", group["pool"])
    members = await api.all("host-pools", pool["id"], "hosts")
    host = await _readable(api, "hosts", members[0]["host"]) if len(members) == 1 else None
    return _pin(host, resource["target"]), bool(pool["step_up"]["wanted"])


def _pin(host: Any, target: str) -> str:
    """Return the RDP certificate that the host's agent saw at the target; empty if none is known."""
    report = host["report"] if host else None
    servers = report["rdp_servers"] if report else ()
    return next((str(each["certificate_sha256"]) for each in servers if each["target"] == target), "")


async def _readable(api: Api, *path: str, **query: object) -> Any | None:
    """Return what is at the path; None if it is not for the caller to read."""
    try:
        return await api.get(*path, **query)
    except ApiRefused as refused:
        if refused.status != 403:
            raise
        return None


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("connect-file")(connect_file)
    commands.command("revoke-file")(revoke_file)
