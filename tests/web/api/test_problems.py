import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import CursorInvalid, KindDiffers, NameTaken, NotThere, StillUsed, VersionStale
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.web.api import guard
from dialback.web.api.problems import STATUS, TITLES, ApiProblem, ApiReason, add_handlers, broken_rule
from tests.web.api.stage import ApiStage, problem_of

JSON = {"Content-Type": "application/json"}


async def answered(error: Exception) -> httpx.Response:
    app = FastAPI()
    add_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
        return await client.get("/")


def test_every_reason_has_a_title_and_a_status() -> None:
    assert set(TITLES) == set(STATUS) == set(ApiReason)
    assert all(title.endswith(".") and len(title) <= 100 for title in TITLES.values())
    assert not {reason.value for reason in ApiReason} & {reason.value for reason in Reason}


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ApiProblem(ApiReason.OWN_USER), 409, "own-user"),
        (broken_rule("body.x", "no"), 422, "request-invalid"),
        (NameTaken("x"), 409, "name-taken"),
        (StillUsed("x"), 409, "still-used"),
        (KindDiffers("x"), 409, "kind-differs"),
        (VersionStale("x"), 412, "version-stale"),
        (CursorInvalid("x"), 422, "request-invalid"),
        (NotThere("x"), 422, "request-invalid"),
        (StoreUnavailable("/secret/path"), 503, "store-unavailable"),
        (Refused(Reason.HOST_OFFLINE, "secret"), 409, "host-offline"),
        (Refused(Reason.SIGN_IN_LOCKED, "secret"), 429, "sign-in-locked"),
        (Refused(Reason.USER_DISABLED), 403, "user-disabled"),
        (RuntimeError("secret"), 500, "internal-error"),
    ],
)
async def test_failure_is_told_as_a_problem_and_keeps_its_secrets(
    error: Exception, status: int, reason: str
) -> None:
    answer = await answered(error)

    assert (answer.status_code, problem_of(answer)["reason"]) == (status, reason)
    assert "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_title_of_a_refusal_is_its_sentence() -> None:
    answer = await answered(Refused(Reason.HOST_OFFLINE))

    assert problem_of(answer)["title"] == SENTENCES[Reason.HOST_OFFLINE]


async def test_refusal_whose_sentence_promises_the_detail_tells_it() -> None:
    answer = await answered(Refused(Reason.SESSION_ORDER_FAILED, "there is no such session"))

    assert problem_of(answer)["detail"] == "there is no such session"


async def test_unknown_paths_and_methods_are_problems(api: ApiStage) -> None:
    assert await api.bad("GET", "/nothing") == (404, "not-there")
    answer = await api.ask("POST", "/users")
    assert (answer.status_code, problem_of(answer)["reason"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
    assert await api.bad("GET", "/users/") == (404, "not-there")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"{", "body"),
        (b"[" * 100_000, "body"),
        (b"\xff", "body"),
        (b"", "body"),
        (b"[]", "body"),
        (b'{"name": "x", "colour": 1}', "body.colour"),
        (b'{"name": 5}', "body.name"),
        (b'{"name": "\\ud800"}', "body"),
        (b'{"name": "x", "role": "king"}', "body.role"),
        (b'{"name": "x", "\\ud800": 1}', "body"),
        (b'{"name": "x", "\\u202e\\n": 1}', "body."),
    ],
)
async def test_body_that_breaks_a_rule_names_the_field(api: ApiStage, content: bytes, field: str) -> None:
    answer = await api.ask(
        "PUT", "/groups/new", content=content, headers={"Content-Type": "application/json"}
    )

    problem = problem_of(answer)
    assert (answer.status_code, problem["reason"]) == (422, "request-invalid")
    assert problem["errors"][0]["field"].startswith(field)
    assert problem["errors"][0]["field"].isprintable()
    assert problem["errors"][0]["message"]


async def test_body_of_another_type_is_refused(api: ApiStage) -> None:
    headers = {"Content-Type": "text/plain"}

    assert (await api.bad("PUT", "/groups/x", content=b'{"name": "X"}', headers=headers))[0] == 422


async def test_large_body_is_refused_and_how_large_it_may_be_is_told(api: ApiStage) -> None:
    body = json.dumps({"name": "x" * (1 << 20)}).encode()

    assert await api.bad("PUT", "/groups/x", content=body) == (413, "body-too-large")
    icon = b"x" * (256 * 1024 + 1)
    assert await api.bad("PUT", "/resources/office/icon", content=icon) == (413, "body-too-large")
    told = problem_of(await api.ask("PUT", "/resources/office/icon", content=icon))
    assert told["detail"] == "expected 262144 bytes at most, got more"


async def test_body_that_does_not_come_to_its_end_is_let_go(
    api: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_DEADLINE_S", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    assert await api.bad("PUT", "/groups/x", content=slow(), headers=JSON) == (408, "deadline-passed")


async def test_query_that_breaks_a_rule_names_it(api: ApiStage) -> None:
    for query in ("limit=0", "limit=501", "limit=x", "after=%25"):
        answer = await api.ask("GET", f"/users?{query}")
        field = f"query.{query.partition('=')[0]}"
        assert problem_of(answer)["errors"][0]["field"] == field
