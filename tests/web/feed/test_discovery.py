"""What each family is told before it has asked for a feed."""

import pytest

from dialback.web.feed.addresses import FEED, LOGIN, PROBED
from dialback.web.feed.discovery import Discovery
from tests.web.feed.stage import ANDROID, APPS, RADC, Feed, Handshake

BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"


@pytest.mark.parametrize("agent", APPS)
@pytest.mark.parametrize("path", ["/", "/portal", "/whatever", FEED, "/RDWeb/Feed/icon/desktop.ico"])
async def test_app_without_a_token_meets_ntlm_on_any_path(feed: Feed, agent: str, path: str) -> None:
    answer = await feed.client(agent).ask(path)
    assert answer.status_code == 401
    assert answer.headers.get_list("WWW-Authenticate")[0] == "NTLM"


async def test_app_that_begins_to_log_in_on_the_spot_is_sent_to_the_login(feed: Feed) -> None:
    answer = await feed.client(ANDROID).ask(FEED, Authorization=Handshake("anna", "x").first())
    assert (answer.status_code, answer.headers["Location"]) == (302, LOGIN)


async def test_app_with_a_token_passes(feed: Feed) -> None:
    client = await feed.subscribed(ANDROID)
    assert (await client.ask("/portal")).text == '"portal"'
    assert (await client.ask(FEED)).status_code == 200


@pytest.mark.parametrize("path", sorted(PROBED))
async def test_anybody_is_led_from_a_probed_path_to_the_feed(feed: Feed, path: str) -> None:
    for spelt in (path, path.upper()):
        answer = await feed.client(BROWSER).ask(spelt)
        assert (answer.status_code, answer.headers["Location"]) == (302, FEED)


@pytest.mark.parametrize("path", ["/", "/portal", "//evil.example/", "/\\evil.example", "/%0d%0aX:y"])
async def test_windows_client_is_led_to_the_feed_and_nowhere_else(feed: Feed, path: str) -> None:
    answer = await feed.client(RADC).ask(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, FEED)
    assert "x" not in answer.headers


async def test_browser_is_left_alone(feed: Feed) -> None:
    assert (await feed.client(BROWSER).ask("/portal")).status_code == 200
    assert (await feed.client(BROWSER).ask("/unknown")).status_code == 404


async def test_what_is_not_http_passes(feed: Feed) -> None:
    seen: list[str] = []

    async def app(scope: object, receive: object, send: object) -> None:
        assert isinstance(scope, dict)
        seen.append(scope["type"])

    await Discovery(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]
