"""`dialback login`, `logout` and `whoami`: a person at a browser lets this command line in.

Source: RFC 8628, OAuth 2.0 Device Authorization Grant.
"""

import asyncio
from typing import Annotated

import httpx
import typer
from cryptography.hazmat.primitives.serialization import Encoding

from dialback.cli.api import (
    Api,
    ApiRefused,
    CaOption,
    Login,
    connected,
    login_path,
    opened_api,
    over_api,
    read_login,
    write_login,
)
from dialback.cli.context import Failed, Json, run, sentences
from dialback.cli.output import err, print_json, print_table, say
from dialback.identity.certificates import fingerprint, parse_certificate
from dialback.transport.tls import looking_context
from dialback.web.api.own import GRANT

CA_BYTES = 64 * 1024


def login(
    server: Annotated[str, typer.Argument(help="NAME:PORT of the server.")] = "",
    ca: CaOption = None,
    sha256: Annotated[
        str, typer.Option("--fingerprint", help="SHA-256 of the server's CA, to fetch and trust it.")
    ] = "",
) -> None:
    """Sign in: shows a link and a code for a browser, and waits until somebody lets this in."""
    with sentences():
        known = read_login()
        server = server or (known.server if known else "")
        if not server:
            raise Failed("Name the server: dialback login NAME:PORT.")
        same = known is not None and known.server == server
        ca_pem = ca.read_text(encoding="utf-8") if ca else known.ca_pem if known and same else ""
    name = run(_login(server, ca_pem, sha256))
    say(f"Signed in at {server} as {name}; the token is in {login_path()}.")


async def _login(server: str, ca_pem: str, sha256: str) -> str:
    if sha256:
        ca_pem = await _fetch_authority(server, sha256)
    async with connected(server, ca_pem) as api:
        begun = await api.post("device-code")
        say(f"Open {begun['verification_uri_complete']}")
        say(f"and compare the code {begun['user_code']} before you let this command line in.")
        token = await _wait(api, begun)
    async with connected(server, ca_pem, token) as api:
        me = await api.get("me")
    write_login(Login(server, ca_pem, token))
    return str(me["name"])


async def _wait(api: Api, begun: dict[str, object]) -> str:
    """Return the token once somebody has let this in; raise `ApiRefused` if it is denied or too late."""
    form = {"grant_type": GRANT, "device_code": str(begun["device_code"])}
    with err.status("waiting for the browser"):
        while True:
            await asyncio.sleep(float(str(begun["interval"])))
            try:
                answer = await api.ask("POST", "device-token", data=form)
            except ApiRefused as refused:
                if refused.error != "authorization_pending":
                    raise
            else:
                return str(answer["access_token"])


async def _fetch_authority(server: str, sha256: str) -> str:
    """Return the server's CA in PEM, if it has the fingerprint; nothing secret is sent for it."""
    base = f"https://{server if ':' in server else f'{server}:443'}"
    try:
        async with httpx.AsyncClient(verify=looking_context(), timeout=30) as client:
            answer = await client.get(f"{base}/ca.pem")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Failed(f"{server} cannot be reached: {error or type(error).__name__}.") from error
    pem = answer.content[:CA_BYTES]
    if answer.status_code != 200:
        raise Failed(f"{server} is no Dialback server: it answers /ca.pem with {answer.status_code}.")
    wanted = sha256.replace(":", "").casefold()
    found = fingerprint(pem)
    if found != wanted:
        raise Failed(f"The CA of {server} has the fingerprint {found}; somebody may be in between.")
    return parse_certificate(pem, "/ca.pem").public_bytes(Encoding.PEM).decode("ascii")


def logout() -> None:
    """Sign out: end the token, and forget it here."""
    with sentences():
        known = read_login()
    if known is None:
        say("Nobody is signed in.")
        return
    run(_logout(known))
    login_path().unlink(missing_ok=True)
    say(f"Signed out at {known.server}.")


async def _logout(known: Login) -> None:
    try:
        async with opened_api(known) as api:
            await api.delete("me", "sign-in")
    except ApiRefused as refused:
        # Ended there already: then it is only forgotten here.
        if refused.status != 401:
            raise


@over_api
async def whoami(api: Api, as_json: Json = False) -> None:
    """Show as whom commands call the server."""
    me = await api.get("me")
    if as_json:
        print_json(me)
        return
    facts = [
        ("name", me["name"]),
        ("kind", me["kind"]),
        ("tenant", me["tenant"]),
        ("role", me["role"]),
        ("scopes", ", ".join(me["scopes"])),
    ]
    print_table(("", ""), facts, "")


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("login")(login)
    commands.command("logout")(logout)
    commands.command("whoami")(whoami)
