"""`dialback agent`: enrol this machine and keep its agent link."""

from typing import Annotated, Literal

import typer

from dialback.agent.enrolment import join as enrol
from dialback.agent.service import run as run_agent
from dialback.cli import agent_audit, agent_consent
from dialback.cli.agent_folder import Folder, default_folder
from dialback.cli.context import run
from dialback.cli.output import say
from dialback.observe.log import configure_logging

app = typer.Typer(no_args_is_help=True, help="The host agent: runs on the machine to be reached.")
AGAIN_STATUS = 75
"""The agent ends with this when it is to be started again, for service managers that want to know."""
LogLevel = Literal["debug", "info", "warning", "error"]


@app.command("join")
def join(
    code: Annotated[str, typer.Argument(help="Join code from `dialback host code`.")],
    folder: Folder = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="RDP server the agent may dial: NAME:PORT or unix:/PATH; repeat for more."),
    ] = None,
    proxy: Annotated[str, typer.Option(help="HTTP proxy to dial out through.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Give this host a new identity.")] = False,
) -> None:
    """Enrol this machine; then start `dialback agent run`."""
    where = folder or default_folder()
    enrolled = run(enrol(code, where, targets=target or (), proxy=proxy, replace=replace))
    say(f"Enrolled as {enrolled.host_name} ({enrolled.host_id}) at {enrolled.server}; the key is in {where}.")
    say("Now run `dialback agent run`, or enable the systemd unit.")


@app.command("run")
def run_command(
    folder: Folder = None,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="One JSON object per log line.")] = False,
) -> None:
    """Keep the agent link and dial back on request, until Ctrl-C. Opens no listening socket."""
    configure_logging(json_lines=log_json, level=log_level)
    if run(run_agent(folder or default_folder())):
        raise typer.Exit(AGAIN_STATUS)


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(agent_consent.app, name="consent")
    app.command("audit")(agent_audit.audit)
    commands.add_typer(app, name="agent")
