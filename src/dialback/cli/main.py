"""The `dialback` command."""

from typing import Annotated

import typer

from dialback import __version__
from dialback.cli import agent, connections, hosts, resources, server
from dialback.cli.output import print_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Remote desktops without an open port.",
)
app.command("serve")(server.serve)
app.add_typer(agent.app, name="agent")
app.add_typer(hosts.app, name="host")
app.add_typer(resources.app, name="resource")
app.command("connect-file")(resources.connect_file)
app.add_typer(connections.app, name="connection")
app.command("doctor")(server.doctor)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if show:
        print_line(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    app()
