"""Schemathesis over the schema, in process: whatever is sent, no failure inside, and answers as described.

Over memory, and with fewer examples over real databases, which take fewer texts and numbers than Python has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.core.result import Ok

from dialback.store.open import open_store
from dialback.web.api.application import PREFIX, mount_api
from dialback.web.api.needs import NEEDS
from tests.postgresql import PostgresqlServer
from tests.web.api.one_loop import OneLoop, one_loop
from tests.web.api.stage import ApiStage, Stores, in_database, in_memory

EXAMPLES = {"memory": 15, "sqlite": 3, "postgresql": 3}
"""Of each operation over each store, right ones and wrong ones each."""
CHECKS = [
    checks.not_a_server_error,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
MODES = list(schemathesis.GenerationMode)
KNOWN = {
    "users": {"id": "uma", "user_id": "uma"},
    "groups": {"id": "staff", "user_id": "uma"},
    "workspaces": {"id": "work"},
    "host-pools": {"id": "pool", "host_id": "desk-1"},
    "hosts": {"id": "desk-1"},
    "application-groups": {"id": "desktops", "user_id": "uma", "group_id": "staff"},
    "resources": {"id": "office"},
    "sessions": {"host_id": "desk-1", "id": "1"},
    "connections": {"id": "c-uma"},
    "approvals": {"id": "a-uma"},
    "api-tokens": {"id": "none"},
    "consent": {"id": "request", "name": "request"},
    "flights": {"id": "none"},
    "provider": {"id": "tess", "tenant": "acme"},
}
"""What is there, by the first part of the path: half of the requests are about it."""


@dataclass(frozen=True)
class Served:
    """The API over one kind of store: by name, in its loop, with its operations by their ids."""

    kind: str
    stage: ApiStage
    loop: OneLoop
    operations: dict[str, Any]


@pytest.fixture(scope="module", params=list(EXAMPLES))
def served(
    request: pytest.FixtureRequest, authority_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve the API, and read its schema as a client finds it, where the whole application serves it."""
    with one_loop() as loop, stores_of(request, loop, tmp_path_factory) as stores:
        stage = ApiStage(authority_folder, stores)
        loop.call(stage.fill)
        app = FastAPI()
        mount_api(app, stage.api)
        schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", loop.around(app))
        found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
        operations = {operation.definition.raw["operationId"]: operation for operation in found}
        yield Served(request.param, stage, loop, operations)


@contextmanager
def stores_of(
    request: pytest.FixtureRequest, loop: OneLoop, folders: pytest.TempPathFactory
) -> Iterator[Stores]:
    """Open the stores of the kind that is asked for, in the loop; skip what the machine cannot run."""
    if request.param == "memory":
        yield in_memory()
        return
    url = f"sqlite:///{folders.mktemp('schema') / 'store.db'}"
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.new_database()
    store = loop.call(open_store, url)
    try:
        yield in_database(store)
    finally:
        loop.call(store.close)


@pytest.mark.parametrize("mode", MODES, ids=[mode.value for mode in MODES])
@pytest.mark.parametrize("name", sorted(NEEDS))
def test_any_request_is_answered_as_described(
    name: str, mode: schemathesis.GenerationMode, served: Served
) -> None:
    if name == "begin_device_code" and mode is schemathesis.GenerationMode.NEGATIVE:
        return  # It takes nothing that could be wrong.
    who = "main/olga" if NEEDS[name].staff is None else "provider/pia"
    headers = {"Authorization": f"Bearer {served.stage.bearers[who]}"}

    @settings(
        max_examples=EXAMPLES[served.kind],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=served.operations[name].as_strategy(generation_mode=mode), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known and case.path_parameters:
            case.path_parameters = KNOWN[case.operation.path.split("/")[1]]
        case.call_and_validate(headers=headers, checks=CHECKS)

    send()
    served.loop.call(write_down, served.stage)


async def write_down(stage: ApiStage) -> None:
    """Write into the audit log what was said of the requests, as the server does a little later."""
    for entry in stage.notes.entries:
        await stage.audit.write(entry)
    stage.notes.entries.clear()
