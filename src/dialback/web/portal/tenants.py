"""For the provider's staff: the tenants they serve, their hosts as they are now, and links to the console.

The page asks every two seconds for what changed, as that of approvals does. A link only starts the console,
which asks for a way as always; nothing is opened from here. Whoever is not on the staff finds no such page,
and staff outside of the provider's networks are refused as their consoles are.
"""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.errors import Refused
from dialback.domain.names import key_of
from dialback.domain.provider import PROVIDER, Staff, check_console, sees
from dialback.web.origin import peer_of
from dialback.web.pages import wants_part
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal, mark_of
from dialback.web.portal.served import MAX_QUERY_CHARS, TenantShown, search, tenant_shown, with_asked
from dialback.web.problems import NotFound

PAGE: Final = 20
MOST_ASKED: Final = 50
"""How many of a tenant's newest consent requests are looked through for the staff member's own."""


def make_router(portal: Portal) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.get("/tenants")
    async def tenants(
        request: Request, person: SignedIn, q: str = "", after: str = "", seen: str = ""
    ) -> Response:
        staff = await _staff(portal, request, person)
        query = q.strip()[:MAX_QUERY_CHARS]
        found = search(await _served(portal, staff), query)
        # After a tenant that is gone, or no longer found, the list begins anew.
        begin = next((at for at, each in enumerate(found, 1) if each.id == after), 0)
        page = [await _with_asked(portal, person, each) for each in found[begin : begin + PAGE]]
        following = page[-1].id if begin + PAGE < len(found) else ""
        facts: dict[str, Any] = {
            "tenants": page,
            "query": query,
            "after": after if begin else "",
            "following": following,
            "mark": mark_of(page, following),
        }
        if not wants_part(request):
            return await portal.pages.show(request, "tenants.html", section="tenants", **facts)
        if facts["mark"] == seen:
            return Response(status_code=204)
        return portal.pages.answer("tenants_part.html", **facts)

    return router


async def _staff(portal: Portal, request: Request, person: Person) -> Staff:
    """Return what the person is on the provider's staff.

    Raises:
        NotFound: they are not on it.
        Refused: `CONSOLE_OUTSIDE`, which is noted.
    """
    of_provider = person.user.tenant == PROVIDER
    staff = await portal.consents.provider.staff(person.user.id) if of_provider else None
    if staff is None:
        raise NotFound
    settings = portal.provider_settings
    try:
        check_console(peer_of(request), settings.networks, settings.outside)
    except Refused as refused:
        user, subject = person.user, f"route:{request.method} {request.url.path}"
        detail = refused.reason.value
        portal.notes.note(request, user.tenant, user.name, "portal.refused", subject, detail, allowed=False)
        raise
    return staff


async def _served(portal: Portal, staff: Staff) -> list[TenantShown]:
    """Return the tenants that the staff member sees, by name."""
    agreed = {terms.tenant: terms for terms in await portal.consents.provider.all_terms()}
    seen = [
        tenant
        for tenant in await portal.directory.tenants()
        if tenant.id in agreed and sees(staff, agreed[tenant.id])
    ]
    hosts = await portal.store.hosts_of([tenant.id for tenant in seen])
    seen.sort(key=lambda tenant: (key_of(tenant.name), tenant.id))
    return [tenant_shown(tenant, agreed[tenant.id], hosts, staff, portal.now()) for tenant in seen]


async def _with_asked(portal: Portal, person: Person, tenant: TenantShown) -> TenantShown:
    asked = await portal.consents.provider.consent_requests(tenant.id, MOST_ASKED)
    mine = [request for request in asked if request.staff == person.user.name]
    return with_asked(tenant, await portal.consents.states(tenant.id, mine), portal.now())
