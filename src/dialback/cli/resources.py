"""`dialback resource`: publishing in one step.

A desktop of a pool, in an application group of its own, assigned to users by name; those that nobody made yet
are made by being named. What is published in more detail has commands of its own, from `dialback pool` on.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, body_of
from dialback.cli.context import Failed, Json
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import print_json, print_table, say
from dialback.cli.pools import POOLS, host_of, pool_of
from dialback.domain.catalog import parse_resource_name, parse_user_name
from dialback.domain.hosts import DEFAULT_TARGET, parse_target
from dialback.domain.ids import UserName
from dialback.identity.tokens import make_id

app = typer.Typer(no_args_is_help=True, help="Resources: what users can start.")
RESOURCES, GROUPS, USERS = "resources", "application-groups", "users"
Users = Annotated[list[str] | None, typer.Option("--user", help="User who may use it; repeat for more.")]


@app.command("add")
@in_tenant
async def add(
    api: Api,
    name: Annotated[str, typer.Argument(help="Name: lower-case letters, digits, hyphens.")],
    host: Annotated[str | None, typer.Option("--host", help="Name or id of its session host.")] = None,
    pool: Annotated[str | None, typer.Option("--pool", help="Name of its host pool, if hosts share one.")] = (
        None
    ),
    target: Annotated[str, typer.Option(help="Where its RDP server listens, seen from the host.")] = (
        DEFAULT_TARGET
    ),
    user: Users = None,
) -> None:
    """Publish a desktop of a host or a pool; the hosts' own agent settings must allow the target too."""
    parse_resource_name(name)
    parse_target(target)
    names = _names(user or ())
    if (host is None) == (pool is None):
        raise Failed("Name either the host or the host pool that the desktop is of.")
    of = await _pool_of_host(api, host) if host is not None else (await pool_of(api, str(pool)))["id"]
    await _assign(api, await _publish(api, name, of, target), names)
    say(f"Published {name} on {host or pool}; open it with `dialback connect-file {name} --user USER`.")


@app.command("assign")
@in_tenant
async def assign(
    api: Api,
    name: Annotated[str, typer.Argument(help="Name of the resource.")],
    user: Annotated[list[str], typer.Option("--user", help="User who may use it; repeat for more.")],
) -> None:
    """Let users use a resource."""
    names = _names(user)
    known = await api.find_named(RESOURCES, parse_resource_name(name))
    if known is None:
        raise Failed(f"There is no resource {name!r}; `dialback resource list` shows them.")
    await _assign(api, known["application_group"], names)
    say(f"Assigned {name} to {', '.join(user)}.")


@app.command("list")
@in_tenant
async def list_resources(api: Api, as_json: Json = False) -> None:
    """List resources."""
    resources = await api.all(RESOURCES)
    groups = {each["id"]: each for each in await api.all(GROUPS)}
    pools = {each["id"]: each for each in await api.all(POOLS)}
    rows = [_row(each, groups[each["application_group"]], pools) for each in resources]
    if as_json:
        print_json(rows)
        return
    columns = ("RESOURCE", "KIND", "HOST POOL", "TARGET")
    texts = [(row["name"], row["kind"], row["pool"], row["target"]) for row in rows]
    print_table(columns, texts, "Nothing is published; see `dialback resource add`.")


def _row(resource: Any, group: Any, pools: dict[str, Any]) -> dict[str, object]:
    return {
        "name": resource["name"],
        "title": resource["title"],
        "kind": group["kind"],
        "application_group": group["name"],
        "pool": pools[group["pool"]]["name"],
        "target": resource["target"],
    }


def _names(users: Sequence[str]) -> list[UserName]:
    return [parse_user_name(user) for user in users]


async def _pool_of_host(api: Api, text: str) -> str:
    """Return the id of the pool of a host that is alone in it; `Failed` if it is in none, or not alone."""
    host = await host_of(api, text)
    if host["pool"] is None:
        raise Failed(f"The host {host['name']!r} is in no host pool; put it into one, then publish on that.")
    if len(await api.all(POOLS, host["pool"], "hosts")) > 1:
        shared = (await api.get(POOLS, host["pool"]))["name"]
        raise Failed(
            f"The host {host['name']!r} shares the pool {shared!r} with others; name the pool instead."
        )
    return str(host["pool"])


async def _publish(api: Api, name: str, pool: str, target: str) -> str:
    """Publish a desktop of the pool, in place of an older one of its name, whose users keep it.

    Returns:
        The id of its application group.
    """
    known = await api.find_named(RESOURCES, name)
    group = str(known["application_group"]) if known else name
    await _publish_on(api, group, pool, name)
    if known:
        await api.put(RESOURCES, known["id"], body={**body_of(known), "target": target})
    else:
        new = {"application_group": group, "name": name, "title": name, "target": target}
        # A resource of another name may have this id.
        await api.make(RESOURCES, name, new)
    return group


async def _publish_on(api: Api, group: str, pool: str, name: str) -> None:
    """Let the application group publish the pool; `Failed` if what else is in it is of another one."""
    known = await api.find(GROUPS, group)
    if known is None:
        await api.put(GROUPS, group, body={"name": group, "pool": pool})
    elif known["pool"] != pool:
        published = await api.all(RESOURCES)
        if any(each["application_group"] == group and each["name"] != name for each in published):
            raise Failed(
                f"{name} is published on another host pool, together with others; choose another name."
            )
        await api.put(GROUPS, group, body={**body_of(known), "pool": pool})


async def _assign(api: Api, group: str, names: Iterable[UserName]) -> None:
    """Let the users use everything that the application group publishes."""
    for name in names:
        user = await api.find_named(USERS, name) or await api.put(USERS, make_id(), body={"name": name})
        await api.put(GROUPS, group, "users", user["id"])


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="resource")
