"""Cross-site protection: a request that changes something must come from a page of this server.

Browsers say where a request comes from, and pages cannot change what they say: `Sec-Fetch-Site`, or `Origin`
in older ones. So no form carries a token. Rules for methods that are not safe:

* `Sec-Fetch-Site` is there: it must be `same-origin`, or `none`, which is the person themselves.
* else `Origin` is there: it must be `https://` and the request's own `Host`.
* else it is no browser, or a very old one: it passes unless it carries the cookie of a signed-in browser.

The first two hold without a cookie too, or another site could sign a person in as somebody else. Programs
send none of the three and are not concerned.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dialback.web.people import COOKIE

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSAL: Final = "The request comes from another site and was not carried out; begin again on this one.\n"


class SameOrigin:
    """Lets a request pass, or answers it with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not may_pass(scope["method"], Headers(scope=scope)):
            await PlainTextResponse(REFUSAL, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def may_pass(method: str, headers: Headers) -> bool:
    """Say whether a request with the method and headers may be carried out."""
    if method in SAFE_METHODS:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() == f"https://{headers.get('host', '').lower()}"
    return all(f"{COOKIE}=" not in cookies for cookies in headers.getlist("cookie"))
