"""How to subscribe to the feed, on each platform."""

from fastapi import APIRouter, Request, Response

from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal

FEED_PATH = "/RDWeb/Feed/webfeed.aspx"
WCX_PATH = "/feed/workspace.wcx"


def make_router(portal: Portal) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.get("/subscribe")
    async def subscribe(request: Request, person: SignedIn) -> Response:
        return await portal.pages.show(
            request,
            "subscribe.html",
            section="subscribe",
            feed=feed_address(portal.address),
            wcx=WCX_PATH,
            record=discovery_record(portal.address),
            login=login_of(person.user.tenant, person.user.name),
        )

    return router


def feed_address(address: str) -> str:
    """Return the feed's URL, as people type it."""
    return f"https://{address.removesuffix(':443')}{FEED_PATH}"


def discovery_record(address: str) -> str:
    """Return the TXT record by which clients find the feed from an e-mail address."""
    return f'_msradc.example.org. 300 IN TXT "{feed_address(address)}"'


def login_of(tenant: str, name: str) -> str:
    """Return what the person types as user name in a client."""
    return name if tenant == "main" else f"{tenant}\\{name}"
