"""Who signs connection files: thumbprints, and how Windows is told to trust them."""

from fastapi import APIRouter, Request, Response

from dialback.identity.certificates import WARN_DAYS
from dialback.identity.publisher import GROUP_POLICY, registry_file
from dialback.web.people import Administrator
from dialback.web.portal.needs import Portal


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    key = portal.publisher

    @router.get("/admin/publisher")
    async def publisher(request: Request, person: Administrator) -> Response:
        return await portal.pages.show(
            request,
            "admin_publisher.html",
            section="admin",
            in_tab="publisher",
            facts=key.facts,
            days_left=key.facts.days_left(portal.now()),
            warn_days=WARN_DAYS,
            sha1=key.sha1,
            sha256=key.sha256,
            registry=registry_file(key.sha1),
            group_policy=GROUP_POLICY,
        )

    @router.get("/admin/publisher.reg")
    async def registry(person: Administrator) -> Response:
        headers = {"Content-Disposition": 'attachment; filename="trust-publisher.reg"'}
        return Response(registry_file(key.sha1), headers=headers, media_type="text/plain")

    return router
