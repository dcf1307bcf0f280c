"""`dialback session`: sessions on hosts, as the hosts report them."""

from typing import Annotated

import typer

from dialback.cli.api import Api, over_api
from dialback.cli.context import Failed, Json
from dialback.cli.in_tenant import in_tenant
from dialback.cli.output import instant, print_json, print_table, say
from dialback.domain.sessions import state_text

app = typer.Typer(no_args_is_help=True, help="Sessions on hosts.")
SESSIONS = "sessions"
SessionArgument = Annotated[str, typer.Argument(metavar="HOST/SESSION", help="As in `session list`.")]


@app.command("list")
@in_tenant
async def list_sessions(
    api: Api, user: Annotated[str, typer.Option(help="Only of this user.")] = "", as_json: Json = False
) -> None:
    """List sessions."""
    found = await api.all(SESSIONS, user=user)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            f"{each['host']}/{each['id']}",
            each["host_name"],
            each["user"],
            state_text(each["state"], each["locked"]),
            instant(each["since"]),
        )
        for each in found
    ]
    print_table(("SESSION", "HOST", "USER", "STATE", "SINCE"), rows, "There is no session.")


@app.command("message")
@over_api
async def message(
    api: Api, session: SessionArgument, text: Annotated[str, typer.Argument(help="What it shows.")]
) -> None:
    """Show a message in a session."""
    await api.post(SESSIONS, *_parts(session), "message", body={"text": text})
    say(f"{session} shows the message.")


@app.command("disconnect")
@over_api
async def disconnect(api: Api, session: SessionArgument) -> None:
    """Disconnect a session, which goes on without anybody looking."""
    await api.post(SESSIONS, *_parts(session), "disconnect")
    say(f"Disconnected {session}.")


@app.command("log-off")
@over_api
async def log_off(api: Api, session: SessionArgument) -> None:
    """End a session; what was not saved in it is lost."""
    await api.post(SESSIONS, *_parts(session), "log-off")
    say(f"Logged {session} off.")


def _parts(text: str) -> tuple[str, str]:
    host, _, session = text.partition("/")
    if not host or not session:
        raise Failed(f"Expected HOST/SESSION as `dialback session list` shows it, got {text!r}.")
    return host, session


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.add_typer(app, name="session")
