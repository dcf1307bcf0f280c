"""Flight records on the command line: what `dialback audit` and `dialback agent audit` share."""

from collections.abc import Sequence
from pathlib import Path

import typer

from dialback.cli.output import print_line, print_table, say
from dialback.domain.flight import FlightEntry, FlightEvent, FlightProblem
from dialback.identity.flights import Verdict, compare, judge, read_copy
from dialback.identity.grants import parse_public_key

UNPROVEN_STATUS = 3
"""A copy is whole, and yet does not prove all of it by both sides."""


def read_file(path: Path) -> str:
    """Return the text of a copy; what is no text is shown as such, and found out when it is read."""
    return path.read_bytes().decode("ascii", "backslashreplace")


def judged(text: str, other: str = "", host_key: str = "", platform_key: str = "") -> Verdict:
    """Judge a copy, and compare it with another one if there is one; keys are hexadecimal.

    Raises:
        FlightProblem: it was tampered with.
        ValueError: a key is none.
    """
    keys = (parse_public_key(key) if key else b"" for key in (host_key, platform_key))
    copy = read_copy(text)
    verdict = judge(copy, *keys)
    if other:
        theirs = read_copy(other)
        judge(theirs, verdict.host_key, verdict.platform_key)
        compare(copy, theirs)
        if len(theirs.lines) > len(copy.lines):
            raise FlightProblem(
                f"the other copy goes on behind entry {len(copy.lines) - 1}, where this one ends"
            )
    return verdict


def tell_verdict(verdict: Verdict) -> None:
    """Say what is proven, and by which keys; end with `UNPROVEN_STATUS` if it is not all."""
    say(verdict.sentence)
    for whose, key in (("host", verdict.host_key), ("platform", verdict.platform_key)):
        if key:
            print_line(f"key of the {whose}: {key.hex()}")
    if not verdict.proven:
        raise typer.Exit(UNPROVEN_STATUS)


def print_entries(entries: Sequence[FlightEntry]) -> None:
    """Print what happened, an entry in each line."""
    rows = [
        (entry.number, entry.at, entry.event.value, ", ".join(f"{k}: {v}" for k, v in entry.facts.items()))
        for entry in entries
    ]
    print_table(("NUMBER", "WHEN", "WHAT", "FACTS"), rows, "")


def proof_of(entries: Sequence[FlightEntry]) -> str:
    """Return in words whether the certificate of the host was proven on a connection."""
    proofs = [entry.facts for entry in entries if entry.event is FlightEvent.PROOF]
    if not proofs:
        return "not proven: no console has said what it saw"
    said = proofs[-1]
    by = f", says the console of {said.get('by') or 'somebody'}"
    shown = said.get("shown") or "none"
    words = {
        "proven": f"proven: the host showed the certificate {shown} that its agent announced",
        "other": f"REFUSED: the certificate {shown} was shown, not {said.get('announced')}",
        "not-announced": f"not proven: the agent had announced no certificate, {shown} was shown",
        "without-tls": "not proven: the RDP server showed no certificate",
    }
    return words.get(str(said.get("proven")), "not proven") + by
