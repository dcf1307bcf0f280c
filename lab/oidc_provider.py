"""A real OpenID provider on loopback: npm's `oidc-provider`, and a person who signs in there.

The provider makes new signing keys at each start, so that a restart is a rotation. Its people are given with
their claims, and any password is right. Left out: TLS, which an issuer on loopback may do without.
"""

import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from lab.listening import listening
from lab.ports import free_port
from lab.process import PATIENCE_S, Process

SCRIPT = Path(__file__).with_suffix(".mjs")
INSTALLED = Path(__file__).parent.parent / "tools" / "npm"
MAX_STEPS = 12
PEOPLE: dict[str, dict[str, Any]] = {
    "alice": {
        "name": "Alice Ärlig",
        "preferred_username": "alice@lab.test",
        "email": "alice@lab.test",
        "email_verified": True,
        "groups": ["rdp-admins", "everybody"],
    },
}
_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
_PROMPT = re.compile(r'name="prompt" value="([^"]+)"')
_ABORT = re.compile(r'href="([^"]+/abort)"')

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]


def lacking() -> str:
    """Return what the machine lacks for a provider as one sentence, empty when it lacks nothing."""
    if shutil.which("node") is None or not (INSTALLED / "node_modules" / "oidc-provider").exists():
        return "the OpenID provider needs node and its package from npm: run make setup"
    return ""


class OidcLabProvider:
    """A provider for one client, which `client_id` and `client_secret` prove."""

    def __init__(
        self,
        folder: Path,
        redirect_uri: str,
        *,
        people: Mapping[str, Mapping[str, Any]] = PEOPLE,
        algorithm: Algorithm = "RS256",
        claims_in_token: bool = False,
        auth_method: str = "client_secret_basic",
    ) -> None:
        """Plan a provider.

        Args:
            people: claims by subject, read anew at each start.
            claims_in_token: put all claims into the id token; otherwise they are in userinfo alone.
            auth_method: how the client proves itself; `none` for a public client.
        """
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.client_id = "dialback lab"
        self.client_secret = "" if auth_method == "none" else secrets.token_urlsafe(32)
        self.redirect_uri = redirect_uri
        self._folder = folder
        self._settings = {
            "issuer": self.issuer,
            "port": self.port,
            "people": people,
            "claims_in_token": claims_in_token,
            "client": {
                "client_id": self.client_id,
                **({"client_secret": self.client_secret} if self.client_secret else {}),
                "redirect_uris": [redirect_uri],
                "response_types": ["code"],
                "grant_types": ["authorization_code"],
                "token_endpoint_auth_method": auth_method,
                "id_token_signed_response_alg": algorithm,
            },
        }

    def start(self) -> Self:
        """Start it with new keys; return when it listens."""
        file = self._folder / "oidc-provider.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self._settings))
        self._process = Process.start(
            "oidc-provider", ["node", SCRIPT, file], self._folder / "oidc-provider.log", cwd=INSTALLED
        )
        endpoint = f"127.0.0.1:{self.port}"
        try:
            self._process.wait_until(
                lambda: any(one.address == endpoint for one in listening(self._process.pid)), endpoint
            )
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """End it; it forgets everybody who signed in."""
        self._process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


async def sign_in(address: str, redirect_uri: str, subject: str) -> dict[str, str]:
    """Do in the pages of the provider what a person does to sign in, and consent to all.

    Args:
        address: where the browser was sent.

    Returns:
        the parameters with which the browser comes back.
    """
    async with httpx.AsyncClient(timeout=PATIENCE_S) as browser:
        page = await browser.get(address)
        for _ in range(MAX_STEPS):
            if (landed := _landed(page, redirect_uri)) is not None:
                return landed
            page = await _step(browser, page, subject)
    raise AssertionError(f"expected to come back to {redirect_uri}, got stuck at {page.url}")


async def turn_back(address: str, redirect_uri: str) -> dict[str, str]:
    """Do what a person does who does not want to sign in after all; return as `sign_in` does."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as browser:
        page = await browser.get(address)
        for _ in range(MAX_STEPS):
            if (landed := _landed(page, redirect_uri)) is not None:
                return landed
            link = page.headers.get("location") or _found(_ABORT, page)
            page = await browser.get(urljoin(str(page.url), link))
    raise AssertionError(f"expected to come back to {redirect_uri}, got stuck at {page.url}")


async def _step(browser: httpx.AsyncClient, page: httpx.Response, subject: str) -> httpx.Response:
    if page.has_redirect_location:
        return await browser.get(urljoin(str(page.url), page.headers["location"]))
    form = {"prompt": _found(_PROMPT, page), "login": subject, "password": "any"}
    return await browser.post(urljoin(str(page.url), _found(_ACTION, page)), data=form)


def _landed(page: httpx.Response, redirect_uri: str) -> dict[str, str] | None:
    location = page.headers.get("location", "")
    return dict(parse_qsl(urlsplit(location).query)) if location.startswith(redirect_uri) else None


def _found(pattern: "re.Pattern[str]", page: httpx.Response) -> str:
    match = pattern.search(page.text)
    assert match, f"expected {pattern.pattern} at {page.url}, got {page.status_code} {page.text[:500]!r}"
    return match[1]
