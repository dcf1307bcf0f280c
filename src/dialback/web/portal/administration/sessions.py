"""Sessions on the tenant's hosts, page by page; helpdesk messages, disconnects or logs one off."""

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.errors import Refused
from dialback.domain.ids import HostId
from dialback.domain.names import MAX_USER_CHARS
from dialback.domain.orders import SessionAction, check_message
from dialback.domain.sessions import SessionFilter
from dialback.web.forms import Form
from dialback.web.pages import see_other
from dialback.web.people import Helpdesk
from dialback.web.portal.needs import Portal, host_names
from dialback.web.problems import NotFound
from dialback.web.session_orders import order_noted, sentence_of

PAGE: Final = 50
SAID: Final = {
    "message": "The message is shown in the session.",
    "disconnect": "The session is disconnected.",
    "log-off": "The session is logged off.",
}


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    async def page(
        request: Request,
        person: Person,
        status: int = 200,
        *,
        user: str = "",
        host: str = "",
        after: str = "",
        **more: Any,
    ) -> Response:
        tenant = person.user.tenant
        wanted = SessionFilter(HostId(host) if host else None, prefix=user)
        shown = await portal.directory.session_page(tenant, wanted, after, PAGE)
        ids = {HostId(host)} if host else {session.host for session in shown.items}
        facts = {"said": "", "error": "", **more}
        return await portal.pages.show(
            request,
            "admin_sessions.html",
            status,
            section="admin",
            in_tab="sessions",
            sessions=shown.items,
            hosts=await host_names(portal.store, tenant, ids),
            user=user,
            host=host,
            after=after,
            following=shown.after,
            can_order=portal.orders is not None,
            **facts,
        )

    @router.get("/admin/sessions")
    async def sessions(
        request: Request, person: Helpdesk, user: str = "", host: str = "", after: str = "", said: str = ""
    ) -> Response:
        user = user.strip()[:MAX_USER_CHARS]
        return await page(request, person, user=user, host=host, after=after, said=SAID.get(said, ""))

    @router.post("/admin/sessions/{host}/{session}")
    async def order(request: Request, person: Helpdesk, host: str, session: str, form: Form) -> Response:
        tenant, text = person.user.tenant, form.get("text", "").replace("\r\n", "\n")
        action = next((action for action in SessionAction if action == form.get("action")), None)
        on_host = await portal.directory.sessions(tenant, HostId(host))
        found = next((each for each in on_host if each.id == session), None)
        if action is None or found is None or portal.orders is None:
            raise NotFound
        note = partial(portal.notes.note, request, tenant, person.user.name)
        try:
            if action is SessionAction.MESSAGE:
                check_message(text)
            await order_noted(portal.orders, note, found, action, text)
        except ValueError as error:
            return await page(request, person, 422, error=f"The message was not sent: {error}.")
        except Refused as refused:
            return await page(request, person, 502, error=sentence_of(refused))
        return see_other(f"/admin/sessions?said={action}")

    return router
