"""A good body for every operation that takes one, and which fields of it the schema names.

The fields are read from the API's own `openapi.json`, so that a new one that no body here holds is noticed.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
NUMBERS = ("integer", "number")


class Field(NamedTuple):
    """One field of a body: whose, where in it (`[]` for any item of a list), and its type in the schema."""

    operation: str
    path: str
    type: str


@dataclass(frozen=True)
class Body:
    """Who sends what where; `values` is good as it is."""

    who: str
    method: str
    path: str
    values: dict[str, Any]
    form: bool = False

    def replaced(self, path: Path, value: Any) -> dict[str, Any]:
        """Return the values with another one at the path."""
        changed = deepcopy(self.values)
        inner: Any = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        return changed

    def leaves(self) -> Iterator[tuple[Path, str]]:
        """Yield where each single value stands, and how the schema calls the place."""
        for path in _leaves(self.values):
            yield path, ".".join("[]" if isinstance(step, int) else step for step in path)


def _leaves(values: Any) -> Iterator[Path]:
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, dict | list):
            yield from ((key, *rest) for rest in _leaves(value))
        else:
            yield (key,)


BODIES = (
    Body(
        "main/uma",
        "POST",
        "/device-token",
        {"device_code": "x", "grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
        form=True,
    ),
    Body("main/olga", "PUT", "/tenant", {"name": "T"}),
    Body("main/adam", "PUT", "/users/new", {"name": "new", "display_name": "New"}),
    Body("main/adam", "PUT", "/groups/new", {"name": "New"}),
    Body("main/adam", "PUT", "/workspaces/new", {"name": "New", "description": "Newer"}),
    Body(
        "main/adam",
        "PUT",
        "/host-pools/new",
        {
            "name": "New",
            "session_limit": 5,
            "start_on_connect": {"method": "command", "what": "/bin/true", "deadline_s": 90},
            "step_up": {"timeout_s": 60, "remembered_hours": 1},
        },
    ),
    Body("main/adam", "PUT", "/host-pools/pool/hosts/desk-1", {"owner": "uma", "weight": 100}),
    Body(
        "main/adam",
        "PUT",
        "/application-groups/apps",
        {"name": "Apps", "pool": "pool", "kind": "remote-app", "workspace": "work"},
    ),
    Body(
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
    Body("main/adam", "POST", "/join-codes", {"name": "desk", "pool": "pool", "hours": 1}),
    Body("main/hella", "POST", "/sessions/desk-1/1/message", {"text": "Lunch"}),
    Body("main/uma", "POST", "/approvals/a-uma/approve", {"number": 42}),
    Body("main/olga", "POST", "/api-tokens", {"name": "robot", "scopes": ["audit:read"], "days": 1}),
    Body("main/adam", "POST", "/connection-files", {"resource": "office", "user": "uma", "minutes": 10}),
    Body("main/uma", "POST", "/connection-files/revoke", {"token_sha256": "ab" * 32}),
    Body("main/adam", "PUT", "/consent/requests/request/grant", {"grant": "x"}),
    Body("main/adam", "PUT", "/consent/keys/ben", {"public_key": "ab" * 32}),
    Body("provider/pia", "PUT", "/provider/tenants/new", {"name": "New"}),
    Body(
        "provider/pia", "PUT", "/provider/staff/max", {"name": "max", "tags": ["gold"], "tenants": ["acme"]}
    ),
    Body(
        "provider/tess",
        "POST",
        "/provider/connections",
        {
            "tenant": "acme",
            "host": "acme-desk-1",
            "purpose": "printer",
            "target": "127.0.0.1:3389",
            "ticket_number": "T-1",
            "minutes": 10,
        },
    ),
    Body(
        "provider/tess",
        "POST",
        "/provider/connections/acme-request/proof?tenant=acme",
        {"proven": "proven", "shown": "ab" * 32, "announced": "ab" * 32},
    ),
    Body("provider/tess", "POST", "/provider/connections/acme-request/end", {"token": "x" * 43}),
    # The last one, since it suspends the tenant.
    Body(
        "provider/pia",
        "PUT",
        "/provider/tenants/acme/terms",
        {
            "tags": ["gold"],
            "begins_at": "2026-01-01T00:00:00Z",
            "ends_at": "2027-01-01T00:00:00Z",
            "suspended_at": "2026-02-01T00:00:00Z",
            "most_connections": 5,
            "most_bytes_s": 1000,
            "most_bytes_month": 1000,
        },
    ),
)


def operation_of(body: Body, schema: dict[str, Any]) -> str:
    """Return the operation of the schema to which the body goes, such as `PUT /users/{id}`."""
    path = body.path.partition("?")[0]
    found = [
        template
        for template, operations in schema["paths"].items()
        if body.method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    assert len(found) == 1, (body.path, found)
    return f"{body.method} {found[0]}"


def fields_of(schema: dict[str, Any]) -> set[Field]:
    """Return every text and number that a body may hold; what is enumerated is no free text."""
    found = set()
    for template, operations in schema["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for path, kind in _fields(content["schema"], schema["components"]["schemas"]):
                    found.add(Field(f"{method.upper()} {template}", ".".join(path), kind))
    return found


def _fields(part: dict[str, Any], named: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if "$ref" in part:
        part = named[part["$ref"].rpartition("/")[2]]
    for choice in ("anyOf", "oneOf", "allOf"):
        for each in part.get(choice, ()):
            yield from _fields(each, named)
    for name, each in part.get("properties", {}).items():
        yield from (((name, *rest), kind) for rest, kind in _fields(each, named))
    if "items" in part:
        yield from ((("[]", *rest), kind) for rest, kind in _fields(part["items"], named))
    if isinstance(part.get("additionalProperties"), dict):
        yield from ((("*", *rest), kind) for rest, kind in _fields(part["additionalProperties"], named))
    free = "enum" not in part and "const" not in part and part.get("format") != "binary"
    if free and part.get("type") in ("string", *NUMBERS):
        yield (), "text" if part["type"] == "string" else "number"
