"""The pages on which people prove who they are: sign-in in two steps, at a provider, by invitation; sign-out.

Each refusal is told in words and noted. A page never says which of name and password was wrong. Where a
sign-in leads to is a path of this server, whatever the link said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import parse_login
from dialback.domain.errors import SENTENCES, Reason, Refused, sentence_for_user
from dialback.domain.ids import TenantId
from dialback.domain.passwords import MIN_PASSWORD_CHARS
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.identity.authenticator import Authenticator, Opened
from dialback.identity.oidc.settings import OidcSettings
from dialback.web import people, second_step
from dialback.web.forms import Form
from dialback.web.notes import Notes
from dialback.web.origin import origin_of
from dialback.web.pages import Pages, own_path, see_other

_CODE_STEP: Final = frozenset({Reason.CODE_WANTED, Reason.CODE_REFUSED})
_ASKED: Final = frozenset({Reason.CODE_WANTED, Reason.PASSWORD_WEAK})
"""What somebody is asked for, which refuses them nothing yet."""
_TRY_AGAIN: Final = _CODE_STEP | {Reason.PASSWORD_WEAK, Reason.SIGN_IN_LOCKED}
"""Refusals after which an invitation stays good."""


@dataclass(frozen=True, slots=True)
class SigningIn:
    """What the pages need. `key`, 32 bytes or more, seals what browsers carry between two steps."""

    pages: Pages
    notes: Notes
    authenticator: Authenticator
    key: bytes
    now: Callable[[], datetime]
    providers: Sequence[OidcSettings] = ()


def make_router(needs: SigningIn) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    pages, authenticator = needs.pages, needs.authenticator

    @router.get("/signin")
    async def signin(request: Request, next: str = "/") -> Response:
        if await people.person_of(request) is not None:
            return see_other(own_path(next))
        return _page(needs, next)

    @router.post("/signin")
    async def sign_in(request: Request, form: Form) -> Response:
        login, password = form.get("name", "").strip(), Secret(form.get("password", ""))
        return await _sign_in(needs, request, login, password, "", form.get("next", "/"))

    @router.post("/signin/code")
    async def sign_in_with_code(request: Request, form: Form) -> Response:
        next = form.get("next", "/")
        try:
            login, password = second_step.unseal(form.get("sealed", ""), needs.key, needs.now())
        except Refused as refused:
            return _page(needs, next, error=sentence_for_user(refused.reason), status=403)
        # An empty code would be the first step again; this is a wrong one.
        return await _sign_in(needs, request, login, password, form.get("code", "").strip() or "-", next)

    @router.post("/signout")
    async def sign_out(request: Request) -> Response:
        person, secret = await people.person_of(request), people.secret_of(request)
        if person is not None and secret is not None:
            await authenticator.end(secret)
            needs.notes.did(request, person, "sign-in.end")
        response = see_other("/signin")
        people.drop_cookie(response)
        return response

    @router.get("/invitation/{secret}")
    async def invitation(secret: str) -> Response:
        user = await authenticator.invited(Secret(secret))
        return _invitation(pages, user.name, "", ask_code=False)

    @router.post("/invitation/{secret}")
    async def accept(request: Request, secret: str, form: Form) -> Response:
        user = await authenticator.invited(Secret(secret))
        password, code = Secret(form.get("password", "")), form.get("code", "").strip()
        if form.get("again", "") != password.reveal():
            return _invitation(pages, user.name, "The two passwords differ.", ask_code=bool(code))
        try:
            opened = await authenticator.accept(Secret(secret), password, origin_of(request), code)
        except Refused as refused:
            _note_refusal(needs.notes, request, user.tenant, user.name, refused)
            if refused.reason not in _TRY_AGAIN:
                raise
            ask_code = bool(code) or refused.reason in _CODE_STEP
            return _invitation(pages, user.name, in_words(refused, needs.now()), ask_code=ask_code)
        needs.notes.note(request, user.tenant, user.name, "invitation.accept", f"user:{user.id}")
        return signed_in(opened, "/")

    return router


async def _sign_in(
    needs: SigningIn, request: Request, login: str, password: Secret, code: str, next: str
) -> Response:
    try:
        opened = await needs.authenticator.by_password(login, password, code, origin_of(request))
    except Refused as refused:
        _note_refusal(needs.notes, request, *_who(login), refused)
        if refused.reason in _CODE_STEP:
            sealed = second_step.seal(login, password, needs.key, needs.now())
            return _code_page(needs.pages, sealed, next, refused)
        return _page(needs, next, login=login, error=in_words(refused, needs.now()), status=403)
    user = opened.user
    needs.notes.note(request, user.tenant, user.name, "sign-in.open", detail=opened.sign_in.method)
    return signed_in(opened, next)


def signed_in(opened: Opened, next: str) -> Response:
    """Return the answer to who has just signed in."""
    response = see_other(own_path(next))
    people.set_cookie(response, opened.secret)
    return response


def in_words(refused: Refused, now: datetime) -> str:
    """Return the reason's sentence, with what the person can act on: how long, or which rule."""
    sentence = sentence_for_user(refused.reason)
    if refused.reason is Reason.PASSWORD_WEAK:
        return f"{sentence} ({refused.detail})"
    if refused.reason is Reason.SIGN_IN_LOCKED and refused.detail.startswith("until "):
        seconds = (datetime.fromisoformat(refused.detail.removeprefix("until ")) - now).total_seconds()
        minutes = max(1, -(-int(seconds) // 60))
        return f"{sentence} It is possible again in {minutes} minute{'s' if minutes > 1 else ''}."
    return sentence


def _note_refusal(notes: Notes, request: Request, tenant: TenantId, name: str, refused: Refused) -> None:
    if refused.reason in _ASKED:
        return
    notes.note(request, tenant, name, "sign-in.refused", detail=SENTENCES[refused.reason], allowed=False)


def _who(login: str) -> tuple[TenantId, str]:
    """Return tenant and name that somebody typed; what can be no name is kept as it is, escaped."""
    try:
        return parse_login(login)
    except ValueError:
        return MAIN, ascii(login[:100])


def _page(needs: SigningIn, next: str, login: str = "", error: str = "", status: int = 200) -> Response:
    return needs.pages.answer(
        "signin.html",
        status,
        next=own_path(next),
        login=login,
        error=error,
        providers=needs.providers,
        person=None,
        navigation=(),
    )


def _code_page(pages: Pages, sealed: str, next: str, refused: Refused) -> Response:
    wrong = refused.reason is Reason.CODE_REFUSED
    return pages.answer(
        "code.html",
        403 if wrong else 200,
        sealed=sealed,
        next=own_path(next),
        error=sentence_for_user(refused.reason) if wrong else "",
        person=None,
        navigation=(),
    )


def _invitation(pages: Pages, name: str, error: str, *, ask_code: bool) -> Response:
    return pages.answer(
        "invitation.html",
        403 if error else 200,
        name=name,
        error=error,
        ask_code=ask_code,
        least=MIN_PASSWORD_CHARS,
        person=None,
        navigation=(),
    )
