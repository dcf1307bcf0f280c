"""Headers that every answer has."""

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response

from dialback.web.safe_headers import HEADERS, POLICY, SafeHeaders


async def answered(response: Response) -> httpx.Headers:
    transport = httpx.ASGITransport(SafeHeaders(response))
    async with httpx.AsyncClient(transport=transport, base_url="https://gw.example.org") as client:
        return (await client.get("/")).headers


async def test_what_an_answer_lacks_is_added() -> None:
    headers = await answered(PlainTextResponse("x"))
    assert {name: headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("name", ["Cache-Control", "cache-control"])
async def test_what_an_answer_says_by_itself_stays(name: str) -> None:
    headers = await answered(PlainTextResponse("x", headers={name: "private, no-cache"}))
    assert headers.get_list("cache-control") == ["private, no-cache"]
    assert headers["x-content-type-options"] == "nosniff"


def test_policy_allows_nothing_inline_and_no_frame() -> None:
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
