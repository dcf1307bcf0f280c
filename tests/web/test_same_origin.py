"""What passes the cross-site protection, and what does not."""

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from dialback.web.same_origin import REFUSAL, SameOrigin, may_pass

HOST = {"host": "gw.example.org"}
COOKIE = {"cookie": "__Host-dialback=x"}


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        (COOKIE, False),
        ({"cookie": "a=b; __Host-dialback=x"}, False),
        ({"cookie": ".ASPXAUTH=x"}, True),
        ({"cookie": ".ASPXAUTH=x; __Host-dialback=x"}, False),
        # A subscribed client asks for sessions to reconnect: it is no browser.
        ({"sec-fetch-site": "same-origin"} | COOKIE, True),
        ({"sec-fetch-site": "none"} | COOKIE, True),
        ({"sec-fetch-site": "same-site"} | COOKIE, False),
        ({"sec-fetch-site": "cross-site"} | COOKIE, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://gw.example.org"}, False),
        ({"origin": "https://gw.example.org"} | COOKIE, True),
        ({"origin": "https://GW.example.org"} | COOKIE, True),
        ({"origin": "http://gw.example.org"} | COOKIE, False),
        ({"origin": "https://gw.example.org:8443"} | COOKIE, False),
        ({"origin": "https://gw.example.org.evil.example"} | COOKIE, False),
        ({"origin": "null"} | COOKIE, False),
        ({"origin": ""}, False),
        ({"origin": "https://evil.example"}, False),
    ],
)
def test_unsafe_method_passes_only_from_a_page_of_this_server(headers: dict[str, str], passes: bool) -> None:
    assert may_pass("POST", Headers(HOST | headers)) is passes
    assert may_pass("DELETE", Headers(HOST | headers)) is passes


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_method_passes_from_anywhere(method: str) -> None:
    assert may_pass(method, Headers(HOST | COOKIE | {"sec-fetch-site": "cross-site"}))


async def test_refused_request_never_reaches_the_application() -> None:
    transport = httpx.ASGITransport(SameOrigin(PlainTextResponse("carried out")))
    async with httpx.AsyncClient(transport=transport, base_url="https://gw.example.org") as client:
        own = await client.post("/", headers={"Sec-Fetch-Site": "same-origin"})
        foreign = await client.post("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert (own.status_code, own.text) == (200, "carried out")
    assert (foreign.status_code, foreign.text) == (403, REFUSAL)
