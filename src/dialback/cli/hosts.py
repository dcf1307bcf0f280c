"""`dialback host`: session hosts and their join codes."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from dialback.cli.api import Api
from dialback.cli.context import Json
from dialback.cli.in_tenant import in_tenant, in_tenants, tenant_of
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.cli.pools import find_host, pool_of

app = typer.Typer(no_args_is_help=True, help="Session hosts and their join codes.")
HOSTS = "hosts"


@app.command("list")
@in_tenants
async def list_hosts(apis: Sequence[Api], as_json: Json = False) -> None:
    """List session hosts: link, RDP server, security, certificate."""
    found = [host for api in apis for host in await _hosts_of(api)]
    hosts = sorted(found, key=lambda host: (host["name"], host["id"]))
    if as_json:
        print_json(hosts)
        return
    columns = ("HOST", "ID", "LINK", "RDP SERVER", "SECURITY", "CERTIFICATE SHA-256", "SYSTEM")
    rows = [(*_row(host), *_server_row(server), _system(host)) for host in hosts for server in _servers(host)]
    print_table(columns, rows, "No host is enrolled; make a join code with `dialback host code NAME`.")


@app.command("code")
@in_tenant
async def code(
    api: Api,
    name: Annotated[str, typer.Argument(help="Name the host will have here.")],
    hours: Annotated[float, typer.Option(min=0.01, max=720, help="Life of the code.")] = 24,
    pool: Annotated[str | None, typer.Option("--pool", help="Host pool it joins; else one of its own.")] = (
        None
    ),
) -> None:
    """Make a join code, good for one host; run `dialback agent join CODE` on it."""
    joined = (await pool_of(api, pool))["id"] if pool is not None else None
    made = await api.post("join-codes", body={"name": name, "hours": hours, "pool": joined})
    print_line(made["code"])


@app.command("remove")
@in_tenants
async def remove(
    apis: Sequence[Api], host: Annotated[str, typer.Argument(help="Name or id of the host.")]
) -> None:
    """Revoke a host's key: nothing is opened to it, its agent link ends, open connections are cut."""
    api, found = await find_host(apis, host)
    await api.delete(HOSTS, found["id"])
    say(f"Removed {host}; its open connections end now, its agent link at the next heartbeat.")


async def _hosts_of(api: Api) -> list[dict[str, Any]]:
    hosts = await api.all(HOSTS)
    tenant = await tenant_of(api) if hosts else ""
    # A key that was revoked is listed no more.
    return [{**host, "tenant": tenant, "revoked_at": None} for host in hosts]


def _servers(host: dict[str, Any]) -> list[dict[str, Any] | None]:
    servers: list[dict[str, Any] | None] = list(host["report"]["rdp_servers"]) if host["report"] else []
    return servers or [None]


def _row(host: dict[str, Any]) -> tuple[object, ...]:
    return (host["name"], host["id"], "up" if host["link_up"] else "down")


def _server_row(server: dict[str, Any] | None) -> tuple[object, ...]:
    if server is None:
        return ("", "not probed yet", "")
    if not server["answers"]:
        return (server["target"], f"no answer: {server['problem']}", "")
    security = f"{server['security']} {server['tls_version']}".strip()
    return (server["target"], security, server["certificate_sha256"])


def _system(host: dict[str, Any]) -> str:
    return host["report"]["system"] if host["report"] else ""


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="host")
