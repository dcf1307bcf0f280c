"""How to subscribe to the feed, on each platform."""

from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.tenancy import MAIN
from dialback.web.feed.addresses import WCX, feed_url, txt_record
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal

EXAMPLE_DOMAIN: Final = "example.org"


def make_router(portal: Portal) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.get("/subscribe")
    async def subscribe(request: Request, person: SignedIn) -> Response:
        return await portal.pages.show(
            request,
            "subscribe.html",
            section="subscribe",
            feed=feed_url(portal.address),
            wcx=WCX,
            record=txt_record(portal.address, EXAMPLE_DOMAIN),
            login=login_of(person.user.tenant, person.user.name),
        )

    return router


def login_of(tenant: str, name: str) -> str:
    """Return what the person types as user name in a client."""
    return name if tenant == MAIN else f"{tenant}\\{name}"
