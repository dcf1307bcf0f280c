"""Let a command line in: the person types the code it shows, sees where it runs, and says yes or no.

Source: RFC 8628, OAuth 2.0 Device Authorization Grant, section 3.3 User Interaction. The address never
comes with the code in it from us, so that nobody approves by one click on a link of somebody else's: a code
in the link is filled in, looked at, and then confirmed.
"""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.web.forms import Form
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal

UNKNOWN: Final = (
    "No command line waits under this code; it may have waited too long. Look at what it shows now."
)
MAX_CODE_CHARS: Final = 40


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    async def page(request: Request, status: int = 200, **facts: Any) -> Response:
        shown = {"typed": "", "code": None, "error": "", "said": ""} | facts
        return await portal.pages.show(request, "device_code.html", status, section="devices", **shown)

    @router.get("/device")
    async def device(request: Request, person: SignedIn, user_code: str = "") -> Response:
        return await page(request, typed=typed_in(user_code))

    @router.post("/device")
    async def look(request: Request, person: SignedIn, form: Form) -> Response:
        typed = typed_in(form.get("user_code", ""))
        code = await portal.authenticator.device(typed)
        if code is None:
            return await page(request, 404, typed=typed, error=UNKNOWN)
        return await page(request, typed=typed, code=code)

    @router.post("/device/decision")
    async def decide(request: Request, person: SignedIn, form: Form) -> Response:
        typed = typed_in(form.get("user_code", ""))
        approved = form.get("decision") == "approve"
        done = await (
            portal.authenticator.approve_device(typed, person)
            if approved
            else portal.authenticator.deny_device(typed)
        )
        if not done:
            return await page(request, 404, typed=typed, error=UNKNOWN)
        verb = "approve" if approved else "deny"
        portal.notes.did(request, person, f"device-code.{verb}")
        said = "The command line is signed in as you; you can close this page." if approved else "Refused."
        return await page(request, said=said)

    return router


def typed_in(text: str) -> str:
    """Return what somebody can have typed of the text."""
    return "".join(char for char in text[:MAX_CODE_CHARS] if char.isprintable())
