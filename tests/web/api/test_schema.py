"""Schemathesis over the schema, in process: whatever is sent, no failure inside, and answers as described."""

import asyncio
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.core.result import Ok

from dialback.web.api.application import PREFIX, mount_api
from dialback.web.api.needs import NEEDS
from tests.web.api.stage import ApiStage

EXAMPLES = 15
"""Of each operation, right ones and wrong ones each."""
CHECKS = [
    checks.not_a_server_error,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
MODES = list(schemathesis.GenerationMode)
KNOWN = {
    "users": {"id": "uma"},
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


@pytest.fixture(scope="module")
def stage(authority_folder: Any) -> ApiStage:
    made = ApiStage(authority_folder)
    asyncio.run(made.fill())
    return made


@pytest.fixture(scope="module")
def served(stage: ApiStage) -> dict[str, Any]:
    """Return the operations of the schema as a client finds it, where the whole application serves it."""
    app = FastAPI()
    mount_api(app, stage.api)
    schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.mark.parametrize("mode", MODES, ids=[mode.value for mode in MODES])
@pytest.mark.parametrize("name", sorted(NEEDS))
def test_any_request_is_answered_as_described(
    name: str, mode: schemathesis.GenerationMode, stage: ApiStage, served: dict[str, Any]
) -> None:
    if name == "begin_device_code" and mode is schemathesis.GenerationMode.NEGATIVE:
        return  # It takes nothing that could be wrong.
    who = "main/olga" if NEEDS[name].staff is None else "provider/pia"
    headers = {"Authorization": f"Bearer {stage.bearers[who]}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=served[name].as_strategy(generation_mode=mode), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known and case.path_parameters:
            case.path_parameters = KNOWN[case.operation.path.split("/")[1]]
        case.call_and_validate(headers=headers, checks=CHECKS)

    send()
