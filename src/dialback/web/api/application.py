"""The API as an application of its own, mounted at `/api/v1`, with its schema."""

import re
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import Mount

from dialback import __version__
from dialback.web.api import (
    catalog,
    connection_flights,
    consent,
    credentials,
    flights,
    hosts,
    live,
    own,
    pools,
    provider,
    provider_connections,
    provider_ends,
    provider_staff,
    publisher,
    records,
    users,
    workspaces,
)
from dialback.web.api.guard import Who, by_bearer, guarded
from dialback.web.api.needs import NEEDS
from dialback.web.api.parts import Api
from dialback.web.api.problems import MEDIA_TYPE, ProblemBody, add_handlers

PREFIX: Final = "/api/v1"
_DESCRIPTION = (
    "Everything an administrator does with Dialback. Each operation is scoped to the caller's tenant. "
    "`PUT` is idempotent, and takes `If-Match` with the `ETag` of what was read. Lists are paged by cursor: "
    "ask with `after` until it is empty. What goes wrong is told as a problem with a `reason` (RFC 9457)."
)


def make_api(api: Api, who: Who = by_bearer) -> FastAPI:
    """Return the application; `who` says who calls."""
    app = FastAPI(
        title="Dialback",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": PREFIX}],
    )
    add_handlers(app)
    router = APIRouter(
        route_class=guarded(api, who),
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,
    )
    for family in (own, users, credentials, workspaces, pools, catalog, hosts, live, records, publisher):
        family.add_routes(router, api)
    for family in (
        provider,
        provider_staff,
        provider_connections,
        provider_ends,
        consent,
        flights,
        connection_flights,
    ):
        family.add_routes(router, api)
    app.include_router(router)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    return app


def mount_api(app: FastAPI, api: Api, who: Who = by_bearer) -> None:
    """Serve the API under its prefix."""
    mount = Mount(PREFIX, make_api(api, who))
    # A line break in a path is for the API to answer too.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    app.router.routes.append(mount)


def _schema(app: FastAPI) -> dict[str, Any]:
    """Return the schema: what FastAPI knows, with problems, credentials, roles and scopes."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
        )
        components = schema["components"]
        components["schemas"]["Problem"] = ProblemBody.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        components["schemas"] |= components["schemas"]["Problem"].pop("$defs", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                operation["tags"] = [path.split("/")[1]]
                _complete(operation)
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    """Add to an operation what it needs and how it fails."""
    needs = NEEDS[operation["operationId"]]
    problem = {"$ref": "#/components/schemas/Problem"}
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A problem, with its reason",
        "content": {MEDIA_TYPE: {"schema": problem}},
    }
    if needs.role is None:
        operation["security"] = []
        return
    operation["security"] = [{"bearer": []}]
    operation["x-role"] = needs.role.value
    operation["x-scopes"] = sorted(needs.scopes)
    scopes = ", ".join(operation["x-scopes"]) or "none, it is for persons alone"
    operation["description"] = f"Role: {needs.role.value}. Scopes: {scopes}."
    if needs.staff is not None:
        operation["x-staff"] = needs.staff.value
        operation["description"] = f"For the provider's staff: {needs.staff.value}."
