"""`dialback agent consent`: answer the provider at the host itself, without the platform."""

import getpass
from datetime import timedelta
from typing import Annotated

import typer

from dialback.agent.consent_local import LocalConsent
from dialback.agent.settings import load_settings
from dialback.cli.agent_folder import Folder, default_folder
from dialback.cli.context import Json, sentences
from dialback.cli.output import print_json, print_table, say, shown

app = typer.Typer(no_args_is_help=True, help="Consent to the provider, given at this host itself.")
REQUEST_COLUMNS = ("REQUEST", "STAFF", "ROLE", "SCOPE", "TARGET", "PURPOSE", "TICKET", "ASKED")
GRANT_COLUMNS = ("GRANT", "STAFF", "SCOPES", "TARGETS", "PURPOSE", "UNTIL", "APPROVED BY", "SIGNED BY")


@app.command("list")
def list_command(folder: Folder = None, json: Json = False) -> None:
    """List what waits for an answer, and what was granted at this host."""
    with sentences():
        local = LocalConsent(folder or default_folder())
        waiting = [each.request for each in local.waiting()]
        trusting = load_settings(folder or default_folder()).consent
        granted = local.granted(trusting.keys if trusting else ())
    requests = [
        (
            each.id,
            each.staff,
            each.role,
            each.scope,
            each.target,
            each.purpose,
            each.ticket_number,
            each.asked_at,
        )
        for each in waiting
    ]
    grants = [
        (
            each.id,
            each.staff,
            ", ".join(sorted(each.scopes)),
            ", ".join(sorted(each.targets)),
            each.purpose,
            each.until,
            each.approved_by,
            ", ".join(sorted(signers)),
        )
        for each, signers in granted
    ]
    if json:
        keys = [column.lower().replace(" ", "_") for column in (*REQUEST_COLUMNS, *GRANT_COLUMNS)]
        split = len(REQUEST_COLUMNS)
        print_json(
            {
                "waiting": [dict(zip(keys[:split], row, strict=True)) for row in requests],
                "granted": [dict(zip(keys[split:], row, strict=True)) for row in grants],
            }
        )
        return
    print_table(REQUEST_COLUMNS, requests, "Nothing waits for an answer.")
    print_table(GRANT_COLUMNS, grants, "Nothing is granted at this host.")


@app.command("approve")
def approve(
    request: Annotated[str, typer.Argument(help="Id of the request, from `dialback agent consent list`.")],
    folder: Folder = None,
    minutes: Annotated[float, typer.Option(min=1, max=44640, help="How long the grant holds.")] = 60,
    uses: Annotated[int, typer.Option(min=0, help="For how many visits; 0 for any number.")] = 0,
    by: Annotated[str, typer.Option(help="Who approves; by default, who runs this command.")] = "",
) -> None:
    """Grant what was asked, signed with this host's own key."""
    with sentences():
        local = LocalConsent(folder or default_folder())
        grant = local.approve(request, by or getpass.getuser(), timedelta(minutes=minutes), uses)
    say(f"Granted to {shown(grant.staff)} until {shown(grant.until)}: {shown(grant.purpose)}.")
    say(f"To take it back: dialback agent consent revoke {grant.id}")


@app.command("revoke")
def revoke(
    grant: Annotated[str, typer.Argument(help="Id of the grant, whoever gave it.")], folder: Folder = None
) -> None:
    """Revoke a grant for this host: what it opened is cut within a second."""
    with sentences():
        LocalConsent(folder or default_folder()).revoke(grant)
    say(f"Grant {grant} is revoked on this host.")


@app.command("key")
def key(folder: Folder = None) -> None:
    """Show the fingerprint of this host's own consent key; the first time, make it."""
    with sentences():
        say(LocalConsent(folder or default_folder()).key_fingerprint())
