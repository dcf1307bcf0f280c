"""Hostile text in every text field that the API takes: refused in words, and never a failure."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

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
BODIES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("main/olga", "PUT", "/tenant", {"name": "T"}),
    ("main/adam", "PUT", "/users/new", {"name": "new", "display_name": "New"}),
    ("main/adam", "PUT", "/groups/new", {"name": "New"}),
    ("main/adam", "PUT", "/workspaces/new", {"name": "New", "description": "Newer"}),
    (
        "main/adam",
        "PUT",
        "/host-pools/new",
        {"name": "New", "start_on_connect": {"method": "command", "what": "/bin/true"}},
    ),
    ("main/adam", "PUT", "/host-pools/pool/hosts/desk-1", {"owner": "uma"}),
    (
        "main/adam",
        "PUT",
        "/application-groups/apps",
        {"name": "Apps", "pool": "pool", "kind": "remote-app", "workspace": "work"},
    ),
    (
        "main/adam",
        "PUT",
        "/resources/new",
        {
            "name": "new",
            "title": "New",
            "application_group": "apps",
            "target": "127.0.0.1:3389",
            "folders": ["Office"],
            "remote_app": {
                "program": "||notes",
                "arguments": "-x",
                "working_directory": "C:\\",
                "file_extensions": [".txt"],
            },
        },
    ),
    ("main/adam", "POST", "/join-codes", {"name": "desk", "pool": "pool"}),
    ("main/olga", "POST", "/api-tokens", {"name": "robot", "scopes": ["audit:read"]}),
    ("main/uma", "POST", "/connection-files", {"resource": "office"}),
    ("main/adam", "PUT", "/consent/requests/request/grant", {"grant": "x"}),
    ("main/adam", "PUT", "/consent/keys/ben", {"public_key": "ab" * 32}),
    ("provider/pia", "PUT", "/provider/tenants/new", {"name": "New"}),
    ("provider/pia", "PUT", "/provider/staff/max", {"name": "max", "tags": ["gold"], "tenants": ["acme"]}),
    (
        "provider/tess",
        "POST",
        "/provider/connections",
        {"tenant": "acme", "host": "acme-desk-1", "purpose": "printer", "ticket_number": "T-1"},
    ),
)
"""Who sends which good body where; every text in it is replaced in turn."""
ENUMERATED = {"method", "kind", "scopes"}


def replaced(body: Any, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the path of each text in the body, and the body with that text replaced."""
    for path in paths(body):
        changed = deepcopy(body)
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = text
        yield ".".join(map(str, path)), changed


def paths(body: Any) -> Iterator[tuple[Any, ...]]:
    items = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in items:
        if isinstance(value, str):
            yield (key,)
        elif isinstance(value, (dict, list)) and key not in ENUMERATED:
            yield from ((key, *rest) for rest in paths(value))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_text_is_refused_in_words_by_every_field(api: ApiStage, text: str) -> None:
    asked = 0
    for who, method, path, body in BODIES:
        if path == "/resources/new":
            apps = next(each[3] for each in BODIES if each[2].endswith("/apps"))
            await api.good("PUT", "/application-groups/apps", json=apps)
        for field, changed in replaced(body, text):
            api.notes.entries.clear()
            content = dumped(changed)
            answer = await api.ask(
                method, path, who, content=content, headers={"Content-Type": "application/json"}
            )
            assert 400 <= answer.status_code < 500, (path, field, answer.text[:300])
            assert problem_of(answer)["title"], (path, field)
            noted = [f"{entry.subject} {entry.detail}" for entry in api.notes.entries if not entry.allowed]
            assert len(noted) == len(api.notes.entries), (path, field)
            assert not any(text in said for said in noted), (path, field)
            asked += 1
    assert asked > 35


def dumped(body: Any) -> bytes:
    """Return the body as JSON with every character beyond ASCII escaped, lone surrogates too."""
    return json.dumps(body).encode("ascii")
