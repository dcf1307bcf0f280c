"""Who a feed's request is from: its cookie, and the way to the login for whoever has none that is good.

A token that has expired is answered as none at all: the client logs in again with the password it keeps.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from dialback.domain.accounts import Person, SignInKind
from dialback.domain.secret import Secret
from dialback.web.feed.addresses import LOGIN
from dialback.web.people import KnowsSignIns
from dialback.wire.feed.negotiation import token_of

Answer = Callable[[Request, Person], Awaitable[Response]]
Route = Callable[[Request], Awaitable[Response]]


class Subscribers:
    """Resolves feed tokens."""

    def __init__(self, people: KnowsSignIns) -> None:
        self._people = people

    async def of(self, request: Request) -> Person | None:
        """Return who the request is from."""
        token = token_of(request.headers.getlist("cookie"))
        return await self._people.who(Secret(token), SignInKind.FEED) if token else None

    def only(self, answer: Answer) -> Route:
        """Return a route that answers subscribers, and sends everybody else to the login."""

        async def route(request: Request) -> Response:
            person = await self.of(request)
            if person is None:
                return RedirectResponse(LOGIN, 302, {"Cache-Control": "no-store"})
            return await answer(request, person)

        return route
