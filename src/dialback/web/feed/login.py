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
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from dialback.domain.accounts import Origin
from dialback.domain.directory import Directory
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.ids import TenantId
from dialback.domain.names import check_id
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.identity.authenticator import Authenticator, Opened
from dialback.identity.ntlm import NtlmAcceptor, TooManyLogins
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.web.feed.addresses import LOGIN
from dialback.web.feed.challenges import unauthorized
from dialback.web.origin import origin_of
from dialback.wire.errors import WireError
from dialback.wire.feed.negotiation import LOGIN_CONTENT_TYPE, build_login_body
from dialback.wire.ntlm import MAX_MESSAGE_BYTES, is_negotiate, parse_authenticate

MAX_BASIC_CHARS: Final = 1024
MAX_NTLM_CHARS: Final = 4 * (MAX_MESSAGE_BYTES // 3 + 1)

_STATUS: Final = {Reason.SIGN_IN_LOCKED: 429, Reason.USER_DISABLED: 403}
_log = get_logger(__name__)


class Login:
    """Logs clients in."""

    def __init__(
        self, authenticator: Authenticator, directory: Directory, acceptor: NtlmAcceptor, metrics: Metrics
    ) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._acceptor = acceptor
        self._metrics = metrics

    def make_router(self) -> APIRouter:
        """Return the route of the login."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route(LOGIN, self.serve, methods=["GET", "HEAD"], response_model=None)
        return router

    async def serve(self, request: Request) -> Response:
        """Answer one request of a login."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        origin = origin_of(request)
        try:
            match scheme.casefold():
                case "ntlm":
                    return await self._ntlm(_decode(value, MAX_NTLM_CHARS), origin)
                case "basic":
                    return _welcome(await self._basic(_decode(value, MAX_BASIC_CHARS), origin))
        except Refused as refused:
            return self._refuse(refused, origin)
        except WireError as error:
            return self._refuse(Refused(Reason.PROTOCOL_VIOLATION, str(error)), origin)
        except TooManyLogins as problem:
            return PlainTextResponse(f"{problem}\n", 503, {"Retry-After": "120"})
        return unauthorized()

    async def _ntlm(self, message: bytes, origin: Origin) -> Response:
        if is_negotiate(message):
            return unauthorized(base64.b64encode(self._acceptor.challenge(message)).decode())
        proof = parse_authenticate(message)
        login = await self._login_of(proof.user, proof.domain)
        opened = await self._authenticator.by_workspace_proof(
            login, lambda among: self._acceptor.matching(proof, among), origin
        )
        return _welcome(opened)

    async def _basic(self, credentials: bytes, origin: Origin) -> Opened:
        name, separator, password = _text(credentials).partition(":")
        if not separator:
            raise WireError("expected a colon in credentials, got none")
        login = await self._login_of(name, "")
        return await self._authenticator.by_workspace_password(login, Secret(password), origin)

    async def _login_of(self, user: str, domain: str) -> str:
        """Return `TENANT\\NAME`: clients put the tenant into the domain, or before the name.

        Clients fill in a domain of their own when the person names none, so one that is no tenant's id says
        nothing.
        """
        before, separator, name = user.partition("\\")
        tenant = await self._tenant(before if separator else domain)
        return f"{tenant}\\{name if separator else user}"

    async def _tenant(self, named: str) -> TenantId:
        for id in (named, named.casefold()):
            try:
                check_id(id, "tenant id")
            except ValueError:
                continue
            if await self._directory.tenant(TenantId(id)) is not None:
                return TenantId(id)
        return MAIN

    def _refuse(self, refused: Refused, origin: Origin) -> Response:
        self._metrics.refused(refused.reason)
        _log.info(
            "feed login refused",
            reason=refused.reason.value,
            detail=refused.detail,
            peer=origin.address,
            client=origin.client,
        )
        if status := _STATUS.get(refused.reason):
            return PlainTextResponse(f"{SENTENCES[refused.reason]}\n", status)
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
