"""What a browser sees where a page cannot be shown: one page, in words, in the look of all others.

Whoever is not signed in is sent to sign in, and back. What failed inside is logged and not told. The API has
an application and answers of its own.
"""

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import SENTENCES, Problem, Reason, Refused, sentence_for_user
from dialback.observe.log import get_logger
from dialback.web.notes import Notes
from dialback.web.pages import Pages, see_other, signin_path, wants_part
from dialback.web.people import NotSignedIn, NotYours, RoleMissing
from dialback.wire.errors import WireError

_log = get_logger(__name__)

NOT_FOUND: Final = "There is no such page, or it is not yours to see."
NO_ROLE: Final = "This page is for administrators; ask one of yours."
BAD_REQUEST: Final = "The browser sent something that this page does not understand; go back and try again."
_STATUS: Final = {Reason.STORE_UNAVAILABLE: 503, Reason.INTERNAL_ERROR: 500}
_HEADINGS: Final = {404: "Not found", 405: "Not found", 403: "Not allowed"}


class NotFound(Exception):
    """What a path names is not there, or not for this person: both are told alike."""


def add_handlers(app: FastAPI, pages: Pages, notes: Notes) -> None:
    """Make the application answer every failure with a page; what somebody was not allowed is noted."""

    def page(status: int, heading: str, sentence: str, detail: str = "") -> Response:
        return pages.answer(
            "problem.html",
            status,
            heading=heading,
            sentence=sentence,
            detail=detail,
            person=None,
            navigation=(),
        )

    async def not_signed_in(request: Request, _: Exception) -> Response:
        if wants_part(request):
            # The script is told to load the whole page anew, which leads to the sign-in.
            return Response(status_code=204, headers={"HX-Refresh": "true"})
        return see_other(signin_path(request) if request.method == "GET" else "/signin")

    def note(request: Request, error: RoleMissing | NotYours) -> None:
        user = error.person.user
        subject = f"route:{request.method} {request.url.path}"
        notes.note(request, user.tenant, user.name, "portal.refused", subject, str(error), allowed=False)

    async def role_missing(request: Request, error: Exception) -> Response:
        assert isinstance(error, RoleMissing)
        note(request, error)
        return page(403, "Not allowed", NO_ROLE)

    async def not_yours(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotYours)
        note(request, error)
        return await problem(request, error)

    async def not_found(_: Request, __: Exception) -> Response:
        return page(404, "Not found", NOT_FOUND)

    async def http(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        sentence = NOT_FOUND if status in (404, 405) else BAD_REQUEST
        return page(status, _HEADINGS.get(status, "Not understood"), sentence)

    async def bad_request(_: Request, __: Exception) -> Response:
        return page(400, "Not understood", BAD_REQUEST)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        sentence = _sentence(request, error.reason)
        return page(_STATUS.get(error.reason, 403), "That did not work", sentence)

    async def problem(_: Request, error: Exception) -> Response:
        return page(409, "That did not work", f"{str(error)[:1].upper()}{str(error)[1:]}.")

    async def store_away(request: Request, error: Exception) -> Response:
        _log.error("store unavailable", detail=str(error))
        return page(503, "Not available now", _sentence(request, Reason.STORE_UNAVAILABLE))

    async def failed(request: Request, _: Exception) -> Response:
        return page(500, "Something failed inside", _sentence(request, Reason.INTERNAL_ERROR))

    app.add_exception_handler(NotSignedIn, not_signed_in)
    app.add_exception_handler(RoleMissing, role_missing)
    app.add_exception_handler(NotYours, not_yours)
    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, bad_request)
    app.add_exception_handler(WireError, bad_request)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(StoreUnavailable, store_away)
    app.add_exception_handler(Exception, failed)


def _sentence(request: Request, reason: Reason) -> str:
    """Return the sentence for whoever looks: an administrator's pages tell what they can do."""
    return SENTENCES[reason] if request.url.path.startswith("/admin") else sentence_for_user(reason)
