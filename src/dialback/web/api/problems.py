"""What the API answers where it does not do what it was asked: problem details, each with a named reason.

Every answer that is no success is one of these, unknown paths and internal failures included. `reason` is for
programs, `title` is the sentence for people, `detail` what is particular to this request. Nothing a caller
sent is repeated but the names of fields, and nothing of what failed inside is told.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import CursorInvalid, KindDiffers, NameTaken, NotThere, StillUsed, VersionStale
from dialback.domain.errors import DETAIL_TOLD, SENTENCES, Reason, Refused
from dialback.observe.log import get_logger

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 50
MAX_FIELD_CHARS = 200
_log = get_logger(__name__)


class ApiReason(StrEnum):
    """Why the API did not do what it was asked, beside the reasons for which connections are refused."""

    NOT_SIGNED_IN = "not-signed-in"
    ROLE_LACKING = "role-lacking"
    SCOPE_LACKING = "scope-lacking"
    PERSON_NEEDED = "person-needed"
    OWN_USER = "own-user"
    NOT_ITS_USER = "not-its-user"
    NOT_THERE = "not-there"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    REQUEST_INVALID = "request-invalid"
    BODY_TOO_LARGE = "body-too-large"
    NAME_TAKEN = "name-taken"
    STILL_USED = "still-used"
    VERSION_STALE = "version-stale"
    KIND_DIFFERS = "kind-differs"
    ALREADY_DECIDED = "already-decided"
    ALREADY_ENDED = "already-ended"
    DEVICE_CODE_PENDING = "device-code-pending"
    DEVICE_CODE_DENIED = "device-code-denied"
    DEVICE_CODE_EXPIRED = "device-code-expired"
    NOT_AVAILABLE = "not-available"


TITLES: dict[ApiReason, str] = {
    ApiReason.NOT_SIGNED_IN: "No token, or one that is good no more; sign in with `dialback login`.",
    ApiReason.ROLE_LACKING: "Your role does not allow this; the detail names the one that does.",
    ApiReason.SCOPE_LACKING: "The token's scopes do not allow this; the detail names those that do.",
    ApiReason.PERSON_NEEDED: "A token may not do this; a person has to sign in for it.",
    ApiReason.OWN_USER: "Nobody can do this to themselves; ask another owner or administrator.",
    ApiReason.NOT_ITS_USER: "Only its own user can approve a connection; you can deny it.",
    ApiReason.NOT_THERE: "There is no such thing.",
    ApiReason.METHOD_NOT_ALLOWED: "The path is right and its method is not; `Allow` lists those that are.",
    ApiReason.REQUEST_INVALID: "The request breaks a rule; `errors` names each field with its rule.",
    ApiReason.BODY_TOO_LARGE: "The body, or picture, is larger than this takes; the detail says how much.",
    ApiReason.NAME_TAKEN: "Another of the same kind has this name; choose a different one.",
    ApiReason.STILL_USED: "Something still refers to it; remove that, or change what it refers to.",
    ApiReason.VERSION_STALE: "It was changed or removed since you read it; read it again, then change it.",
    ApiReason.KIND_DIFFERS: "A desktop cannot be in a group of RemoteApps, nor the other way round.",
    ApiReason.ALREADY_DECIDED: "Nothing waits for this any more: it was decided, or its time passed.",
    ApiReason.ALREADY_ENDED: "The connection is not open any more.",
    ApiReason.DEVICE_CODE_PENDING: "Nobody has let this device in yet; ask again after the interval.",
    ApiReason.DEVICE_CODE_DENIED: "The person at the browser refused to let this device in.",
    ApiReason.DEVICE_CODE_EXPIRED: "The device code is unknown, used or too old; begin again.",
    ApiReason.NOT_AVAILABLE: "This server does not offer it; the detail says what is missing.",
}

STATUS: dict[ApiReason, int] = {
    ApiReason.NOT_SIGNED_IN: 401,
    ApiReason.ROLE_LACKING: 403,
    ApiReason.SCOPE_LACKING: 403,
    ApiReason.PERSON_NEEDED: 403,
    ApiReason.OWN_USER: 409,
    ApiReason.NOT_ITS_USER: 403,
    ApiReason.NOT_THERE: 404,
    ApiReason.METHOD_NOT_ALLOWED: 405,
    ApiReason.REQUEST_INVALID: 422,
    ApiReason.BODY_TOO_LARGE: 413,
    ApiReason.NAME_TAKEN: 409,
    ApiReason.STILL_USED: 409,
    ApiReason.VERSION_STALE: 412,
    ApiReason.KIND_DIFFERS: 409,
    ApiReason.ALREADY_DECIDED: 409,
    ApiReason.ALREADY_ENDED: 409,
    ApiReason.DEVICE_CODE_PENDING: 400,
    ApiReason.DEVICE_CODE_DENIED: 400,
    ApiReason.DEVICE_CODE_EXPIRED: 400,
    ApiReason.NOT_AVAILABLE: 501,
}

_REFUSED_STATUS = {
    Reason.STORE_UNAVAILABLE: 503,
    Reason.INTERNAL_ERROR: 500,
    Reason.PROTOCOL_VIOLATION: 400,
    Reason.HOST_OFFLINE: 409,
    Reason.SIGN_IN_LOCKED: 429,
    Reason.AGENT_SILENT: 504,
    Reason.DEADLINE_PASSED: 504,
}
_PROBLEMS: dict[type[Exception], ApiReason] = {
    NameTaken: ApiReason.NAME_TAKEN,
    KindDiffers: ApiReason.KIND_DIFFERS,
    StillUsed: ApiReason.STILL_USED,
    VersionStale: ApiReason.VERSION_STALE,
}
_HTTP = {
    400: ApiReason.REQUEST_INVALID,
    404: ApiReason.NOT_THERE,
    405: ApiReason.METHOD_NOT_ALLOWED,
}


class FieldError(BaseModel):
    """One field that breaks a rule; `field` is its path in the request, as `body.session_limit`."""

    field: str
    message: str


class ProblemBody(BaseModel):
    """A problem as the schema describes it."""

    type: str
    title: str
    status: int
    reason: str
    detail: str = ""
    errors: list[FieldError] = []
    error: str = ""


class ApiProblem(Exception):
    """The API does not do what it was asked."""

    def __init__(
        self, reason: ApiReason, detail: str = "", errors: Sequence[FieldError] = (), error: str = ""
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.errors = errors
        self.error = error


def not_there() -> ApiProblem:
    """Return the problem of whatever is not in the caller's tenant, or not the caller's own."""
    return ApiProblem(ApiReason.NOT_THERE)


def broken_rule(field: str, message: str) -> ApiProblem:
    """Return the problem of one field that breaks a rule."""
    return ApiProblem(ApiReason.REQUEST_INVALID, errors=[FieldError(field=field, message=message)])


def add_handlers(app: FastAPI) -> None:
    """Make the application answer every failure with a problem."""
    app.add_exception_handler(ApiProblem, _of_api)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Refused, _of_refusal)
    app.add_exception_handler(CursorInvalid, _of_cursor)
    app.add_exception_handler(NotThere, _of_reference)
    app.add_exception_handler(StoreUnavailable, _of_store)
    app.add_exception_handler(Exception, _of_failure)
    for kind in _PROBLEMS:
        app.add_exception_handler(kind, _of_directory)


def answer(problem: ApiProblem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells a problem."""
    more = {"errors": [each.model_dump() for each in problem.errors]} if problem.errors else {}
    if problem.error:
        more["error"] = problem.error  # type: ignore[assignment]
    extra = dict(headers or {})
    if problem.reason is ApiReason.NOT_SIGNED_IN:
        extra["WWW-Authenticate"] = 'Bearer realm="dialback"'
    return _answer(
        STATUS[problem.reason], problem.reason, TITLES[problem.reason], problem.detail, more, extra
    )


def _answer(
    status: int,
    reason: str,
    title: str,
    detail: str = "",
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {"type": f"/reasons#{reason}", "title": title, "status": status, "reason": reason, **(more or {})}
    if detail:
        body["detail"] = detail
    # Escaped to ASCII: a field's name may hold a lone surrogate, which UTF-8 has no way to write.
    return Response(
        json.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE
    )


async def _of_api(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiProblem)
    return answer(error)


async def _of_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=_field(each["loc"]), message=str(each["msg"])[:MAX_FIELD_CHARS])
        for each in error.errors()[:MAX_ERRORS]
    ]
    return answer(ApiProblem(ApiReason.REQUEST_INVALID, errors=errors))


def _field(parts: Sequence[object]) -> str:
    """Return a field's path, without what a hostile key could do to a line."""
    text = ".".join(str(part) for part in parts)[:MAX_FIELD_CHARS]
    return text if text.isprintable() else ascii(text)[1:-1]


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 408:
        return _answer(408, Reason.DEADLINE_PASSED, SENTENCES[Reason.DEADLINE_PASSED])
    if error.status_code == 413:
        return answer(ApiProblem(ApiReason.BODY_TOO_LARGE, error.detail))
    if error.status_code == 400:
        return answer(broken_rule("body", "expected JSON, got something else"))
    return answer(ApiProblem(_HTTP.get(error.status_code, ApiReason.REQUEST_INVALID)), error.headers)


async def _of_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    detail = error.detail if error.reason in DETAIL_TOLD else ""
    return _answer(_REFUSED_STATUS.get(error.reason, 403), error.reason, SENTENCES[error.reason], detail)


async def _of_directory(_: Request, error: Exception) -> Response:
    return answer(ApiProblem(_PROBLEMS[type(error)]))


async def _of_cursor(_: Request, error: Exception) -> Response:
    return answer(broken_rule("query.after", str(error)))


async def _of_reference(_: Request, error: Exception) -> Response:
    return answer(broken_rule("body", "expected ids of things that are there, got one that is not"))


async def _of_store(_: Request, error: Exception) -> Response:
    _log.error("store unavailable", detail=str(error))
    return _answer(503, Reason.STORE_UNAVAILABLE, SENTENCES[Reason.STORE_UNAVAILABLE])


async def _of_failure(_: Request, error: Exception) -> Response:
    return _answer(500, Reason.INTERNAL_ERROR, SENTENCES[Reason.INTERNAL_ERROR])
