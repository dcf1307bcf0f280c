"""The audit log: every change and every decision, newest first."""

from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.web.people import Administrator
from dialback.web.portal.needs import Portal

PAGE: Final = 100
MAX_FILTER_CHARS: Final = 120


def make_router(portal: Portal) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.get("/admin/audit")
    async def audit(
        request: Request, person: Administrator, before: str = "", action: str = "", actor: str = ""
    ) -> Response:
        action, actor = action.strip()[:MAX_FILTER_CHARS], actor.strip()[:MAX_FILTER_CHARS]
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        entries = await portal.audit.entries(person.user.tenant, number, PAGE, action, actor)
        return await portal.pages.show(
            request,
            "admin_audit.html",
            section="admin",
            in_tab="audit",
            entries=entries,
            older=entries[-1].number if len(entries) == PAGE else None,
            action=action,
            actor=actor,
        )

    return router
