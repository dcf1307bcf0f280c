"""One question to a provider and its answer: a JSON object, bounded in size and time.

A redirect is not followed: it would lead to an address that nobody checked. The answer is asked for as it is
and read up to a bound, since a compressed one says nothing of its size. Whatever goes wrong on the way is
`OIDC_PROVIDER_UNAVAILABLE` with the part of the conversation in the detail; the address is in there too,
since it came from the settings or from the provider they name.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from dialback.domain.errors import Reason, Refused

MAX_ANSWER_BYTES = 256 * 1024
"""Entra ID's discovery document has 2 KiB, its keys 12 KiB, a token with 200 groups 10 KiB."""
DEADLINE_S = 10.0
"""For one whole answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON object that came with it; an error may come without one."""

    status: int
    values: Mapping[str, Any]


def unavailable(what: str, detail: str) -> Refused:
    """Return the refusal for a part of the conversation that failed."""
    return Refused(Reason.OIDC_PROVIDER_UNAVAILABLE, f"{what}: {detail}")


async def fetch(http: httpx.AsyncClient, what: str, url: str) -> Mapping[str, Any]:
    """Return the JSON object at the address.

    Args:
        what: the part of the conversation, for the detail of a refusal.

    Raises:
        Refused: `OIDC_PROVIDER_UNAVAILABLE`.
    """
    answer = await ask(http, what, httpx.Request("GET", url))
    if answer.status != httpx.codes.OK:
        raise unavailable(what, f"expected status 200, got {answer.status} from {url}")
    return answer.values


async def ask(
    http: httpx.AsyncClient, what: str, request: httpx.Request, deadline_s: float = DEADLINE_S
) -> Answer:
    """Send the request and return the answer, whatever its status; an answer of 200 has an object.

    Raises:
        Refused: `OIDC_PROVIDER_UNAVAILABLE`.
    """
    request.headers.update({"accept": "application/json", "accept-encoding": "identity"})
    request.extensions["timeout"] = httpx.Timeout(None).as_dict()  # one deadline is for all of it
    try:
        async with asyncio.timeout(deadline_s):
            status, body = await _send(http, what, request)
    except TimeoutError:
        raise unavailable(what, f"no answer within {deadline_s:g} s from {request.url}") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise unavailable(what, f"{type(error).__name__} at {request.url}") from error
    values = read_object(body)
    if values is None and status == httpx.codes.OK:
        raise unavailable(what, f"expected a JSON object from {request.url}")
    return Answer(status, values or {})


def read_object(body: bytes | str) -> dict[str, Any] | None:
    """Return the JSON object, None if it is anything else."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


async def _send(http: httpx.AsyncClient, what: str, request: httpx.Request) -> tuple[int, bytes]:
    response = await http.send(request, stream=True, follow_redirects=False)
    try:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise unavailable(what, f"expected an answer that is not compressed from {request.url}")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise unavailable(what, f"expected {MAX_ANSWER_BYTES} bytes at most from {request.url}")
        return response.status_code, bytes(body)
    finally:
        await response.aclose()
