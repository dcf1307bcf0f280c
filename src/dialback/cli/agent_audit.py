"""`dialback agent audit`: the host's own flight records, and what they prove."""

from typing import Annotated

import typer

from dialback.agent.flights import Flights
from dialback.agent.identity_file import load_identity
from dialback.cli.agent_folder import Folder, default_folder
from dialback.cli.context import Failed, sentences
from dialback.cli.flights import judged, print_entries, proof_of, tell_verdict
from dialback.cli.output import out, print_table, say
from dialback.domain.flight import FlightEvent, FlightProblem
from dialback.identity.flights import Verdict


def audit(
    connection_id: Annotated[
        str, typer.Argument(metavar="[CONNECTION]", help="Id of the connection; all are listed if left out.")
    ] = "",
    folder: Folder = None,
    export: Annotated[bool, typer.Option("--export", help="Print this host's copy as it is.")] = False,
) -> None:
    """List who came to this host and why, or show one connection and what its record proves."""
    with sentences():
        where = folder or default_folder()
        key = load_identity(where).key
        flights = Flights(where, key)
        if not connection_id:
            _list(flights, key.public_bytes.hex())
            return
        text = flights.text(connection_id)
        if not text:
            raise Failed(f"This host has no flight record of connection {connection_id!r}.")
        if export:
            out.file.write(text)
            return
        verdict = judged(text, host_key=key.public_bytes.hex(), platform_key=flights.platform_key().hex())
    print_entries(verdict.entries)
    say(f"Certificate: {proof_of(verdict.entries)}.")
    tell_verdict(verdict)


def _list(flights: Flights, host_key: str) -> None:
    platform_key = flights.platform_key().hex()
    rows: list[tuple[object, ...]] = []
    for id in flights.connections():
        try:
            verdict = judged(flights.text(id), host_key=host_key, platform_key=platform_key)
        except FlightProblem as problem:
            rows.append((id, "", "", "", f"TAMPERED WITH: {problem}"))
        else:
            rows.append(_row(verdict))
    columns = ("CONNECTION", "WHEN", "WHO", "WHY", "RECORD")
    print_table(columns, rows, "Nobody came to this host of whom a flight record is kept.")


def _row(verdict: Verdict) -> tuple[object, ...]:
    first = verdict.entries[0]
    asked = first.facts if first.event is FlightEvent.ASKED else {}
    record = "proven" if verdict.proven else verdict.sentence
    return (first.connection_id, first.at, asked.get("user"), asked.get("purpose"), record)
