"""`dialback tenants`: whom a technician serves, and their hosts as they are: once, or as they change.

What is watched is read every few seconds, as the window does it; a platform that does not answer for a while
is said so and read again. On a terminal the table is renewed in its place; for programs each change is a line
of JSON, and the first lines are what is there.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from dialback.cli.api import Api, ApiRefused, over_api
from dialback.cli.context import Failed, Json
from dialback.cli.output import make_table, out, print_json, print_line, print_table
from dialback.cli.reach import TENANTS
from dialback.domain.errors import Problem
from dialback.observe.log import escape

EVERY_S = 4.0
COLUMNS = ("HOST", "NAME", "LINK", "SESSIONS", "FAILING", "SYSTEM", "AGENT")
NOBODY = "You serve no tenant; ask the provider's administrator."

State = dict[str, Any]
"""A host as it is: its name, link, sessions, failing checks, system and agent."""
States = dict[tuple[str, str], State]
Read = Callable[[], Awaitable[Sequence[Any]]]
Show = Callable[[Sequence[Any] | None, str], None]
"""Shows what was read; or None, and why nothing was."""


@over_api
async def list_tenants(
    api: Api,
    tenant: Annotated[str, typer.Argument(help="Show the hosts of this tenant alone.")] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and show what changes, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the tenants you serve, and their hosts as they are now."""
    read = partial(read_tenants, api, tenant)
    if watch:
        await watch_tenants(read, as_json=as_json)
    elif as_json:
        print_json(await read())
    else:
        print_table(COLUMNS, rows_of(await read()), NOBODY)


async def read_tenants(api: Api, tenant: str = "") -> Sequence[Any]:
    """Return one tenant, or all that the technician serves, with their hosts."""
    tenants = [await api.get(*TENANTS, tenant)] if tenant else await api.all(*TENANTS)
    return [{**each, "hosts": await api.all(*TENANTS, each["id"], "hosts")} for each in tenants]


async def watch_tenants(read: Read, *, as_json: bool) -> None:
    """Show what changes until the task is cancelled, as Ctrl-C does it: that is an end like any other."""
    if not as_json and not out.is_terminal:
        raise Failed("`--watch` renews a table on a terminal; take `--json` for programs.")
    with suppress(asyncio.CancelledError):
        if as_json:
            await follow(read, Changes().show)
        else:
            with Live(console=out, auto_refresh=False) as live:
                await follow(read, Picture(live).show)


async def follow(read: Read, show: Show, every_s: float = EVERY_S) -> None:
    """Read and show without end.

    Raises:
        Problem: the first reading failed, or the platform refuses.
    """
    show(await read(), "")
    while True:
        await asyncio.sleep(every_s)
        try:
            found = await read()
        except ApiRefused:
            raise
        except Problem as problem:
            show(None, str(problem))
        else:
            show(found, "")


class Picture:
    """The table in its place; what was read last is shown on while nothing can be read."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._tenants: Sequence[Any] = ()

    def show(self, tenants: Sequence[Any] | None, why: str) -> None:
        """Show what was read, or why nothing was."""
        if tenants is not None:
            self._tenants = tenants
        rows = list(rows_of(self._tenants))
        table = make_table(COLUMNS, rows) if rows else Text(NOBODY)
        note = Text(f"Not read any more: {escape(why)}" if why else "Ctrl-C ends this.")
        self._live.update(Group(table, Text(), note), refresh=True)


class Changes:
    """A line of JSON for each change; the first reading changes nothing into what is there."""

    def __init__(self) -> None:
        self._before: States = {}
        self._why = ""

    def show(self, tenants: Sequence[Any] | None, why: str) -> None:
        """Print what changed."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        if why and why != self._why:
            print_line(json.dumps({"at": at, "problem": why}))
        self._why = why
        if tenants is not None:
            now = states_of(tenants)
            for change in changes(self._before, now):
                print_line(json.dumps({"at": at, **change}))
            self._before = now


def states_of(tenants: Sequence[Any]) -> States:
    """Return how each host is, by the ids of tenant and host."""
    return {(each["id"], host["id"]): _state(each, host) for each in tenants for host in each["hosts"]}


def changes(before: States, now: States) -> Iterator[dict[str, Any]]:
    """Yield each host that is another than before, that came (`was` is null) or went (`now` is)."""
    for tenant, host in sorted(before.keys() | now.keys()):
        was, is_now = before.get((tenant, host)), now.get((tenant, host))
        if was != is_now:
            yield {"tenant": tenant, "host": host, "was": was, "now": is_now}


def rows_of(tenants: Sequence[Any]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the table."""
    for tenant in tenants:
        for host in tenant["hosts"]:
            state = _state(tenant, host)
            state["failed"] = ", ".join(state["failed"])
            yield (f"{tenant['id']}/{host['id']}", *state.values())
        if not tenant["hosts"]:
            yield (tenant["id"], "no host", "", "", "", "", "")


def _state(tenant: Any, host: Any) -> State:
    link = "suspended" if tenant["suspended"] else "up" if host["link_up"] else "down"
    return {
        "name": host["name"],
        "link": link,
        "sessions": host["sessions"],
        "failed": host["failed"],
        "system": (host["report"] or {}).get("system", ""),
        "agent": host["agent_version"],
    }


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("tenants")(list_tenants)
