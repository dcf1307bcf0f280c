import pytest

from tests.web.stage import ADDRESS, Web


async def test_landing_page_names_the_server(web: Web) -> None:
    answer = await web.ask("GET", "/")

    assert answer.status_code == 200
    assert ADDRESS in answer.text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/nothing"])
async def test_there_is_nothing_else(web: Web, path: str) -> None:
    assert (await web.ask("GET", path)).status_code == 404
