"""Sign-in at an OpenID provider: the browser goes there and comes back with a code.

Until it is back, a short cookie holds what was begun, sealed. It is SameSite=Lax, since the answer comes from
the provider's site, and lies under the path of its own callback alone; it is dropped with the first answer.
"""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.errors import SENTENCES, Reason, Refused, sentence_for_user
from dialback.domain.ids import TenantId, UserName
from dialback.identity.authenticator import ExternalPerson, Opened
from dialback.identity.oidc import claims
from dialback.identity.oidc.flow import OidcProvider
from dialback.identity.oidc.pending import LIFE, seal, unseal
from dialback.identity.oidc.roles import directory_groups_from, managed_groups, role_from
from dialback.identity.oidc.settings import OidcSettings
from dialback.web.origin import origin_of
from dialback.web.pages import own_path, see_other
from dialback.web.problems import NotFound
from dialback.web.signin import SigningIn, signed_in

COOKIE: Final = "__Secure-dialback-oidc"
NEXT_COOKIE: Final = "__Secure-dialback-next"


def make_router(needs: SigningIn, providers: Mapping[str, OidcProvider], address: str) -> APIRouter:
    """Return the routes; `providers` by their names, `address` is `NAME:PORT` as browsers reach us."""
    router = APIRouter()

    @router.get("/signin/oidc/{name}")
    async def begin(name: str, next: str = "/") -> Response:
        provider = _named(providers, name)
        where, pending = await provider.begin(callback_of(address, name))
        response = see_other(where)
        _keep(response, name, COOKIE, seal(pending, needs.key))
        _keep(response, name, NEXT_COOKIE, own_path(next))
        return response

    @router.get("/signin/oidc/{name}/callback")
    async def finish(request: Request, name: str) -> Response:
        provider = _named(providers, name)
        try:
            opened = await _finish(needs, provider, request)
        except Refused as refused:
            response = _refused(needs, request, provider.settings, refused)
        else:
            user = opened.user
            if opened.changes:
                detail = ", ".join(opened.changes)
                subject = f"user:{user.id}"
                needs.notes.note(request, user.tenant, provider.settings.name, "user.save", subject, detail)
            needs.notes.note(request, user.tenant, user.name, "sign-in.open", detail=opened.sign_in.method)
            response = signed_in(opened, request.cookies.get(NEXT_COOKIE, "/"))
        for cookie in (COOKIE, NEXT_COOKIE):
            response.delete_cookie(cookie, _path(name), secure=True, httponly=True, samesite="lax")
        return response

    return router


def callback_of(address: str, name: str) -> str:
    """Return the address to which the provider sends people back; it is registered there."""
    return f"https://{address.removesuffix(':443')}{_path(name)}/callback"


async def _finish(needs: SigningIn, provider: OidcProvider, request: Request) -> Opened:
    pending = unseal(request.cookies.get(COOKIE, ""), needs.key, needs.now())
    person = await provider.finish(pending, dict(request.query_params))
    settings = provider.settings
    try:
        return await needs.authenticator.by_external(
            TenantId(settings.tenant), known_as(person, settings), settings.create_users, origin_of(request)
        )
    except ValueError as error:
        raise Refused(Reason.OIDC_CLAIM_UNFIT, str(error)) from error


def known_as(person: claims.ExternalPerson, settings: OidcSettings) -> ExternalPerson:
    """Return what the provider says of somebody, in terms of the directory."""
    member_of = directory_groups_from(person.groups, settings)
    return ExternalPerson(
        person.issuer,
        person.subject,
        UserName(person.name),
        person.display_name,
        role_from(person.groups, settings),
        {group: group in member_of for group in managed_groups(settings)},
    )


def _refused(needs: SigningIn, request: Request, settings: OidcSettings, refused: Refused) -> Response:
    tenant, detail = TenantId(settings.tenant), f"{SENTENCES[refused.reason]} {refused.detail}".strip()
    needs.notes.note(request, tenant, settings.name, "sign-in.refused", detail=detail, allowed=False)
    return needs.pages.answer(
        "problem.html",
        503 if refused.reason is Reason.OIDC_PROVIDER_UNAVAILABLE else 403,
        heading="Not signed in",
        sentence=sentence_for_user(refused.reason),
        detail=refused.detail[:200],
        person=None,
        navigation=(),
    )


def _named(providers: Mapping[str, OidcProvider], name: str) -> OidcProvider:
    if name not in providers:
        raise NotFound
    return providers[name]


def _path(name: str) -> str:
    return f"/signin/oidc/{name}"


def _keep(response: Response, name: str, cookie: str, value: str) -> None:
    life_s = int(LIFE.total_seconds())
    response.set_cookie(cookie, value, life_s, path=_path(name), secure=True, httponly=True, samesite="lax")
