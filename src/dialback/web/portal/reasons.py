"""`/reasons`: every reason in words, for anybody: the `type` of each problem of the API leads here.

Source: [RFC 9457] 3.1.1 "type".
"""

from fastapi import APIRouter, Request, Response

from dialback.domain.errors import SENTENCES
from dialback.web.api.problems import TITLES
from dialback.web.portal.needs import Portal


def make_router(portal: Portal) -> APIRouter:
    """Return the page."""
    router = APIRouter()

    @router.get("/reasons")
    async def reasons(request: Request) -> Response:
        return await portal.pages.show(request, "reasons.html", of_api=TITLES, of_connections=SENTENCES)

    return router
