"""What the provider asks of the tenant: to grant, to deny, and to revoke what was granted.

The page asks every two seconds for what changed, as that of approvals does. Consent is given by a key that
the tenant holds: here that is one which the browser has made and does not give away, with which
`static/consent.js` signs the exact bytes of the grant that this module proposes, once it has shown what they
say. Nothing here can sign. A browser without such a key, or without a script, is told the command.

What is left out: the keys (`consent_keys.py`), and what becomes of a grant (`web/consents.py`).
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.consent import ConsentRequest, ConsentState, Grant, grant_for
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId
from dialback.domain.provider import ConsentKey
from dialback.domain.tenancy import Role
from dialback.identity.grants import ReadGrant, encode, fingerprint, open_grant, parse, read
from dialback.identity.tokens import make_id
from dialback.web.consents import Known, grant_state, signers_of
from dialback.web.forms import Form
from dialback.web.pages import see_other, wants_part
from dialback.web.people import Administrator, Helpdesk
from dialback.web.portal.administration.consent_keys import key_facts
from dialback.web.portal.needs import Portal, host_names, mark_of
from dialback.web.problems import NotFound

SHOWN: Final = 100
LIVES: Final[dict[str, tuple[str, timedelta]]] = {
    "30m": ("30 minutes", timedelta(minutes=30)),
    "2h": ("2 hours", timedelta(hours=2)),
    "8h": ("8 hours", timedelta(hours=8)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
}
USUAL_LIFE: Final = "2h"
USES: Final = {"0": "as often as wanted", "1": "once"}
SAID: Final = {
    "granted": "Granted: the host lets it in if it trusts the key that signed.",
    "signed": "That key has signed it already; nothing was changed.",
    "denied": "Denied: whoever waits is refused.",
    "late": "It was answered before; nothing was changed.",
    "revoked": "Revoked: what the grant has opened is cut.",
    "key": "The public half of the key is registered. Put its line into agent.toml of each host.",
    "key-removed": "The key is forgotten here; hosts trust it until it is taken out of their agent.toml.",
}


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant that is kept, how it stands, and whose keys have signed it."""

    known: ReadGrant
    state: ConsentState
    signed_by: Sequence[str]


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    _add_pages(router, portal)
    _add_decisions(router, portal)
    return router


def _add_pages(router: APIRouter, portal: Portal) -> None:
    @router.get("/admin/consent")
    async def consent(request: Request, person: Helpdesk, said: str = "", seen: str = "") -> Response:
        waiting = await portal.consents.waiting(person.user.tenant)
        facts: dict[str, Any] = {
            "requests": waiting,
            "hosts": await _hosts(portal, person, [each.request for each in waiting]),
            "mark": mark_of([each.request for each in waiting]),
            "may_change": person.role.includes(Role.ADMINISTRATOR),
        }
        if not wants_part(request):
            facts |= await _answered(portal, request, person)
            return await _show(portal, request, "admin_consent.html", said=SAID.get(said, ""), **facts)
        if facts["mark"] == seen:
            return Response(status_code=204)
        return portal.pages.answer("admin_consent_part.html", **facts)

    @router.get("/admin/consent/badge")
    async def badge(person: Administrator) -> Response:
        return portal.pages.answer("consent_badge.html", asked=await portal.pages.asked(person))

    @router.get("/admin/consent/requests/{id}")
    async def asked(
        request: Request, person: Administrator, id: str, life: str = USUAL_LIFE, uses: str = "0"
    ) -> Response:
        known = await _known(portal, person, id)
        keys = await portal.consents.provider.consent_keys(person.user.tenant)
        life, uses = life if life in LIVES else USUAL_LIFE, uses if uses in USES else "0"
        before = known.answer if known.state is ConsentState.GRANTED else None
        body = _body(before) or encode(
            proposed(known.request, person, portal.now(), LIVES[life][1], int(uses))
        )
        return await _show(
            portal,
            request,
            "admin_consent_request.html",
            known=known,
            hosts=await _hosts(portal, person, [known.request]),
            body=b64encode(body).decode(),
            signed_by=signers_of(before, keys) if before else [],
            answers=before.kept.request if before else known.request.id,
            lives=LIVES,
            life=life,
            uses_known=USES,
            uses=uses,
            **key_facts(request, person, keys),
        )


def _add_decisions(router: APIRouter, portal: Portal) -> None:
    consents = portal.consents

    @router.post("/admin/consent/requests/{id}/deny")
    async def deny(request: Request, person: Administrator, id: str) -> Response:
        known, tenant = await _known(portal, person, id), person.user.tenant
        if not await consents.deny(known, person.user.name):
            return see_other("/admin/consent?said=late")
        detail = f"{known.request.staff} on {known.request.host}"
        portal.notes.did(request, person, "consent.deny", f"consent-request:{id}", detail)
        await consents.events.denied(tenant, id)
        return see_other("/admin/consent?said=denied")

    @router.post("/admin/consent/requests/{id}/grant")
    async def grant(request: Request, person: Administrator, id: str, form: Form) -> Response:
        known, tenant = await _known(portal, person, id), person.user.tenant
        if known.denial is not None:
            return see_other("/admin/consent?said=late")
        text = form.get("signed", "")
        _check_signed(text, await portal.consents.provider.consent_keys(tenant))
        kept = await consents.keep(known.request, text)
        if kept is None:
            return see_other("/admin/consent?said=signed")
        detail = f"grant {kept.id} until {kept.until.isoformat()}, {kept.signatures} signatures"
        portal.notes.did(request, person, "consent.grant", f"consent-request:{id}", detail)
        await consents.events.granted(tenant, id)
        return see_other("/admin/consent?said=granted")

    @router.post("/admin/consent/grants/{id}/revoke")
    async def revoke(request: Request, person: Administrator, id: str) -> Response:
        tenant, grant = person.user.tenant, GrantId(id)
        if not await portal.consents.provider.revoke_grant(tenant, grant, portal.now()):
            raise NotFound
        portal.notes.did(request, person, "consent.revoke", f"grant:{id}")
        await consents.events.revoked(tenant, grant)
        return see_other("/admin/consent?said=revoked")


def proposed(request: ConsentRequest, person: Person, now: datetime, life: timedelta, uses: int) -> Grant:
    """Return the grant that the person is asked to sign: of just what was asked, from this second on."""
    return grant_for(request, make_id(), person.user.name, now.replace(microsecond=0), life, uses)


def _check_signed(text: str, keys: Sequence[ConsentKey]) -> None:
    """Raise `Refused` unless a registered key's signature of the grant holds.

    Stricter than the API, where keys of which nothing is known here may sign too: what a page has sent is
    signed by a key that the page has registered, or something went wrong that had better be told at once.
    """
    trusted = {fingerprint(key.public_key): key.public_key for key in keys}
    if not open_grant(parse(text), trusted)[1]:
        raise Refused(Reason.GRANT_UNSIGNED, "no registered key has signed it")


def _body(before: ReadGrant | None) -> bytes | None:
    """Return the grant that somebody has signed, for one signature more."""
    return before.signed.body if before is not None and before.signed is not None else None


async def _known(portal: Portal, person: Person, id: str) -> Known:
    known = await portal.consents.request(person.user.tenant, id)
    if known is None:
        raise NotFound
    return known


async def _answered(portal: Portal, request: Request, person: Person) -> dict[str, Any]:
    """Return what was granted and asked before, and the keys, for the page that shows all of it."""
    tenant = person.user.tenant
    keys = await portal.consents.provider.consent_keys(tenant)
    asked = await portal.consents.states(
        tenant, await portal.consents.provider.consent_requests(tenant, SHOWN)
    )
    grants = [read(kept) for kept in await portal.consents.provider.grants(tenant, SHOWN)]
    hosts = {each.request.host for each in asked} | {each.grant.host for each in grants if each.grant}
    return {
        "grants": [
            GrantView(each, grant_state(each.kept, portal.now()), signers_of(each, keys)) for each in grants
        ],
        "earlier": [each for each in asked if each.state is not ConsentState.WAITING],
        "hosts": await host_names(portal.store, tenant, hosts),
        **key_facts(request, person, keys),
    }


async def _hosts(portal: Portal, person: Person, asked: Sequence[ConsentRequest]) -> dict[HostId, str]:
    return await host_names(portal.store, person.user.tenant, [each.host for each in asked])


async def _show(portal: Portal, request: Request, template: str, **facts: Any) -> Response:
    return await portal.pages.show(request, template, section="admin", in_tab="consent", **facts)
