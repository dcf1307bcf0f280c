"""Every connection of the tenant, the provider's too: its timeline, and why it ended or was refused."""

from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.access import RELAY_ENDS
from dialback.domain.consent import ConsentRequest
from dialback.domain.directory import Page
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, UserName
from dialback.domain.provider import PROVIDER, visitor_name
from dialback.domain.records import RecordFilter, users_of
from dialback.domain.sessions import ConnectionRecord
from dialback.web.consents import MOST_REQUESTS
from dialback.web.flight_copies import read_flight
from dialback.web.people import Helpdesk
from dialback.web.portal.administration.cuts import SAID
from dialback.web.portal.flights import FlightShown, flight_shown
from dialback.web.portal.needs import Portal, host_names
from dialback.web.portal.timelines import bars_of
from dialback.web.problems import NotFound

SHOWN: Final = 50
OPEN: Final = "open"
STATES: Final = ("", OPEN, *sorted(Reason))
"""What connections can be asked for by: all, those that are open, and those that ended for a reason."""


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/admin/connections")
    async def connections(
        request: Request,
        person: Helpdesk,
        user: str = "",
        by: str = "",
        state: str = "",
        after: str = "",
    ) -> Response:
        tenant, user = person.user.tenant, user.strip()
        state = state if state in STATES else ""
        asked = await _asked(portal, tenant)
        names = _staff_names(asked.values()) if by == PROVIDER else users_of(UserName(user) or None)
        reason = Reason(state) if state not in ("", OPEN) else None
        wanted = RecordFilter(names, reason=reason, is_open=state == OPEN)
        page: Page[ConnectionRecord] = Page(())
        if names or by != PROVIDER:
            page = await portal.store.connection_page(tenant, wanted, after, SHOWN)
        newer = await portal.store.cursor_before(tenant, wanted, after, SHOWN) if after else ""
        records = page.items
        return await portal.pages.show(
            request,
            "admin_connections.html",
            section="admin",
            in_tab="connections",
            records=records,
            timelines={record.id: bars_of(record.timeline) for record in records},
            hosts=await host_names(portal.store, tenant, [record.host_id for record in records]),
            relay_ends=RELAY_ENDS,
            user=user,
            by=by,
            state=state,
            states=STATES,
            after=after,
            newer=newer,
            older=page.after,
            titles={id: f"{each.scope}: {each.purpose}" for id, each in asked.items()},
        )

    @router.get("/admin/connections/{id}")
    async def connection(request: Request, person: Helpdesk, id: str, said: str = "") -> Response:
        tenant = person.user.tenant
        record = await portal.store.connection(tenant, ConnectionId(id))
        if record is None:
            raise NotFound
        return await portal.pages.show(
            request,
            "admin_connection.html",
            section="admin",
            in_tab="connections",
            record=record,
            bars=bars_of(record.timeline),
            hosts=await host_names(portal.store, tenant, [record.host_id]),
            relay_ends=RELAY_ENDS,
            flight=await _flight(portal, tenant, record.id),
            id=record.id,
            said=SAID.get(said, ""),
            can_cut=portal.connections is not None and record.reason is None,
        )

    @router.get("/admin/connections/{id}/flight.jsonl")
    async def export(person: Helpdesk, id: str) -> Response:
        tenant, provider = person.user.tenant, portal.consents.provider
        read = await read_flight(provider, portal.store, portal.platform_key, tenant, ConnectionId(id))
        if read is None:
            raise NotFound
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{read.flight.end.connection_id}.jsonl"',
        }
        return Response(read.export, media_type="application/jsonl", headers=headers)

    return router


async def _flight(portal: Portal, tenant: TenantId, id: ConnectionId) -> FlightShown | None:
    read = await read_flight(portal.consents.provider, portal.store, portal.platform_key, tenant, id)
    return flight_shown(read) if read else None


async def _asked(portal: Portal, tenant: TenantId) -> dict[ResourceName, ConsentRequest]:
    """Return what the provider has asked for by the name that its connections have for it."""
    found = await portal.consents.provider.consent_requests(tenant, MOST_REQUESTS)
    return {ResourceName(request.id): request for request in found}


def _staff_names(asked: Iterable[ConsentRequest]) -> frozenset[UserName]:
    """Return what everybody of the provider who has asked for something is called in records."""
    return frozenset(visitor_name(request.staff) for request in asked)
