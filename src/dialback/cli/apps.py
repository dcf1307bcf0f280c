"""`dialback app`: the desktops and programs that an application group publishes."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, body_of
from dialback.cli.context import Json
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Published desktops and programs.")
RESOURCES = "resources"
AppArgument = Annotated[str, typer.Argument(metavar="APP", help="Id or alias of the desktop or program.")]


@app.command("list")
@in_tenant
async def list_apps(api: Api, as_json: Json = False) -> None:
    """List what is published."""
    found = await api.all(RESOURCES)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            each["title"],
            each["application_group"],
            each["remote_app"]["program"] if each["remote_app"] else "desktop",
            each["target"],
            each["shown"],
        )
        for each in found
    ]
    columns = ("ALIAS", "TITLE", "APPLICATION GROUP", "PROGRAM", "TARGET", "SHOWN")
    print_table(columns, rows, "Nothing is published; see `dialback app set`.")


@app.command("add")
@app.command("set")
@in_tenant
async def set_app(
    api: Api,
    alias: Annotated[str, typer.Argument(metavar="APP", help="Alias, which is its id too if it is new.")],
    group: Annotated[str | None, typer.Option(help="Application group that publishes it.")] = None,
    title: Annotated[str | None, typer.Option(help="What people read.")] = None,
    program: Annotated[str | None, typer.Option(help="Path on the host, or || and its alias there.")] = None,
    arguments: Annotated[str | None, typer.Option(help="Arguments of the program.")] = None,
    folder: Annotated[str | None, typer.Option(help="Working directory of the program.")] = None,
    extension: Annotated[
        list[str] | None, typer.Option(help="File extension it opens, like .txt; repeat for more.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="RDP server, seen from the host.")] = None,
    show_in: Annotated[
        list[str] | None, typer.Option(help="Folder of the client's list; repeatable.")
    ] = None,
    shown: Annotated[bool | None, typer.Option(help="Whether lists show it.")] = None,
) -> None:
    """Publish a desktop, or with --program a program; or change what is said of one."""
    found: dict[str, Any] | None = await api.find_named(RESOURCES, alias)
    body = body_of(found or {"name": alias, "title": alias})
    told = {"title": title, "target": target, "folders": show_in, "shown": shown}
    body |= {field: value for field, value in told.items() if value is not None}
    if group is not None:
        body["application_group"] = (await api.named("application-groups", group, "application group"))["id"]
    of_program = {
        "program": program,
        "arguments": arguments,
        "working_directory": folder,
        "file_extensions": extension,
    }
    said = {field: value for field, value in of_program.items() if value is not None}
    if said:
        body["remote_app"] = {**(body.get("remote_app") or {}), **said}
    if found:
        await api.put(RESOURCES, found["id"], body=body)
    else:
        # One of another alias may have this id.
        await api.make(RESOURCES, alias, body)
    say(f"Published {alias}.")


@app.command("remove")
@in_tenant
async def remove(api: Api, alias: AppArgument) -> None:
    """Publish a desktop or program no more."""
    found = await api.named(RESOURCES, alias, "desktop or program")
    await api.delete(RESOURCES, found["id"])
    say(f"Removed {found['name']}.")


@app.command("icon")
@in_tenant
async def icon(
    api: Api,
    alias: AppArgument,
    file: Annotated[Path | None, typer.Argument(help="Picture; left out for the usual one.")] = None,
) -> None:
    """Give a desktop or program a picture."""
    found = await api.named(RESOURCES, alias, "desktop or program")
    if file is None:
        await api.delete(RESOURCES, found["id"], "icon")
    else:
        picture = await asyncio.to_thread(file.read_bytes)
        await api.ask("PUT", RESOURCES, found["id"], "icon", content=picture)
    say(f"{found['name']} has {'a new' if file else 'the usual'} picture.")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="app")
