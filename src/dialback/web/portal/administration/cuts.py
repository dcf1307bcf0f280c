"""Cutting a connection of the tenant, the provider's too: it ends within two seconds, its session goes on."""

from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId
from dialback.web.pages import see_other
from dialback.web.people import Helpdesk
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound

SAID: Final = {
    "cut": "The connection was cut; it is over within two seconds. The session goes on at the host.",
    "over": "The connection was over already.",
}


def make_router(portal: Portal) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.post("/admin/connections/{id}/cut")
    async def cut(request: Request, person: Helpdesk, id: str) -> Response:
        record = await portal.store.connection(person.user.tenant, ConnectionId(id))
        if record is None or portal.connections is None:
            raise NotFound
        by = f"by {person.user.name}"
        done = await portal.connections.cut([record.id], Reason.CUT_BY_ADMINISTRATOR, by)
        if done:
            portal.notes.did(
                request, person, "connection.cut", f"connection:{record.id}", f"user {record.user}"
            )
        return see_other(f"/admin/connections/{record.id}?said={'cut' if done else 'over'}")

    return router
