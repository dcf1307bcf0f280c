"""Whole subscriptions, one per family of clients."""

from dataclasses import replace

import pytest
from lxml import etree

from dialback.domain.tenancy import User
from dialback.wire.feed.negotiation import SchemaVersion
from tests.web.feed.nouns import ANNA
from tests.web.feed.stage import ADDRESS_FAILURES, ANDROID, APPS, FAMILIES, RADC, Feed, urls_of
from tests.wire.feed.schema import schema_of

TYPED = (
    "/RDWeb/Feed/webfeed.aspx",
    "/rdweb/feed/WEBFEED.ASPX",
    "/webfeed.aspx",
    "/Feed/webfeed.aspx",
    "/api/feeddiscovery/webfeeddiscovery.aspx",
    "/api/arm/feeddiscovery",
)


@pytest.mark.parametrize("agent", FAMILIES)
@pytest.mark.parametrize("typed", TYPED)
async def test_each_family_subscribes_from_each_address(feed: Feed, agent: str, typed: str) -> None:
    client = feed.client(agent, "anna", await feed.password())

    assert await client.discover(typed)
    answer = await client.subscribe(typed)

    assert answer.status_code == 200
    schema_of(SchemaVersion.V2_0).assertValid(etree.fromstring(answer.content))
    for url in urls_of(answer.content):
        assert (await client.ask(url)).status_code == 200, url
        client.token, kept = "", client.token
        assert (await client.ask(url)).status_code == (401 if agent in APPS else 302), url
        client.token = kept


@pytest.mark.parametrize("typed", ["/", "/whatever/path", "/RDWeb/Pages/en-US/login.aspx"])
async def test_windows_client_reaches_the_feed_from_any_path(feed: Feed, typed: str) -> None:
    client = feed.client(RADC, "anna", await feed.password())
    assert (await client.subscribe(typed)).status_code == 200


@pytest.mark.parametrize("agent", FAMILIES)
async def test_wrong_password_gives_401_again_and_no_token(feed: Feed, agent: str) -> None:
    await feed.password()
    answer = await feed.client(agent, "anna", "wrong").subscribe("/RDWeb/Feed/webfeed.aspx")
    assert answer.status_code == 401
    assert answer.headers.get_list("WWW-Authenticate")[0] == "NTLM"
    assert feed.metrics.value("dialback_refused_total", reason="sign-in-refused") == 1


async def test_expired_token_leads_to_the_login_and_back(feed: Feed) -> None:
    client = feed.client(RADC, "anna", await feed.password())
    await client.subscribe("/RDWeb/Feed/webfeed.aspx")
    feed.clock.move(hours=2)

    expired = await client.ask("/RDWeb/Feed/webfeed.aspx")

    assert (expired.status_code, expired.headers["Location"]) == (
        302,
        "/RDWeb/FeedLogin/WebFeedLogin.aspx",
    )
    assert (await client.subscribe("/RDWeb/Feed/webfeed.aspx")).status_code == 200


async def test_app_with_expired_token_is_not_probed_but_sent_to_the_login(feed: Feed) -> None:
    client = feed.client(ANDROID, "anna", await feed.password())
    await client.subscribe("/RDWeb/Feed/webfeed.aspx")
    feed.clock.move(hours=2)
    assert (await client.ask("/RDWeb/Feed/webfeed.aspx")).status_code == 302


async def test_disabled_user_and_revoked_password_end_the_subscription(feed: Feed) -> None:
    kept, password = await feed.kept_password()
    client = feed.client(RADC, "anna", password)
    assert (await client.subscribe("/RDWeb/Feed/webfeed.aspx")).status_code == 200
    assert await feed.authenticator.revoke_workspace_password(ANNA, kept.id)
    assert (await client.subscribe("/RDWeb/Feed/webfeed.aspx")).status_code == 401

    client = feed.client(RADC, "anna", await feed.password())
    assert (await client.subscribe("/RDWeb/Feed/webfeed.aspx")).status_code == 200
    user = await feed.directory.get(User, ANNA.tenant, ANNA.id)
    assert user
    await feed.directory.save(replace(user, disabled_at=feed.clock.now))
    answer = await client.subscribe("/RDWeb/Feed/webfeed.aspx")
    assert answer.status_code == 403
    assert answer.text == "Your user is disabled; ask your administrator.\n"


async def test_address_that_fails_often_is_asked_to_wait(feed: Feed) -> None:
    good = feed.client(RADC, "anna", await feed.password())
    for _ in range(ADDRESS_FAILURES):
        await feed.client(RADC, "anna", "wrong").log_in("/RDWeb/FeedLogin/WebFeedLogin.aspx")

    answer = await good.log_in("/RDWeb/FeedLogin/WebFeedLogin.aspx")

    assert answer.status_code == 429
    assert "wait" in answer.text
