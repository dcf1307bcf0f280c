"""`dialback publisher`: who signs connection files and flight records, and how Windows trusts the former."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.files import platform_key, signing_key
from dialback.cli.context import Json, sentences
from dialback.cli.data import Data, folder_of, settings_of
from dialback.cli.output import print_json, print_line, print_table
from dialback.identity.publisher import registry_file


def publisher(
    data: Data = None,
    as_json: Json = False,
    registry: Annotated[bool, typer.Option("--reg", help="Print a .reg file for Windows clients.")] = False,
) -> None:
    """Show who signs connection files: certificate and thumbprints, or a .reg file to trust it."""
    with sentences():
        folder: Path = folder_of(data)
        key = signing_key(folder, settings_of(folder))
        platform = platform_key(folder).public_bytes.hex()
    if registry:
        print_line(registry_file(key.sha1))
        return
    if as_json:
        told = {"thumbprint_sha1": key.sha1, "thumbprint_sha256": key.sha256, "platform_key": platform}
        print_json({**asdict(key.facts), **told})
        return
    facts = [
        ("signed by", key.facts.subject),
        ("valid until", key.facts.not_after),
        ("days left", key.facts.days_left(datetime.now(UTC))),
        ("SHA-1 thumbprint", key.sha1),
        ("SHA-256 thumbprint", key.sha256),
        ("key of flight records", platform),
    ]
    print_table(("", ""), facts, "")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("publisher")(publisher)
