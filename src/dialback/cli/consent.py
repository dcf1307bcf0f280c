"""`dialback consent`: what the provider asks of a tenant, and the tenant's signed answer.

The key that signs is made here and stays here, in the folder of whoever approves; the server learns its
public half alone, and a host trusts it only once it was written into the host's own settings.
"""

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from dialback.cli.api import Api, ApiRefused, over_api
from dialback.cli.context import Failed, Json
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.domain.consent import ConsentRequest, ConsentState, Grant, check_fit, grant_for
from dialback.domain.names import check_id
from dialback.identity.grants import SignedGrant, build, fingerprint, open_grant, parse, sign
from dialback.identity.host_keys import HostKey
from dialback.identity.tokens import make_id

app = typer.Typer(no_args_is_help=True, help="Consent: what the provider may do on your hosts.")
keys = typer.Typer(no_args_is_help=True, help="The keys that sign consent.")
REQUESTS = ("consent", "requests")
GRANTS = ("consent", "grants")
KEYS = ("consent", "keys")
USUAL_LIFE = "2h"
_LIFE = re.compile(r"([0-9]{1,5})([smhd])")
_REQUEST = TypeAdapter(ConsentRequest)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="Id from `consent list`.")]
KeyOption = Annotated[str, typer.Option("--key", help="Name of the key that signs, if there are several.")]


@keys.command("make")
@over_api
async def make_key(
    api: Api, name: Annotated[str, typer.Option("--name", help="Name of the key; else your own.")] = ""
) -> None:
    """Make a key that signs consent, and print the line for the agent settings of each host."""
    owner = (await api.get("me"))["name"]
    name = name or owner
    check_id(name, "name of the key (see --name)")
    path = _path(name)
    if path.exists():
        raise Failed(f"There is a consent key {path} already; choose another name with --name.")
    if any(known["name"] == name for known in (await api.get(*KEYS))["items"]):
        raise Failed(f"Somebody has a consent key named {name!r}; choose another name with --name.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = HostKey.generate()
    key.save(path)
    try:
        await api.put(*KEYS, name, body={"public_key": key.public_bytes.hex()})
    except (ApiRefused, Failed):
        path.unlink()
        raise
    say(f"The key is in {path}, and nowhere else. Write this into the table `[consent]` of each host:")
    # A JSON text is one of TOML too, whatever the name holds.
    print_line(f"keys = [{json.dumps(f'{owner}: {key.public_bytes.hex()}')}]")


@keys.command("list")
@over_api
async def list_keys(api: Api, as_json: Json = False) -> None:
    """List the keys that were registered."""
    found = (await api.get(*KEYS))["items"]
    if as_json:
        print_json(found)
        return
    rows = [(each["name"], each["public_key"], _path(each["name"]).exists()) for each in found]
    print_table(("NAME", "PUBLIC KEY", "HERE"), rows, "There is no key; see `dialback consent key make`.")


@keys.command("remove")
@over_api
async def remove_key(api: Api, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Forget a key here and on the server; hosts trust it until it is taken out of their settings."""
    await api.delete(*KEYS, name)
    _path(name).unlink(missing_ok=True)
    say(f"Removed {name}; take it out of agent.toml of each host too.")


@app.command("list")
@over_api
async def list_requests(
    api: Api,
    all: Annotated[bool, typer.Option("--all", help="Answered ones too.")] = False,
    as_json: Json = False,
) -> None:
    """List what the provider asks for and nobody has answered."""
    query = {} if all else {"state": ConsentState.WAITING.value}
    found = (await api.get(*REQUESTS, **query))["items"]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            _at(each["asked_at"]),
            f"{each['staff']} ({each['role']})",
            each["host_name"] or each["host"],
            f"{each['scope']} {each['target']}".strip(),
            each["purpose"],
            each["ticket_number"],
            each["state"],
        )
        for each in found
    ]
    columns = ("REQUEST", "ASKED", "WHO", "HOST", "FOR", "WHY", "TICKET", "STATE")
    print_table(columns, rows, "The provider asks for nothing.")


@app.command("approve")
@over_api
async def approve(
    api: Api,
    request: RequestArgument,
    life: Annotated[str, typer.Option("--for", help="How long it holds: 30m, 2h, 7d.")] = "",
    uses: Annotated[int | None, typer.Option(min=0, help="For how many visits; 0 for any number.")] = None,
    key: KeyOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask at a terminal.")] = False,
) -> None:
    """Grant what was asked, signed with your key; a second approver signs the same grant once more."""
    signer = _signer(key)
    asked = await api.get(*REQUESTS, request)
    me = await api.get("me")
    wanted = _request_of(asked, me["tenant"])
    before = _standing(asked)
    if before is not None and (life or uses is not None):
        raise Failed("It is granted already, and a second signature changes nothing of the grant.")
    if before is None:
        begins_at = datetime.now(UTC).replace(microsecond=0)
        lasts = parse_life(life or USUAL_LIFE)
        grant = grant_for(wanted, make_id(), me["name"], begins_at, lasts, uses or 0)
    else:
        grant, _ = open_grant(before, {})
        check_fit(wanted, grant)
    if before is not None and fingerprint(signer.public_bytes) in before.signatures:
        raise Failed(
            "Your key has signed this grant already; somebody else's is needed for a second signature."
        )
    _show(asked, grant, asked["grant"]["signed_by"] if before is not None else [])
    if not yes and sys.stdin.isatty() and not typer.confirm("Grant this?"):
        raise Failed("Nothing was granted.")
    signed = sign(grant, signer.public_bytes, signer.sign, before)
    # A grant of any number of uses may have been given for an earlier request.
    answered = request if before is None else asked["grant"]["request"]
    kept = await api.put(*REQUESTS, answered, "grant", body={"grant": build(signed)})
    say(f"Granted as {grant.id}, with {_count(int(kept['signatures']))}.")
    if fingerprint(signer.public_bytes) not in await _registered(api):
        say("The key is not registered here; hosts that have it in their settings trust it all the same.")


@app.command("deny")
@over_api
async def deny(api: Api, request: RequestArgument) -> None:
    """Deny what was asked."""
    await api.post(*REQUESTS, request, "deny")
    say(f"Denied {request}.")


@app.command("grants")
@over_api
async def list_grants(api: Api, as_json: Json = False) -> None:
    """List what was granted, newest first."""
    found = (await api.get(*GRANTS))["items"]
    if as_json:
        print_json(found)
        return
    rows = [_grant_row(each) for each in found]
    columns = ("GRANT", "STATE", "WHO", "HOST", "FOR", "UNTIL", "USES", "SIGNED BY", "WHY")
    print_table(columns, rows, "Nothing was granted.")


@app.command("revoke")
@over_api
async def revoke(
    api: Api, grant: Annotated[str, typer.Argument(metavar="GRANT", help="Id from `consent grants`.")]
) -> None:
    """Revoke a grant: what it opened is cut within two seconds."""
    await api.delete(*GRANTS, grant)
    say(f"Revoked {grant}.")


def keys_folder() -> Path:
    """Return where consent keys are kept."""
    return Path.home() / ".config" / "dialback" / "consent"


def parse_life(text: str) -> timedelta:
    """Parse how long a grant holds: `90s`, `30m`, `2h` or `7d`.

    Raises:
        Failed: it is none of these.
    """
    match = _LIFE.fullmatch(text)
    if not match or not int(match[1]):
        raise Failed(f"Expected a time like 30m, 2h or 7d, got {text!r}.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _path(name: str) -> Path:
    check_id(name, "name of the key")
    return keys_folder() / f"{name}.pem"


def _signer(name: str) -> HostKey:
    """Return the key of that name, or the only one there is."""
    found = sorted(keys_folder().glob("*.pem")) if not name else [_path(name)]
    if not found or not found[0].exists():
        raise Failed("There is no consent key here; make one with `dialback consent key make`.")
    if len(found) > 1:
        names = ", ".join(path.stem for path in found)
        raise Failed(f"There are several consent keys here; name one with --key: {names}.")
    return HostKey.load(found[0])


def _request_of(asked: dict[str, Any], tenant: str) -> ConsentRequest:
    names = ("id", "host", "staff", "role", "scope", "target", "purpose", "ticket_number")
    values = {name: asked[name] for name in names}
    return _REQUEST.validate_python({**values, "tenant": tenant, "asked_at": asked["asked_at"]})


def _standing(asked: dict[str, Any]) -> SignedGrant | None:
    """Return the grant that answers the request now, which somebody else has signed."""
    grant = asked["grant"]
    if asked["state"] in (ConsentState.WAITING, ConsentState.LAPSED):
        return None
    if asked["state"] == ConsentState.DENIED:
        raise Failed("It was denied; the provider has to ask again.")
    return parse(grant["text"]) if asked["state"] == ConsentState.GRANTED else None


def _show(asked: dict[str, Any], grant: Grant, signed_by: Sequence[str]) -> None:
    """Show what is about to be signed, from the grant itself."""
    facts = [
        ("who", f"{grant.staff} ({asked['role']})"),
        ("host", f"{asked['host_name']} ({grant.host})"),
        ("for", f"{', '.join(sorted(grant.scopes))} {', '.join(sorted(grant.targets))}".strip()),
        ("why", grant.purpose),
        ("ticket", grant.ticket_number),
        ("until", grant.until),
        ("uses", str(grant.uses or "any number")),
        ("approved by", grant.approved_by),
        ("signed by", ", ".join(signed_by)),
    ]
    print_table(("", ""), facts, "")


def _grant_row(kept: dict[str, Any]) -> tuple[object, ...]:
    signed = ", ".join(kept["signed_by"])
    grant = kept["grant"]
    if grant is None:
        return (kept["id"], "damaged", "", "", "", _at(kept["until"]), "", signed, "")
    scopes = f"{', '.join(grant['scopes'])} {', '.join(grant['targets'])}".strip()
    return (
        kept["id"],
        kept["state"],
        grant["staff"],
        grant["host"],
        scopes,
        _at(kept["until"]),
        str(grant["uses"] or "any"),
        signed,
        grant["purpose"],
    )


async def _registered(api: Api) -> set[str]:
    return {each["fingerprint"] for each in (await api.get(*KEYS))["items"]}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _count(signatures: int) -> str:
    return "one signature" if signatures == 1 else f"{signatures} signatures"


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(keys, name="key")
    commands.add_typer(app, name="consent")
