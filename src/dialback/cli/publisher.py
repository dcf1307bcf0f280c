"""`dialback publisher`: who signs connection files and flight records, and how Windows trusts the former.

`--renew` makes the key of connection files anew. Files that are out there keep the old signature, so both
thumbprints are shown: machines are to trust both for a while.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.files import platform_key, renew_signing_key, signing_key
from dialback.cli.context import Json, run, sentences
from dialback.cli.data import Data, folder_of, note, opened_store, settings_of
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.identity.publisher import registry_file
from dialback.identity.signing import SigningKey


def publisher(
    data: Data = None,
    as_json: Json = False,
    registry: Annotated[bool, typer.Option("--reg", help="Print a .reg file for Windows clients.")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Make key and certificate anew.")] = False,
) -> None:
    """Show who signs connection files: certificate and thumbprints, or a .reg file to trust it."""
    if renew:
        before, key = run(_renew(data))
        _tell_renewed(before, key, as_json)
        return
    with sentences():
        folder: Path = folder_of(data)
        key = signing_key(folder, settings_of(folder))
        platform = platform_key(folder).public_bytes.hex()
    if registry:
        print_line(registry_file(key.sha1))
        return
    if as_json:
        print_json({**asdict(key.facts), **_thumbprints(key), "platform_key": platform})
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


async def _renew(data: Path | None) -> tuple[SigningKey, SigningKey]:
    """Return the key as it was, and as it is now."""
    folder = folder_of(data)
    settings = settings_of(folder)
    async with opened_store(data) as store:
        before = signing_key(folder, settings)
        key = renew_signing_key(folder, settings)
        await note(store.audit, "publisher.renew", f"certificate:{key.sha1}", f"in place of {before.sha1}")
    return before, key


def _tell_renewed(before: SigningKey, key: SigningKey, as_json: bool) -> None:
    if as_json:
        print_json({"before": _thumbprints(before), "now": _thumbprints(key)})
        return
    rows = [("before", before.sha1, before.sha256), ("now", key.sha1, key.sha256)]
    print_table(("", "SHA-1 THUMBPRINT", "SHA-256 THUMBPRINT"), rows, "")
    say("A running server signs with the new key within a minute.")
    say(
        "Add the new SHA-1 thumbprint to the trusted publishers of your Windows clients, after a comma; take "
        "the old one out once no old file is in use: feeds renew theirs within a day."
    )


def _thumbprints(key: SigningKey) -> dict[str, str]:
    return {"thumbprint_sha1": key.sha1, "thumbprint_sha256": key.sha256}


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("publisher")(publisher)
