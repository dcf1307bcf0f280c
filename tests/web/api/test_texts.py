"""Hostile and foreign text, and numbers beyond all bounds, in every field that the API takes.

Over each kind of store: what one database cannot hold must be refused before it, and what all can is kept.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.web.api.bodies import BODIES, Body, Field, fields_of, operation_of
from tests.web.api.stage import ApiStage, problem_of

HOSTILE = {
    "line break": "a\r\nb",
    "line feed": "a\nb",
    "NUL": "a\0b",
    "escape": "a\x1b[2Jb",
    "turned around": "\u202eabc",
    "right to left": "a\u200fb",
    "line separator": "a\u2028b",
    "lone surrogate": "a\ud800b",
    "endless": "x" * 100_000,
}
FOREIGN = "Büro 𝄞 🖥 漢字"
"""Text of characters of two, three and four bytes in UTF-8."""
KEPT = {
    ("PUT /tenant", "name"),
    ("PUT /users/{id}", "name"),
    ("PUT /users/{id}", "display_name"),
    ("PUT /groups/{id}", "name"),
    ("PUT /workspaces/{id}", "name"),
    ("PUT /workspaces/{id}", "description"),
    ("PUT /host-pools/{id}", "name"),
    ("PUT /host-pools/{id}", "start_on_connect.what"),
    ("PUT /application-groups/{id}", "name"),
    ("PUT /resources/{id}", "title"),
    ("PUT /resources/{id}", "folders.[]"),
    ("PUT /resources/{id}", "remote_app.program"),
    ("PUT /resources/{id}", "remote_app.arguments"),
    ("PUT /resources/{id}", "remote_app.working_directory"),
    ("PUT /provider/tenants/{tenant}", "name"),
    ("PUT /provider/staff/{id}", "name"),
}
"""Fields that take any language and are read again; others name something, or are not read back."""
BEYOND = [2**31, 2**63, -(2**63) - 1, 10**400, float("inf"), float("nan")]


async def sent(api: ApiStage, body: Body, values: dict[str, Any]) -> httpx.Response:
    """Send a body with these values; every character beyond ASCII is escaped, lone surrogates too."""
    if body.path == "/resources/new":
        apps = next(each for each in BODIES if each.path.endswith("/apps"))
        await api.good("PUT", apps.path, json=apps.values)
    api.notes.entries.clear()
    kind = "application/x-www-form-urlencoded" if body.form else "application/json"
    content = urlencode(values, errors="surrogatepass") if body.form else json.dumps(values)
    headers = {"Content-Type": kind}
    return await api.ask(body.method, body.path, body.who, content=content.encode("ascii"), headers=headers)


def covered(schema: dict[str, Any]) -> set[Field]:
    """Return the fields that stand in the good bodies."""
    return {
        Field(operation_of(body, schema), name, "text" if isinstance(_value(body, path), str) else "number")
        for body in BODIES
        for path, name in body.leaves()
    }


def _value(body: Body, path: tuple[str | int, ...]) -> Any:
    value: Any = body.values
    for step in path:
        value = value[step]
    return value


def test_every_field_of_the_schema_stands_in_a_body(api: ApiStage) -> None:
    schema = api.app.openapi()
    assert fields_of(schema) - covered(schema) == set()


async def test_good_bodies_are_good_but_for_what_only_others_can_make(api: ApiStage) -> None:
    refused = {
        body.path: answer.text
        for body in BODIES
        if (answer := await sent(api, body, body.values)).status_code >= 400
    }
    # No such device asks, no such file was made, no such grant is signed, and no such visit was.
    unknown = {
        "/device-token",
        "/connection-files/revoke",
        "/consent/requests/request/grant",
        "/provider/connections/acme-request/end",
    }
    assert refused.keys() <= unknown, refused


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_text_is_refused_in_words_by_every_field(api: ApiStage, text: str) -> None:
    for body in BODIES:
        for path, field in body.leaves():
            if not isinstance(_value(body, path), str):
                continue
            if field == "text" and text == HOSTILE["line feed"]:
                continue  # A message to a session may have lines.
            answer = await sent(api, body, body.replaced(path, text))
            assert 400 <= answer.status_code < 500, (body.path, field, answer.text[:300])
            assert problem_of(answer)["title"], (body.path, field)
            noted = [f"{entry.subject} {entry.detail}" for entry in api.notes.entries if not entry.allowed]
            assert len(noted) == len(api.notes.entries), (body.path, field)
            assert not any(text in said for said in noted), (body.path, field)


async def test_foreign_text_is_kept_as_it_is_or_refused_in_words(api_over: ApiStage) -> None:
    schema, kept = api_over.app.openapi(), set()
    for body in BODIES:
        for path, field in body.leaves():
            if not isinstance(_value(body, path), str):
                continue
            answer = await sent(api_over, body, body.replaced(path, FOREIGN))
            if answer.status_code >= 400:
                assert problem_of(answer)["title"], (body.path, field)
            elif body.method == "PUT" and FOREIGN in await read_again(api_over, body):
                kept.add((operation_of(body, schema), field))
    assert kept == KEPT


async def read_again(api: ApiStage, body: Body) -> list[str]:
    """Return all texts of what is kept where the body was put."""
    answer = await api.ask("GET", body.path, body.who)
    return _texts(answer.json()) if answer.status_code == 200 else []


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [text for each in inner for text in _texts(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("number", BEYOND, ids=["2**31", "2**63", "-2**63-1", "10**400", "inf", "nan"])
async def test_number_beyond_bounds_is_refused_in_words_or_kept(api_over: ApiStage, number: float) -> None:
    for body in BODIES:
        for path, field in body.leaves():
            if isinstance(_value(body, path), str):
                continue
            answer = await sent(api_over, body, body.replaced(path, number))
            assert answer.status_code < 500, (body.path, field, answer.text[:300])
            if answer.status_code >= 400:
                assert problem_of(answer)["title"], (body.path, field)
            else:
                # The number of an approval is compared and not kept: a wrong one denies.
                assert number == 2**31 or field == "number", (body.path, field, answer.text[:300])


async def test_hostile_text_in_an_address_is_answered_in_words(api_over: ApiStage) -> None:
    schema = api_over.app.openapi()
    for text in (*(HOSTILE[name] for name in ("line break", "NUL", "lone surrogate")), FOREIGN, str(10**30)):
        for method, path in addressed(schema, quote(text, safe="", errors="surrogatepass")):
            who = "provider/pia" if path.startswith("/provider") else "main/olga"
            answer = await api_over.ask(method, path, who)
            assert answer.status_code < 500, (method, path, answer.text[:300])
            if answer.status_code >= 400:
                assert problem_of(answer)["title"], (method, path)


def addressed(schema: dict[str, Any], said: str) -> Iterator[tuple[str, str]]:
    """Yield method and address for each place of an address where something can be said."""
    for template, operations in schema["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                if "requestBody" not in operation and parameter["in"] == "path":
                    yield method.upper(), template.replace(f"{{{parameter['name']}}}", said)
                elif "requestBody" not in operation and parameter["in"] == "query":
                    yield method.upper(), f"{template}?{parameter['name']}={said}"
