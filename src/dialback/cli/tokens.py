"""`dialback token`: API tokens, with which programs use the API."""

from typing import Annotated

import typer

from dialback.cli.api import Api
from dialback.cli.context import Json
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import instant, print_json, print_line, print_table, say
from dialback.domain.accounts import Scope

app = typer.Typer(no_args_is_help=True, help="API tokens of programs.")
TOKENS = "api-tokens"


@app.command("list")
@in_tenant
async def list_tokens(api: Api, as_json: Json = False) -> None:
    """List API tokens."""
    found = (await api.get(TOKENS))["items"]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["name"],
            ", ".join(each["scopes"]),
            each["created_by"],
            instant(each["expires_at"]),
            instant(each["used_at"]),
            instant(each["revoked_at"]),
        )
        for each in found
    ]
    columns = ("ID", "NAME", "SCOPES", "MADE BY", "EXPIRES", "LAST USED", "REVOKED")
    print_table(columns, rows, "There is no API token; see `dialback token make`.")


@app.command("make")
@in_tenant
async def make(
    api: Api,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; repeat for more.")],
    days: Annotated[float, typer.Option(help="Days it is good; 0 for until it is revoked.")] = 365,
    as_json: Json = False,
) -> None:
    """Make an API token and print it, which happens this once."""
    body = {"name": name, "scopes": [each.value for each in scope], "days": days or None}
    made = await api.post(TOKENS, body=body)
    if as_json:
        print_json(made)
    else:
        print_line(made["secret"])


@app.command("revoke")
@in_tenant
async def revoke(
    api: Api, id: Annotated[str, typer.Argument(metavar="ID", help="Id from `token list`.")]
) -> None:
    """Revoke an API token at once."""
    await api.delete(TOKENS, id)
    say(f"Revoked {id}.")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="token")
