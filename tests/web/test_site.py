import pytest

from tests.web.stage import Web


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/nothing"])
async def test_there_is_nothing_else(web: Web, path: str) -> None:
    assert (await web.ask("GET", path)).status_code == 404
