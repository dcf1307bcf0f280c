"""Where an agent keeps its key and settings."""

import os
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None,
    typer.Option("--folder", envvar="DIALBACK_AGENT", help="Folder of the agent's key and settings."),
]


def default_folder() -> Path:
    """Return the agent's folder if none is named: the systemd unit's for root, else the user's own."""
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/dialback-agent")
    return Path.home() / ".config" / "dialback-agent"
