"""Whose a feed's request is."""

import pytest

from dialback.web.feed.addresses import FEED, LOGIN
from dialback.web.people import COOKIE, NotSignedIn
from tests.web.feed.stage import Feed


@pytest.mark.parametrize("cookie", ["", ".ASPXAUTH=", ".ASPXAUTH=made-up", "other=1", ".ASPXAUTH=a b"])
async def test_whoever_has_no_good_token_is_sent_to_the_login(feed: Feed, cookie: str) -> None:
    answer = await feed.client().ask(FEED, Cookie=cookie)
    assert (answer.status_code, answer.headers["Location"]) == (302, LOGIN)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_browsers_sign_in_is_no_feed_token(feed: Feed) -> None:
    secret = (await feed.browser())["Cookie"].partition("=")[2]
    for cookie in (f".ASPXAUTH={secret}", f"{COOKIE}={secret}"):
        assert (await feed.client().ask(FEED, Cookie=cookie)).status_code == 302


async def test_feed_token_opens_nothing_at_the_portal(feed: Feed) -> None:
    token = await feed.token()
    with pytest.raises(NotSignedIn):
        await feed.client("Mozilla").ask("/icons/desktop-64.png", Cookie=f"{COOKIE}={token}")


async def test_two_tokens_in_one_request_are_none(feed: Feed) -> None:
    cookie = f".ASPXAUTH={await feed.token()}; .ASPXAUTH={await feed.token()}"
    assert (await feed.client().ask(FEED, Cookie=cookie)).status_code == 302
