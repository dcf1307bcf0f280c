"""`dialback workspace`: what application groups are shown in, and the groups themselves."""

from typing import Annotated

import typer

from dialback.cli.api import Api, body_of
from dialback.cli.context import Json
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import print_json, print_table, say
from dialback.domain.catalog import ApplicationGroupKind

app = typer.Typer(no_args_is_help=True, help="Workspaces, and the application groups in them.")
WORKSPACES, GROUPS = "workspaces", "application-groups"
WorkspaceArgument = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Id or name of the workspace.")]
GroupArgument = Annotated[
    str, typer.Argument(metavar="APPGROUP", help="Id or name of the application group.")
]


@app.command("list")
@in_tenant
async def list_workspaces(api: Api, as_json: Json = False) -> None:
    """List workspaces and the application groups in each."""
    workspaces, groups = await api.all(WORKSPACES), await api.all(GROUPS)
    if as_json:
        print_json({"workspaces": workspaces, "application_groups": groups})
        return
    names = {each["id"]: each["name"] for each in workspaces}
    rows = [
        (names.get(each["workspace"]), each["id"], each["name"], each["kind"], each["pool"])
        for each in groups
    ]
    used = {each["workspace"] for each in groups}
    rows += [(each["name"], "", "", "", "") for each in workspaces if each["id"] not in used]
    columns = ("WORKSPACE", "APPLICATION GROUP", "NAME", "KIND", "HOST POOL")
    print_table(columns, rows, "Nothing is published; see `dialback workspace set`.")


@app.command("set")
@in_tenant
async def set_workspace(
    api: Api,
    workspace: Annotated[str, typer.Argument(metavar="WORKSPACE", help="Id; made if it is not there.")],
    name: Annotated[str | None, typer.Option(help="What clients show.")] = None,
    description: Annotated[str | None, typer.Option(help="What administrators read.")] = None,
) -> None:
    """Make a workspace, or change its name or description."""
    found = await api.find(WORKSPACES, workspace) or {"name": workspace, "description": ""}
    body = {
        "name": found["name"] if name is None else name,
        "description": found["description"] if description is None else description,
    }
    await api.put(WORKSPACES, workspace, body=body)
    say(f"Saved workspace {workspace}.")


@app.command("remove")
@in_tenant
async def remove(api: Api, workspace: WorkspaceArgument) -> None:
    """Remove a workspace in which nothing is shown."""
    found = await api.named(WORKSPACES, workspace, "workspace")
    await api.delete(WORKSPACES, found["id"])
    say(f"Removed workspace {found['name']}.")


@app.command("set-group")
@in_tenant
async def set_group(
    api: Api,
    group: Annotated[str, typer.Argument(metavar="APPGROUP", help="Id; made if it is not there.")],
    pool: Annotated[str | None, typer.Option(help="Host pool it publishes from.")] = None,
    name: Annotated[str | None, typer.Option(help="What people read.")] = None,
    kind: Annotated[ApplicationGroupKind | None, typer.Option(help="Desktops, or RemoteApps.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Where it is shown; empty for nowhere.")] = None,
) -> None:
    """Make an application group, or change what is said of one; all else stays."""
    found = await api.find(GROUPS, group) or {"name": group}
    body = body_of(found)
    body |= {field: value for field, value in (("name", name), ("kind", kind)) if value is not None}
    if pool is not None:
        body["pool"] = (await api.named("host-pools", pool, "host pool"))["id"]
    if workspace is not None:
        shown = await api.named(WORKSPACES, workspace, "workspace") if workspace else None
        body["workspace"] = shown["id"] if shown else None
    await api.put(GROUPS, group, body=body)
    say(f"Saved application group {group}.")


@app.command("remove-group")
@in_tenant
async def remove_group(api: Api, group: GroupArgument) -> None:
    """Remove an application group with its resources and assignments."""
    found = await api.named(GROUPS, group, "application group")
    await api.delete(GROUPS, found["id"])
    say(f"Removed application group {found['name']} with its resources.")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="workspace")
