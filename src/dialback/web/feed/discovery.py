"""How clients find the feed: what a request is, before any route is asked.

Three families, known by what they call themselves:

* Windows' own client (`TSWorkspace/`) tries what was typed and paths of its own; whatever it asks for that is
  no part of a feed, it is sent to the feed.
* The apps for macOS, iOS and Android ask while somebody types, and take an address for a feed when they meet
  a 401 that offers NTLM. So they get one on any path as long as they bring no feed token; with one they are
  sent to the feed from wherever else that was. One that begins to log in on the spot is sent to the login: an
  answer in place would be taken for a discovery document.
* Everything else is told the way only on paths that feeds are commonly found at.

Who is sent to the feed keeps their query, in which the version of the list may be asked for.

What is left out: the login (`login.py`), and whether a token is good.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dialback.web.feed.addresses import FEED, LOGIN, PROBED, canonical
from dialback.web.feed.challenges import unauthorized
from dialback.wire.feed.negotiation import token_of

WINDOWS: Final = "TSWorkspace/"
APPS: Final = ("com.microsoft.rdc.macos", "com.microsoft.rdc.ios", "com.microsoft.rdc.androidx")


class Discovery:
    """Leads clients to the feed, spells its paths, and lets every other request pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = canonical(scope["path"])
        if path != LOGIN and _is_app(headers) and token_of(headers.getlist("cookie")) is None:
            begins = "authorization" in headers
            answer = RedirectResponse(LOGIN, 302) if begins else unauthorized()
            await answer(scope, receive, send)
        elif path is None and _is_probe(scope["path"], headers):
            await RedirectResponse(_feed(scope), 302)(scope, receive, send)
        else:
            await self._app(scope if path is None else {**scope, "path": path}, receive, send)


def _is_app(headers: Headers) -> bool:
    return headers.get("user-agent", "").startswith(APPS)


def _is_probe(path: str, headers: Headers) -> bool:
    return path.casefold() in PROBED or headers.get("user-agent", "").startswith((WINDOWS, *APPS))


def _feed(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{FEED}?{query}" if query else FEED
