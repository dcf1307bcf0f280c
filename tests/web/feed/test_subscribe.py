"""The `.wcx` file: what it says to anybody, and what to who is signed in."""

import pytest
from lxml import etree

from dialback.domain.catalog import Workspace
from dialback.domain.ids import WorkspaceId
from dialback.web.people import NotSignedIn
from dialback.wire.feed.subscription import WCX_NAMESPACE
from tests.web.feed.nouns import MAIN, OTHER, SPACE, THEIRS
from tests.web.feed.stage import Feed

PATH = "/feed/workspace.wcx"
URL = "https://gw.example.org/RDWeb/Feed/webfeed.aspx"


def said(content: bytes) -> tuple[str, str]:
    """Return name and address in the file."""
    root = etree.fromstring(content)
    feed = root.find(f"{{{WCX_NAMESPACE}}}defaultFeed")
    return root.get("name"), feed.get("url")


async def test_anybody_gets_the_address_and_no_name_of_ours(feed: Feed) -> None:
    answer = await feed.client("Mozilla").ask(PATH)
    assert said(answer.content) == ("gw.example.org", URL)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="workspace.wcx"'


async def test_who_is_signed_in_gets_the_name_of_their_only_workspace_or_tenant(feed: Feed) -> None:
    mine, theirs = await feed.browser(), await feed.browser(THEIRS)
    assert said((await feed.client("Mozilla").ask(PATH, **mine)).content) == (SPACE.name, URL)
    assert said((await feed.client("Mozilla").ask(PATH, **theirs)).content) == ("Other", URL)
    await feed.directory.save(Workspace(MAIN, WorkspaceId("w2"), "Second"))
    assert said((await feed.client("Mozilla").ask(PATH, **mine)).content) == ("Main", URL)


async def test_file_of_a_workspace_names_its_feed(feed: Feed) -> None:
    answer = await feed.client("Mozilla").ask("/feed/w1/workspace.wcx", **await feed.browser())
    assert said(answer.content) == (SPACE.name, "https://gw.example.org/feed/w1/webfeed.aspx")


async def test_workspace_of_another_tenant_is_404_as_if_there_were_none(feed: Feed) -> None:
    await feed.directory.save(Workspace(OTHER, WorkspaceId("theirs"), "Theirs"))
    for workspace in ("theirs", "unknown"):
        path = f"/feed/{workspace}/workspace.wcx"
        answer = await feed.client("Mozilla").ask(path, **await feed.browser())
        assert (answer.status_code, answer.content) == (404, b"")


async def test_file_of_a_workspace_is_for_who_is_signed_in(feed: Feed) -> None:
    with pytest.raises(NotSignedIn):
        await feed.client("Mozilla").ask("/feed/w1/workspace.wcx")
