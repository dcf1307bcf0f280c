"""Icons as they are fetched: by subscribed clients, and by the portal's pages."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from dialback.domain.accounts import Person
from dialback.domain.ids import TenantId
from dialback.web.feed.addresses import ICONS
from dialback.web.feed.pictures import SIZES, Pictures
from dialback.web.feed.subscribers import Subscribers
from dialback.web.people import SignedIn
from dialback.wire.feed.negotiation import ICO_CONTENT_TYPE, PNG_CONTENT_TYPE, entity_tag, is_unchanged

PORTAL_ICONS: Final = "/icons/"
_METHODS: Final = ["GET", "HEAD"]
_SIZES: Final = {str(size): size for size in SIZES}
"""By how an address spells them: a number of any length may stand there."""


class IconRoutes:
    """Answers with icons of the tenant of whoever asks."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def make_router(self, subscribers: Subscribers) -> APIRouter:
        """Return the routes of both."""
        router = APIRouter(include_in_schema=False)
        for path in (f"{ICONS}{{icon}}.ico", f"{ICONS}{{icon}}-{{size}}.png"):
            route = subscribers.only(self.serve)
            router.add_api_route(path, route, methods=_METHODS, response_model=None)

        @router.api_route(f"{PORTAL_ICONS}{{icon}}-{{size}}.png", methods=_METHODS)
        async def portal_icon(request: Request, person: SignedIn) -> Response:
            return await self.serve(request, person)

        return router

    async def serve(self, request: Request, person: Person) -> Response:
        """Answer with the icon, with 304 if the client has it, or with 404."""
        size = request.path_params.get("size")
        body = await self._body(person.user.tenant, request.path_params["icon"], size)
        if body is None:
            return Response(status_code=404)
        tag = entity_tag(body)
        headers = {"ETag": tag, "Cache-Control": "private, max-age=86400"}
        if is_unchanged(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        kind = ICO_CONTENT_TYPE if size is None else PNG_CONTENT_TYPE
        return Response(body, headers={**headers, "Content-Type": kind, "X-Content-Type-Options": "nosniff"})

    async def _body(self, tenant: TenantId, icon: str, size: str | None) -> bytes | None:
        if size is None:
            return await self._pictures.ico(tenant, icon)
        return await self._pictures.png(tenant, icon, _SIZES[size]) if size in _SIZES else None
