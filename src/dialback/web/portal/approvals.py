"""Connections of mine that wait until I say that it is me.

The page asks every two seconds for what changed, and gets nothing while nothing did: so focus stays where it
is, and a screen reader speaks when there is news. Without a script the page loads itself anew.
"""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.approvals import Decision, choices, decision_by
from dialback.domain.ids import ConnectionId
from dialback.web.forms import Form
from dialback.web.pages import see_other, wants_part
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal, mark_of, titles_of
from dialback.web.problems import NotFound

SAID: Final = {
    "approved": "Approved: the connection goes on.",
    "denied": "Denied: the connection was refused.",
    "wrong": "That was not the number, so the connection was refused. Connect again and pick the one shown "
    "with the connection file.",
    "late": "Nothing waits for this decision any more: its time passed, or it was decided elsewhere.",
}


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/approvals")
    async def approvals(request: Request, person: SignedIn, said: str = "", seen: str = "") -> Response:
        user = person.user
        waiting = await portal.approvals.waiting(user.tenant, portal.now(), user.id)
        facts: dict[str, Any] = {
            "approvals": [(each, choices(each)) for each in waiting],
            "titles": titles_of(await portal.directory.resources_of(user.tenant, user.id)),
            "mark": mark_of(waiting),
        }
        if not wants_part(request):
            return await portal.pages.show(
                request,
                "approvals.html",
                section="approvals",
                said=said,
                sentence=SAID.get(said, ""),
                **facts,
            )
        if facts["mark"] == seen:
            return Response(status_code=204)
        return portal.pages.answer("approvals_part.html", **facts)

    @router.get("/approvals/badge")
    async def badge(person: SignedIn) -> Response:
        return portal.pages.answer("badge.html", waiting=await portal.pages.waiting(person))

    @router.post("/approvals/{id}")
    async def decide(request: Request, person: SignedIn, id: str, form: Form) -> Response:
        user, now = person.user, portal.now()
        approval = await portal.approvals.approval(user.tenant, ConnectionId(id))
        if approval is None or approval.user != user.id:
            raise NotFound
        denied = form.get("decision") != "approve"
        decision = Decision.DENIED if denied else decision_by(approval, _number(form.get("number", "")))
        if not await portal.approvals.decide(user.tenant, approval.id, decision, user.name, now):
            return see_other("/approvals?said=late")
        verb = "approve" if decision is Decision.APPROVED else "deny"
        portal.notes.did(
            request, person, f"connection.{verb}", f"connection:{approval.id}", approval.resource
        )
        wrong = not denied and decision is Decision.DENIED
        return see_other(f"/approvals?said={'wrong' if wrong else decision.value}")

    return router


def _number(text: str) -> int | None:
    return int(text) if len(text) == 2 and text.isascii() and text.isdigit() else None
