"""`dialback pool`: host pools, their policy, and their hosts."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, body_of
from dialback.cli.context import Failed, Json
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import print_json, print_table, say
from dialback.domain.pools import LoadBalancing, PersonalAssignment, PoolKind, Redirection

app = typer.Typer(no_args_is_help=True, help="Host pools and their hosts.")
POOLS = "host-pools"
PoolArgument = Annotated[str, typer.Argument(metavar="POOL", help="Id or name of the pool.")]
HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="Id or name of the host.")]


async def pool_of(api: Api, text: str) -> Any:
    """Return the pool of that id or name."""
    return await api.named(POOLS, text, "host pool")


async def host_of(api: Api, text: str) -> Any:
    """Return the host of that id or name; `Failed` as `find_host` says."""
    return (await find_host([api], text))[1]


async def find_host(apis: Sequence[Api], text: str) -> tuple[Api, Any]:
    """Return the host of that id or name, and where it is; `Failed` if there is none, or more than one."""
    hosts = [(api, host) for api in apis for host in await api.all("hosts")]
    found = [each for each in hosts if each[1]["id"] == text] or [
        each for each in hosts if each[1]["name"] == text
    ]
    if not found:
        raise Failed(f"There is no host {text!r}; `dialback host list` shows them.")
    if len(found) > 1:
        raise Failed(f"There are {len(found)} hosts named {text!r}; use the id from `dialback host list`.")
    return found[0]


@app.command("list")
@in_tenant
async def list_pools(api: Api, as_json: Json = False) -> None:
    """List host pools."""
    pools = await api.all(POOLS)
    if as_json:
        print_json(pools)
        return
    rows = [
        (each["id"], each["name"], each["kind"], each["load_balancing"], each["session_limit"])
        for each in pools
    ]
    columns = ("ID", "NAME", "KIND", "LOAD BALANCING", "SESSION LIMIT")
    print_table(columns, rows, "There is no host pool; see `dialback pool set`.")


@app.command("show")
@in_tenant
async def show(api: Api, pool: PoolArgument, as_json: Json = False) -> None:
    """Show a host pool: its policy, and how its hosts stand."""
    found = await pool_of(api, pool)
    hosts = await api.all(POOLS, found["id"], "hosts")
    if as_json:
        print_json({**found, "hosts": hosts})
        return
    print_table(("", ""), [(name, _shown(value)) for name, value in found.items()], "")
    rows = [
        (
            each["name"],
            each["host"],
            "up" if each["link_up"] else "down",
            each["drained"],
            each["weight"],
            each["owner"],
            each["sessions"],
            ", ".join(each["failed"]),
        )
        for each in hosts
    ]
    columns = ("HOST", "ID", "LINK", "DRAINED", "WEIGHT", "OWNER", "SESSIONS", "FAILED CHECKS")
    print_table(columns, rows, "It has no host; see `dialback pool add-host`.")


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return value


@app.command("set")
@in_tenant
async def set_pool(
    api: Api,
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Id of the pool; made if it is not there.")],
    name: Annotated[str | None, typer.Option(help="What people read.")] = None,
    kind: Annotated[PoolKind | None, typer.Option(help="Pooled or personal.")] = None,
    load_balancing: Annotated[LoadBalancing | None, typer.Option(help="How new sessions are placed.")] = None,
    session_limit: Annotated[int | None, typer.Option(help="Sessions per host; 0 for no limit.")] = None,
    assignment: Annotated[PersonalAssignment | None, typer.Option(help="Of personal hosts.")] = None,
    redirect: Annotated[
        list[Redirection] | None, typer.Option(help="The redirections allowed; repeat for more.")
    ] = None,
    no_redirection: Annotated[bool, typer.Option("--no-redirection", help="Allow none.")] = False,
    multi_monitor: Annotated[bool | None, typer.Option(help="Whether all monitors are used.")] = None,
    step_up: Annotated[bool | None, typer.Option(help="Whether each connection is approved.")] = None,
    step_up_timeout: Annotated[int | None, typer.Option(help="Seconds to approve.")] = None,
    remembered_hours: Annotated[int | None, typer.Option(help="Hours an approval is remembered.")] = None,
    wake_command: Annotated[
        str | None, typer.Option(help="Command that wakes a host; empty for none.")
    ] = None,
    wake_url: Annotated[str | None, typer.Option(help="URL that wakes a host; empty for none.")] = None,
) -> None:
    """Make a host pool, or change what is said of one; all else stays."""
    found = await api.find(POOLS, pool)
    body = body_of(found or {"name": pool})
    told = {
        "name": name,
        "kind": kind,
        "load_balancing": load_balancing,
        "assignment": assignment,
        "multi_monitor": multi_monitor,
        "redirections": [] if no_redirection else redirect,
    }
    body |= {field: value for field, value in told.items() if value is not None}
    if session_limit is not None:
        body["session_limit"] = session_limit or None
    for field, value in (
        ("wanted", step_up),
        ("timeout_s", step_up_timeout),
        ("remembered_hours", remembered_hours),
    ):
        if value is not None:
            body["step_up"] = {**body.get("step_up", {}), field: value}
    for method, what in (("command", wake_command), ("webhook", wake_url)):
        if what is not None:
            known = body.get("start_on_connect") or {}
            body["start_on_connect"] = {**known, "method": method, "what": what} if what else None
    await api.put(POOLS, pool, body=body)
    say(f"{'Changed' if found else 'Made'} host pool {pool}.")


@app.command("remove")
@in_tenant
async def remove(api: Api, pool: PoolArgument) -> None:
    """Remove a host pool without hosts."""
    found = await pool_of(api, pool)
    await api.delete(POOLS, found["id"])
    say(f"Removed host pool {found['name']}.")


@app.command("add-host")
@in_tenant
async def add_host(
    api: Api,
    pool: PoolArgument,
    host: HostArgument,
    weight: Annotated[int | None, typer.Option(help="What it carries, in percent of a usual host.")] = None,
    owner: Annotated[str | None, typer.Option(help="User of a personal host; empty for nobody.")] = None,
) -> None:
    """Put a host into a pool, out of any other; or change its weight or owner."""

    async def change(body: dict[str, Any]) -> None:
        if weight is not None:
            body["weight"] = weight
        if owner is not None:
            body["owner"] = (await api.named("users", owner, "user"))["id"] if owner else None

    found = await pool_of(api, pool)
    await _save_host(api, found, host, change)
    say(f"{host} is in host pool {found['name']}.")


@app.command("remove-host")
@in_tenant
async def remove_host(api: Api, pool: PoolArgument, host: HostArgument) -> None:
    """Take a host out of a pool; its sessions go on."""
    found, member = await pool_of(api, pool), await host_of(api, host)
    await api.delete(POOLS, found["id"], "hosts", member["id"])
    say(f"{host} is no longer in host pool {found['name']}.")


@app.command("drain")
@in_tenant
async def drain(api: Api, host: HostArgument) -> None:
    """Set a host into drain mode: it keeps its sessions and gets no new one."""
    await _drain(api, host, True)
    say(f"{host} gets no new session.")


@app.command("undrain")
@in_tenant
async def undrain(api: Api, host: HostArgument) -> None:
    """End drain mode of a host."""
    await _drain(api, host, False)
    say(f"{host} gets new sessions again.")


async def _drain(api: Api, text: str, drained: bool) -> None:
    host = await host_of(api, text)
    if host["pool"] is None:
        raise Failed(f"{text} is in no host pool; see `dialback pool add-host`.")

    async def change(body: dict[str, Any]) -> None:
        body["drained"] = drained

    await _save_host(api, await api.get(POOLS, host["pool"]), host["id"], change)


async def _save_host(api: Api, pool: Any, text: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Save a host's membership as it is, but for the change; its owner stays unless that says otherwise."""
    host = await host_of(api, text)
    known = {each["host"]: each for each in await api.all(POOLS, pool["id"], "hosts")}.get(host["id"], {})
    body = {name: known[name] for name in ("weight", "drained") if name in known}
    await change(body)
    await api.put(POOLS, pool["id"], "hosts", host["id"], body=body)


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="pool")
