"""The `dialback` command.

A command's module is loaded when the command is named, so that the agent does not carry the server's
libraries through its life.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from dialback import __version__
from dialback.cli.output import print_line

COMMANDS = {
    "serve": "server",
    "agent": "agent",
    "host": "hosts",
    "resource": "resources",
    "connect-file": "connection_files",
    "revoke-file": "connection_files",
    "connection": "connections",
    "user": "users",
    "group": "groups",
    "approve": "approvals",
    "audit": "audit",
    "login": "login",
    "logout": "login",
    "whoami": "login",
    "manage": "manage",
    "pool": "pools",
    "workspace": "workspaces",
    "app": "apps",
    "assign": "assignments",
    "unassign": "assignments",
    "session": "sessions",
    "token": "tokens",
    "apply": "apply",
    "provider": "provider",
    "consent": "consent",
    "tenants": "tenants",
    "connect": "reach",
    "console": "console",
    "publisher": "publisher",
    "doctor": "server",
}
"""Each command and the module that has its `register`."""


def make_app(words: Sequence[str]) -> typer.Typer:
    """Return the command line that `words` need: one module where a command is named, else all of them."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Remote desktops without an open port.",
    )
    app.callback(invoke_without_command=True)(version)
    named = [COMMANDS[word] for word in words[:1] if word in COMMANDS]
    for module in dict.fromkeys(named or COMMANDS.values()):
        import_module(f"dialback.cli.{module}").register(app)
    return app


def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Remote desktops without an open port."""
    if show:
        print_line(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    make_app(sys.argv[1:])()
