"""What each family is told before it has asked for a feed."""

import pytest

from dialback.web.feed.addresses import FEED, LOGIN, PROBED, ico_path
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


@pytest.mark.parametrize("agent", APPS)
async def test_app_with_a_token_is_led_to_the_feed_from_any_other_path(feed: Feed, agent: str) -> None:
    client = await feed.subscribed(agent)
    for path in ("/", "/portal", "/whatever"):
        answer = await client.ask(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, FEED)
    assert (await client.ask(FEED)).status_code == 200
    assert (await client.ask(ico_path("desktop"))).status_code == 200


@pytest.mark.parametrize("agent", APPS)
@pytest.mark.parametrize("typed", ["/", "/whatever"])
async def test_app_subscribes_by_the_address_that_it_took(feed: Feed, agent: str, typed: str) -> None:
    client = feed.client(agent, "anna", await feed.password())
    assert await client.discover(typed)
    assert (await client.subscribe(typed)).status_code == 200
    assert (await client.subscribe(typed)).headers["Content-Type"].startswith("application/x-msts-radc+xml")


@pytest.mark.parametrize("path", sorted(PROBED))
async def test_anybody_is_led_from_a_probed_path_to_the_feed(feed: Feed, path: str) -> None:
    for spelt in (path, path.upper()):
        answer = await feed.client(BROWSER).ask(spelt)
        assert (answer.status_code, answer.headers["Location"]) == (302, FEED)


@pytest.mark.parametrize("path", ["/webfeed.aspx", "/rdweb", "/whatever"])
async def test_version_that_was_asked_for_on_the_way_is_asked_for_at_the_feed(feed: Feed, path: str) -> None:
    client = await feed.subscribed()
    led = await client.ask(f"{path}?radc_schema_version=2.0", Accept="*/*")
    assert led.headers["Location"] == f"{FEED}?radc_schema_version=2.0"
    answer = await client.ask(led.headers["Location"], Accept="*/*")
    assert answer.headers["Content-Type"].startswith("application/x-msts-radc+xml")


@pytest.mark.parametrize("query", ["next=//evil.example/", "%0d%0aX:y", "\u20ac=\ud55c"])
async def test_no_query_leads_anywhere_else(feed: Feed, query: str) -> None:
    answer = await feed.client(RADC).ask(f"/?{query}")
    assert answer.headers["Location"].startswith(f"{FEED}?")
    assert answer.headers["Location"].isascii()
    assert "x" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/portal", "//evil.example/", "/\\evil.example", "/%0d%0aX:y"])
async def test_windows_client_is_led_to_the_feed_and_nowhere_else(feed: Feed, path: str) -> None:
    answer = await feed.client(RADC).ask(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, FEED)
    assert "x" not in answer.headers


async def test_browser_is_left_alone(feed: Feed) -> None:
    assert (await feed.client(BROWSER).ask("/portal")).status_code == 200
    for path in ("/", "/unknown"):
        assert (await feed.client(BROWSER).ask(path)).status_code == 404


async def test_what_is_not_http_passes(feed: Feed) -> None:
    seen: list[str] = []

    async def app(scope: object, receive: object, send: object) -> None:
        assert isinstance(scope, dict)
        seen.append(scope["type"])

    await Discovery(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]
