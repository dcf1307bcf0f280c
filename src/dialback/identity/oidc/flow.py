"""A sign-in at one provider, from the button to the person: code flow with PKCE.

`begin` gives the address to which the browser goes, and what the caller keeps meanwhile; `finish` takes what
the browser brought back. The order of `finish` is the order of trust: first that the answer belongs to this
browser and this provider, then what it says, then the exchange of the code, the id token, and the claims.
Nothing is kept between the two but what the provider publishes. Source: OpenID Connect Core 1.0, 3.1
Authentication using the Authorization Code Flow; RFC 7636, 4 Protocol; RFC 9207, 2.4 Validating the Issuer
Identifier.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import quote_plus

import httpx

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.identity.oidc.cached import Cached, Now
from dialback.identity.oidc.claims import ExternalPerson, lacks_claims, person_from, subject_of
from dialback.identity.oidc.discovery import WHAT as DISCOVERY
from dialback.identity.oidc.discovery import ProviderMetadata, discovery_address, parse_metadata
from dialback.identity.oidc.fetch import ask, fetch, unavailable
from dialback.identity.oidc.id_token import Expected, check_claims, invalid, read_token, verify
from dialback.identity.oidc.keys import ProviderKeys
from dialback.identity.oidc.pending import LIFE, Pending
from dialback.identity.oidc.settings import OidcSettings

MAX_CODE_CHARS = 4096
MAX_SAID_CHARS = 200
_OURS = frozenset(
    {"invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type", "invalid_client"}
)
"""Errors that only the administrators of the two sides can mend [RFC 6749 sections 4.1.2.1 and 5.2]."""
_PASSING = frozenset({"server_error", "temporarily_unavailable"})


class OidcProvider:
    """One provider, as its settings name it. Its methods are safe to cancel and to run side by side."""

    def __init__(self, settings: OidcSettings, http: httpx.AsyncClient, now: Now) -> None:
        """Ask nothing yet: what the provider publishes is fetched by the first sign-in.

        Args:
            http: verifies certificates; may be shared with other providers.
        """
        self.settings = settings
        self._http = http
        self._now = now
        self._metadata = Cached(self._discover, now)
        self._keys = ProviderKeys(http, now)

    async def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        """Return the address to send the browser to, and what is to be kept until it comes back.

        Args:
            redirect_uri: where the provider is to send the browser; registered there, letter for letter.

        Raises:
            Refused: `OIDC_PROVIDER_UNAVAILABLE`.
        """
        metadata = await self._metadata.get()
        pending = Pending.begin(self.settings.name, redirect_uri, self._now())
        parameters = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": pending.state.reveal(),
            "nonce": pending.nonce.reveal(),
            "code_challenge": challenge_of(pending.verifier),
            "code_challenge_method": "S256",
        }
        return str(httpx.URL(metadata.authorization_endpoint).copy_merge_params(parameters)), pending

    async def finish(self, pending: Pending, query: Mapping[str, str]) -> ExternalPerson:
        """Return who signed in.

        Args:
            pending: what `begin` gave; to be forgotten by the caller, however this ends.
            query: the parameters with which the browser came to `redirect_uri`.

        Raises:
            Refused: with one of the reasons whose names begin with `OIDC_`.
        """
        self._check_ours(pending, query)
        metadata = await self._metadata.get()
        check_answer(query, metadata)
        id_token, access_token = await self._exchange(metadata, pending, query["code"])
        claims = await self._verified(metadata, id_token, access_token, pending.nonce)
        if lacks_claims(claims, self.settings) and metadata.userinfo_endpoint:
            # What is signed wins over what is not.
            claims = {**await self._userinfo(metadata, access_token, subject_of(claims)), **claims}
        return person_from(claims, self.settings)

    def _check_ours(self, pending: Pending, query: Mapping[str, str]) -> None:
        if pending.provider != self.settings.name:
            raise Refused(Reason.OIDC_STATE_WRONG, "provider")
        if self._now() >= pending.begun_at + LIFE:
            raise Refused(Reason.OIDC_STATE_WRONG, "expired")
        if Secret(query.get("state", "")) != pending.state:
            raise Refused(Reason.OIDC_STATE_WRONG, "state")

    async def _exchange(self, metadata: ProviderMetadata, pending: Pending, code: str) -> tuple[str, Secret]:
        """Return id token and access token for the code. Source: section 3.1.3 Token Endpoint."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.verifier.reveal(),
        }
        headers = {}
        if self.settings.client_secret and not metadata.secret_in_form:
            headers["authorization"] = basic(self.settings.client_id, self.settings.client_secret)
        else:
            form["client_id"] = self.settings.client_id
            if self.settings.client_secret:
                form["client_secret"] = self.settings.client_secret
        request = httpx.Request("POST", metadata.token_endpoint, data=form, headers=headers)
        answer = await ask(self._http, "token", request)
        if answer.status != httpx.codes.OK:
            raise _refused_code(answer.status, answer.values)
        id_token, access_token = answer.values.get("id_token"), answer.values.get("access_token")
        if not isinstance(id_token, str) or not _is_plain(access_token):
            raise unavailable("token", "expected an id token and an access token")
        return id_token, Secret(access_token)

    async def _verified(
        self, metadata: ProviderMetadata, id_token: str, access_token: Secret, nonce: Secret
    ) -> Mapping[str, Any]:
        token = read_token(id_token)
        key = await self._keys.find(metadata.jwks_uri, token.key_id, token.algorithm)
        claims = verify(token, key)
        expected = Expected(self.settings.issuer, self.settings.client_id, nonce, access_token, self._now())
        check_claims(claims, token.algorithm, expected)
        return claims

    async def _userinfo(
        self, metadata: ProviderMetadata, access_token: Secret, subject: str
    ) -> Mapping[str, Any]:
        """Return the claims beside the token. Source: section 5.3.4 UserInfo Response Validation."""
        headers = {"authorization": f"Bearer {access_token.reveal()}"}
        request = httpx.Request("GET", metadata.userinfo_endpoint, headers=headers)
        answer = await ask(self._http, "userinfo", request)
        if answer.status != httpx.codes.OK:
            raise unavailable("userinfo", f"expected status 200, got {answer.status}")
        if answer.values.get("sub") != subject:
            raise invalid("subject", "userinfo is of somebody else")
        return answer.values

    async def _discover(self) -> ProviderMetadata:
        values = await fetch(self._http, DISCOVERY, discovery_address(self.settings.issuer))
        return parse_metadata(values, self.settings.issuer)


def challenge_of(verifier: Secret) -> str:
    """Return the code challenge. Source: RFC 7636, 4.2 Client Creates the Code Challenge (S256)."""
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def basic(client_id: str, client_secret: str) -> str:
    """Return the header's value by which a client proves itself. Source: RFC 6749, 2.3.1 Client Password."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def check_answer(query: Mapping[str, str], metadata: ProviderMetadata) -> None:
    """Check what the browser brought, whose state is known to be right.

    Raises:
        Refused: it is of another provider, says an error, or has no code.
    """
    issuer = query.get("iss")
    if issuer != metadata.issuer and (issuer is not None or metadata.names_itself):
        raise invalid("issuer", f"expected {metadata.issuer!r} in the answer, got {str(issuer)[:200]!r}")
    if "error" in query:
        raise _refused_sign_in(query)
    code = query.get("code", "")
    if not _is_plain(code) or len(code) > MAX_CODE_CHARS:
        raise Refused(Reason.OIDC_DENIED, "no code")


def _is_plain(value: Any) -> TypeGuard[str]:
    """Say whether it can be a code or a token. Source: RFC 6749, appendix A (VSCHAR)."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != ""


def _refused_sign_in(query: Mapping[str, str]) -> Refused:
    error = query["error"]
    if error in _PASSING:
        return unavailable("authorization", _said(query))
    return Refused(Reason.OIDC_CLIENT_REFUSED if error in _OURS else Reason.OIDC_DENIED, _said(query))


def _refused_code(status: int, values: Mapping[str, Any]) -> Refused:
    """Return the refusal for an error of the token endpoint. Source: RFC 6749, 5.2 Error Response."""
    if not 400 <= status < 500 or not isinstance(values.get("error"), str):
        return unavailable("token", f"expected status 200, got {status}")
    if values["error"] == "invalid_grant":
        return Refused(Reason.OIDC_STATE_WRONG, f"code: {_said(values)}")
    return Refused(Reason.OIDC_CLIENT_REFUSED, _said(values))


def _said(values: Mapping[str, Any]) -> str:
    """Return an error in the provider's words, made fit for a log."""
    words = " ".join(str(values[key]) for key in ("error", "error_description") if values.get(key))
    return "".join(char if char.isprintable() else "?" for char in words[:MAX_SAID_CHARS])
