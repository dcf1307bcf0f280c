"""My sessions: what goes on on hosts, which connections there were, and why they ended.

A session is ended by its host, on the order of its user; whose it is is looked up anew for each order, so an
id of somebody else's is answered as one that is not there.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.access import RELAY_ENDS
from dialback.domain.accounts import Person
from dialback.domain.errors import Refused, sentence_for_user
from dialback.domain.ids import HostId
from dialback.domain.orders import SessionAction
from dialback.domain.records import users_of
from dialback.domain.sessions import Session, SessionFilter, Stage, is_session_of
from dialback.web.forms import Form
from dialback.web.pages import see_other, wants_part
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal, host_names, mark_of, titles_of
from dialback.web.portal.timelines import bars_of
from dialback.web.problems import NotFound
from dialback.web.session_orders import order_noted

SHOWN: Final = 30
"""How many sessions a page has, and how many connections are shown: the newest."""
OWN_ACTIONS: Final = {SessionAction.DISCONNECT: "disconnected", SessionAction.LOG_OFF: "logged-off"}
SAID: Final = {
    "disconnected": "The session is disconnected; your programs go on, and the next connection finds them.",
    "logged-off": "The session is logged off.",
}


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/sessions")
    async def sessions(
        request: Request, person: SignedIn, said: str = "", seen: str = "", after: str = ""
    ) -> Response:
        facts = await _facts(portal, person, after)
        if not wants_part(request):
            return await portal.pages.show(
                request, "sessions.html", section="sessions", said=SAID.get(said, ""), **facts
            )
        if facts["mark"] == seen:
            return Response(status_code=204)
        return portal.pages.answer("sessions_part.html", **facts)

    @router.post("/sessions/{host}/{session}")
    async def order(request: Request, person: SignedIn, host: str, session: str, form: Form) -> Response:
        action = next((action for action in OWN_ACTIONS if action == form.get("action")), None)
        found = await own_session(portal, person, host, session)
        if action is None or found is None or portal.orders is None:
            raise NotFound
        note = partial(portal.notes.note, request, person.user.tenant, person.user.name)
        try:
            await order_noted(portal.orders, note, found, action)
        except Refused as refused:
            facts = await _facts(portal, person)
            return await portal.pages.show(
                request,
                "sessions.html",
                502,
                section="sessions",
                said="",
                error=sentence_for_user(refused.reason),
                **facts,
            )
        return see_other(f"/sessions?said={OWN_ACTIONS[action]}")

    return router


async def own_session(portal: Portal, person: Person, host: str, session: str) -> Session | None:
    """Return the person's own session of that id on that host."""
    on_host = await portal.directory.sessions(person.user.tenant, HostId(host))
    found = next((each for each in on_host if each.id == session), None)
    return found if found is not None and is_session_of(found, person.user.name) else None


async def _facts(portal: Portal, person: Person, after: str = "") -> Mapping[str, Any]:
    user = person.user
    mine = SessionFilter(users=users_of(user.name))
    page = await portal.directory.session_page(user.tenant, mine, after, SHOWN)
    sessions = page.items
    records = await portal.store.connections(user.tenant, SHOWN, user.name)
    hosts = [each.host for each in sessions]
    return {
        "sessions": sessions,
        "after": after,
        "following": page.after,
        "records": records,
        "timelines": {record.id: bars_of(record.timeline) for record in records},
        "used_for": {
            record.id: record.timeline[Stage.END] for record in records if Stage.END in record.timeline
        },
        "hosts": await host_names(portal.store, user.tenant, [*hosts, *(each.host_id for each in records)]),
        "titles": titles_of(await portal.directory.resources_of(user.tenant, user.id)),
        "relay_ends": RELAY_ENDS,
        "can_order": portal.orders is not None,
        "mark": mark_of(page, records),
    }
