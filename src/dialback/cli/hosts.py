"""`dialback host`: session hosts and their join codes."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.certificates import server_certificates
from dialback.app.settings import public_address
from dialback.cli.context import Failed, Json, run
from dialback.cli.data import Data, folder_of, note, opened_store, settings_of
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.cli.publishing import pool_named
from dialback.domain.contracts import Store
from dialback.domain.hosts import Host, JoinCode, RdpServer
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN
from dialback.identity.tokens import hash_token, make_token
from dialback.wire.agent import joincode

app = typer.Typer(no_args_is_help=True, help="Session hosts and their join codes.")


@app.command("list")
def list_hosts(data: Data = None, as_json: Json = False) -> None:
    """List session hosts: link, RDP server, security, certificate."""
    hosts = run(_hosts(data))
    if as_json:
        print_json([_plain(host) for host in hosts])
        return
    columns = ("HOST", "ID", "LINK", "RDP SERVER", "SECURITY", "CERTIFICATE SHA-256", "SYSTEM")
    rows = [(*_row(host), *_server_row(server), _system(host)) for host in hosts for server in _servers(host)]
    print_table(columns, rows, "No host is enrolled; make a join code with `dialback host code NAME`.")


@app.command("code")
def code(
    name: Annotated[str, typer.Argument(help="Name the host will have here.")],
    hours: Annotated[float, typer.Option(min=0.01, max=720, help="Life of the code.")] = 24,
    pool: Annotated[str | None, typer.Option("--pool", help="Host pool it joins; else one of its own.")] = (
        None
    ),
    tenant: Annotated[str, typer.Option("--tenant", help="Tenant whose host it will be.")] = MAIN,
    data: Data = None,
) -> None:
    """Make a join code, good for one host; run `dialback agent join CODE` on it."""
    print_line(run(_make_code(name, timedelta(hours=hours), pool, TenantId(tenant), data)))


@app.command("remove")
def remove(host: Annotated[str, typer.Argument(help="Name or id of the host.")], data: Data = None) -> None:
    """Revoke a host's key: nothing is opened to it, its agent link ends, open connections are cut."""
    run(_remove(host, data))
    say(f"Removed {host}; its open connections end now, its agent link at the next heartbeat.")


async def find_host(store: Store, text: str) -> Host:
    """Return the host of that id or name; `Failed` if there is none, or more than one."""
    hosts = [host for host in await store.all_hosts() if host.revoked_at is None]
    found = [host for host in hosts if host.id == text] or [host for host in hosts if host.name == text]
    if not found:
        raise Failed(f"There is no host {text!r}; `dialback host list` shows them.")
    if len(found) > 1:
        raise Failed(f"There are {len(found)} hosts named {text!r}; use the id from `dialback host list`.")
    return found[0]


async def _hosts(data: Path | None) -> list[Host]:
    async with opened_store(data) as store:
        return [host for host in await store.all_hosts() if host.revoked_at is None]


async def _remove(text: str, data: Path | None) -> None:
    async with opened_store(data) as store:
        host = await find_host(store, text)
        await store.revoke_host(host.id, datetime.now(UTC))
        await note(store.audit, "host.revoke", f"host:{host.id}", host.name)


async def _make_code(
    name: str, life: timedelta, pool: str | None, tenant: TenantId, data: Path | None
) -> str:
    if not 1 <= len(name) <= 253 or not name.isprintable():
        raise Failed("Give the host a name of 1 to 253 printable characters.")
    folder = folder_of(data)
    settings = settings_of(folder)
    certificates = server_certificates(folder, settings)
    secret = make_token()
    async with opened_store(data) as store:
        if await store.directory.tenant(tenant) is None:
            raise Failed(f"There is no tenant {tenant!r}.")
        joined = None if pool is None else (await pool_named(store.directory, pool, tenant)).id
        expires_at = datetime.now(UTC) + life
        kept = JoinCode(hash_token(secret), name, expires_at, tenant=tenant, pool=joined)
        await store.save_join_code(kept)
        detail = f"good until {expires_at.isoformat()}"
        await note(store.audit, "join-code.make", f"host-name:{name}", detail, tenant)
    return joincode.build(
        joincode.JoinCode(public_address(settings), certificates.ca_sha256, secret.reveal())
    )


def _plain(host: Host) -> dict[str, object]:
    plain = asdict(host)
    del plain["public_key"]
    return plain


def _servers(host: Host) -> list[RdpServer | None]:
    return list(host.report.rdp_servers) if host.report and host.report.rdp_servers else [None]


def _row(host: Host) -> tuple[object, ...]:
    return (host.name, host.id, "up" if host.link_up else "down")


def _server_row(server: RdpServer | None) -> tuple[object, ...]:
    if server is None:
        return ("", "not probed yet", "")
    if not server.answers:
        return (server.target, f"no answer: {server.problem}", "")
    return (server.target, f"{server.security} {server.tls_version}".strip(), server.certificate_sha256)


def _system(host: Host) -> str:
    return host.report.system if host.report else ""


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="host")
