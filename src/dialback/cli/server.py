"""`dialback serve` and `dialback doctor`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.doctor import examine
from dialback.app.run import serve as serve_node
from dialback.app.settings import FILE_NAME, Settings, load_settings, public_address, write_first_settings
from dialback.cli.context import Failed, Json, run, sentences
from dialback.cli.data import Data, folder_of
from dialback.cli.output import out, print_json, print_line, say, shown
from dialback.observe.log import configure_logging

DOCS = "docs/settings.md"


def serve(
    data: Data = None,
    listen: Annotated[str, typer.Option(help="ADDRESS:PORT to open, kept at the first start.")] = "",
    address: Annotated[str, typer.Option(help="NAME:PORT as clients and agents reach it, kept too.")] = "",
) -> None:
    """Run the server: web, gateway and broker on one port, until Ctrl-C."""
    folder = folder_of(data)
    with sentences():
        settings = _first_start(folder, listen, address)
    configure_logging(json_lines=settings.server.log_json, level=settings.server.log_level)
    run(serve_node(folder, settings, welcome=_welcome))


def doctor(data: Data = None, as_json: Json = False) -> None:
    """Look at certificate, port, clock, database and hosts, and say what to do."""
    findings = run(examine(folder_of(data)))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = "[green]ok  [/]" if finding.ok else "[bold red]mend[/]"
            out.print(f"{mark} {shown(finding.check)}: {shown(finding.seen)}")
            if not finding.ok and finding.advice:
                out.print(f"     → {shown(finding.advice)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _welcome(link: str) -> None:
    say("There is no administrator yet. Open this link, good once, to become the first:")
    print_line(link)


def _first_start(folder: Path, listen: str, address: str) -> Settings:
    """Make the data folder and its settings file where there is none, then read the settings."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
    if write_first_settings(folder, listen, address):
        say(f"First start: settings are in {folder / FILE_NAME}, described in {DOCS}.")
    settings = load_settings(folder)
    for said, kept in ((listen, settings.server.listen), (address, public_address(settings))):
        if said and said != kept:
            raise Failed(f"{said} was said, but {folder / FILE_NAME} has {kept}; change it there.")
    return settings


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("serve")(serve)
    commands.command("doctor")(doctor)
