"""`dialback publisher`: who signs connection files and flight records, and how Windows trusts the former.

`--renew` makes the key of connection files anew. It is a file of the server's, so that takes its data folder.
Files that are out there keep the old signature, so both thumbprints are shown: machines are to trust both for
a while.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from dialback.app.files import renew_signing_key, signing_key
from dialback.cli.api import Login, command_of
from dialback.cli.context import Failed, Json
from dialback.cli.data import note, opened_store, settings_of
from dialback.cli.in_tenant import opened_tenant
from dialback.cli.output import instant, print_json, print_line, print_table, say
from dialback.identity.publisher import registry_file
from dialback.identity.signing import SigningKey


async def publisher(
    chosen: Login | Path,
    as_json: Json = False,
    registry: Annotated[bool, typer.Option("--reg", help="Print a .reg file for Windows clients.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Make key and certificate anew; takes the data folder.")
    ] = False,
) -> None:
    """Show who signs connection files: certificate and thumbprints, or a .reg file to trust it."""
    if renew:
        _tell_renewed(*await _renew(chosen), as_json)
        return
    # Of the whole server, whichever tenant asks.
    async with opened_tenant(chosen) as api:
        told = await api.get("publisher")
    if registry:
        print_line(registry_file(told["thumbprint_sha1"]))
    elif as_json:
        print_json(told)
    else:
        _tell(told)


@asynccontextmanager
async def _chosen(chosen: Login | Path) -> AsyncIterator[Login | Path]:
    yield chosen


def _tell(told: dict[str, Any]) -> None:
    facts = [
        ("signed by", told["subject"]),
        ("valid until", instant(told["not_after"])),
        ("days left", told["days_left"]),
        ("SHA-1 thumbprint", told["thumbprint_sha1"]),
        ("SHA-256 thumbprint", told["thumbprint_sha256"]),
        ("key of flight records", told["platform_key"] or "none yet, the first start makes it"),
    ]
    print_table(("", ""), facts, "")


async def _renew(chosen: Login | Path) -> tuple[SigningKey, SigningKey]:
    """Return the key as it was, and as it is now."""
    if isinstance(chosen, Login):
        raise Failed("Renewing takes the server's data folder, where the key is; name it with --data.")
    settings = settings_of(chosen)
    async with opened_store(chosen) as store:
        before = signing_key(chosen, settings)
        key = renew_signing_key(chosen, settings)
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
    commands.command("publisher")(command_of(publisher, _chosen))
