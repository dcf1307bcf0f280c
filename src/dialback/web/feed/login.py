"""The feed's login: NTLM or Basic with a workspace password in, a feed token as the body out.

The client adopts the body as its cookie only if the content type is exact. No client here can be asked for a
second factor, which is why these passwords are random, one per device, and open nothing but the feed; what a
file from the feed opens is decided when it is opened.

Both messages of NTLM are judged by themselves, so nothing about a login hangs on its TCP connection, and none
can leak into another's. A proof is taken once.

Source: [MS-TSWP] 2.2.3, .ASPXAUTH Cookie; 4.3, Log In; [MS-NTHT] 2.1, Transport.
"""

import base64
import binascii
from collections.abc import Awaitable
from typing import Final, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from dialback.domain.directory import Directory
from dialback.domain.errors import SENTENCES, Reason, Refused, sentence_for_user
from dialback.domain.ids import TenantId
from dialback.domain.names import MAX_USER_CHARS, check_id, check_name
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.identity.authenticator import Authenticator, Opened
from dialback.identity.ntlm import NtlmAcceptor, TooManyLogins
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.web.feed.addresses import LOGIN
from dialback.web.feed.challenges import unauthorized
from dialback.web.notes import Notes
from dialback.web.origin import origin_of
from dialback.wire.errors import WireError
from dialback.wire.feed.negotiation import LOGIN_CONTENT_TYPE, build_login_body
from dialback.wire.ntlm import MAX_MESSAGE_BYTES, is_negotiate, parse_authenticate

MAX_BASIC_CHARS: Final = 1024
MAX_NTLM_CHARS: Final = 4 * (MAX_MESSAGE_BYTES // 3 + 1)

_STATUS: Final = {Reason.SIGN_IN_LOCKED: 429, Reason.USER_DISABLED: 403}
_log = get_logger(__name__)


class _Named(NamedTuple):
    """Whom a client says it logs in: `tenant` is one of ours, `name` whatever it wrote."""

    tenant: TenantId
    name: str

    @property
    def login(self) -> str:
        return f"{self.tenant}\\{self.name}"

    @property
    def shown(self) -> str:
        """The name for the record: what nobody can be called is spelt in ASCII."""
        try:
            check_name(self.name, "user name", MAX_USER_CHARS)
        except ValueError:
            return ascii(self.name[:MAX_USER_CHARS])
        return self.name


class Login:
    """Logs clients in."""

    def __init__(
        self,
        authenticator: Authenticator,
        directory: Directory,
        acceptor: NtlmAcceptor,
        metrics: Metrics,
        notes: Notes,
    ) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._acceptor = acceptor
        self._metrics = metrics
        self._notes = notes

    def make_router(self) -> APIRouter:
        """Return the route of the login."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route(LOGIN, self.serve, methods=["GET", "HEAD"], response_model=None)
        return router

    async def serve(self, request: Request) -> Response:
        """Answer one request of a login."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            match scheme.casefold():
                case "ntlm":
                    return await self._ntlm(_decode(value, MAX_NTLM_CHARS), request)
                case "basic":
                    return await self._basic(_decode(value, MAX_BASIC_CHARS), request)
        except WireError as error:
            return self._refuse(Refused(Reason.PROTOCOL_VIOLATION, str(error)), request)
        except TooManyLogins as problem:
            return PlainTextResponse(f"{problem}\n", 503, {"Retry-After": "120"})
        return unauthorized()

    async def _ntlm(self, message: bytes, request: Request) -> Response:
        if is_negotiate(message):
            return unauthorized(base64.b64encode(self._acceptor.challenge(message)).decode())
        proof = parse_authenticate(message)
        who = await self._named(proof.user, proof.domain)
        opening = self._authenticator.by_workspace_proof(
            who.login, lambda among: self._acceptor.matching(proof, among), origin_of(request)
        )
        return await self._open(who, opening, request)

    async def _basic(self, credentials: bytes, request: Request) -> Response:
        name, separator, password = _text(credentials).partition(":")
        if not separator:
            raise WireError("expected a colon in credentials, got none")
        who = await self._named(name, "")
        opening = self._authenticator.by_workspace_password(who.login, Secret(password), origin_of(request))
        return await self._open(who, opening, request)

    async def _open(self, who: _Named, opening: Awaitable[Opened], request: Request) -> Response:
        """Answer with the token of the sign-in, or say why there is none; either is kept on record."""
        try:
            opened = await opening
        except Refused as refused:
            said = SENTENCES[refused.reason]
            self._notes.note(request, who.tenant, who.shown, "sign-in.refused", detail=said, allowed=False)
            return self._refuse(refused, request)
        user = opened.user
        self._notes.note(request, user.tenant, user.name, "sign-in.open", detail=opened.sign_in.method)
        return _welcome(opened)

    async def _named(self, user: str, domain: str) -> _Named:
        """Return whom a client names: it puts the tenant into the domain, or before the name.

        Clients fill in a domain of their own when the person names none, so one that is no tenant's id says
        nothing. Beside one that is, a name may have a backslash of its own.
        """
        before, separator, name = user.partition("\\")
        if separator and (tenant := await self._tenant(before)):
            return _Named(tenant, name)
        if tenant := await self._tenant(domain):
            return _Named(tenant, user)
        return _Named(MAIN, name if separator else user)

    async def _tenant(self, named: str) -> TenantId | None:
        for id in (named, named.casefold()):
            try:
                check_id(id, "tenant id")
            except ValueError:
                continue
            if await self._directory.tenant(TenantId(id)) is not None:
                return TenantId(id)
        return None

    def _refuse(self, refused: Refused, request: Request) -> Response:
        origin = origin_of(request)
        self._metrics.refused(refused.reason)
        _log.info(
            "feed login refused",
            reason=refused.reason.value,
            detail=refused.detail,
            peer=origin.address,
            client=origin.client,
        )
        if status := _STATUS.get(refused.reason):
            return PlainTextResponse(f"{sentence_for_user(refused.reason)}\n", status)
        return unauthorized()


def _welcome(opened: Opened) -> Response:
    _log.info("feed subscribed", tenant=opened.user.tenant, user=opened.user.name)
    body = build_login_body(opened.secret.reveal())
    # As a header of our own: the framework would add to a media type.
    return Response(body, headers={"Content-Type": LOGIN_CONTENT_TYPE, "Cache-Control": "no-store"})


def _decode(text: str, most: int) -> bytes:
    text = text.strip()
    if len(text) > most:
        raise WireError(f"expected at most {most} characters of credentials, got {len(text)}")
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise WireError("expected base64 as credentials, got something else") from None


def _text(credentials: bytes) -> str:
    """Return the text of Basic credentials; clients that do not know UTF-8 write Latin-1."""
    try:
        return credentials.decode()
    except UnicodeDecodeError:
        return credentials.decode("latin-1")
