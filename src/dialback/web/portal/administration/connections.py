"""Every connection of the tenant: its timeline, and why it ended or was refused."""

from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.access import RELAY_ENDS
from dialback.domain.ids import ConnectionId, UserName
from dialback.web.people import Helpdesk
from dialback.web.portal.needs import Portal, host_names
from dialback.web.portal.timelines import bars_of
from dialback.web.problems import NotFound

SHOWN: Final = 50


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/admin/connections")
    async def connections(request: Request, person: Helpdesk, user: str = "") -> Response:
        tenant, name = person.user.tenant, UserName(user.strip()) or None
        records = await portal.store.connections(tenant, SHOWN, name)
        return await portal.pages.show(
            request,
            "admin_connections.html",
            section="admin",
            in_tab="connections",
            records=records,
            timelines={record.id: bars_of(record.timeline) for record in records},
            hosts=await host_names(portal.store, tenant, [record.host_id for record in records]),
            relay_ends=RELAY_ENDS,
            user=user.strip(),
        )

    @router.get("/admin/connections/{id}")
    async def connection(request: Request, person: Helpdesk, id: str) -> Response:
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
        )

    return router
