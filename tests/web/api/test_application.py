from typing import Any

from fastapi import FastAPI

from dialback.web.api.application import PREFIX, mount_api
from dialback.web.api.needs import NEEDS
from tests.web.api.stage import ApiStage, problem_of


async def served(api: ApiStage) -> Any:
    app = FastAPI()
    mount_api(app, api.api)
    api.app = app
    return (await api.ask("GET", f"{PREFIX}/openapi.json", None)).json()


async def test_schema_is_served_to_anybody_where_it_belongs(api: ApiStage) -> None:
    schema = await served(api)

    assert schema["openapi"].startswith("3.")
    assert schema["servers"] == [{"url": "/api/v1"}]
    assert (await api.ask("GET", "/api/v1/me", "main/uma")).status_code == 200


async def test_every_operation_is_whole(api: ApiStage) -> None:
    schema = await served(api)
    operations = [each for path in schema["paths"].values() for each in path.values()]

    assert len(operations) == len(NEEDS)
    for operation in operations:
        needs = NEEDS[operation["operationId"]]
        assert operation["summary"], operation
        assert operation["tags"]
        problem = operation["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert operation["security"] == ([{"bearer": []}] if needs.role else [])
        if needs.role:
            assert operation["x-role"] == needs.role.value
            assert operation["x-scopes"] == sorted(needs.scopes)


async def test_every_reference_of_the_schema_is_there(api: ApiStage) -> None:
    schema = await served(api)

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [each for value in part.values() for each in references(value)]
        return [each for value in part for each in references(value)] if isinstance(part, list) else []

    names = {each.rpartition("/")[2] for each in references(schema)}
    assert names <= set(schema["components"]["schemas"])
    assert "Problem" in names


async def test_whatever_is_below_the_prefix_is_answered_by_the_api(api: ApiStage) -> None:
    await served(api)

    for path in ("/nothing", "/a%0Ab", "/", "/docs"):
        answer = await api.ask("GET", f"{PREFIX}{path}")
        assert (answer.status_code, problem_of(answer)["reason"]) == (404, "not-there")
