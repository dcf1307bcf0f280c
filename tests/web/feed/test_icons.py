"""Icons as they are fetched, by clients and by pages."""

import io

import pytest
from PIL import Image

from dialback.domain.icons import Icon, icon_of
from dialback.domain.ids import TenantId
from dialback.web.feed.addresses import ICONS, ico_path, png_path
from dialback.web.feed.pictures import SIZES, prepare_icon
from dialback.web.people import NotSignedIn
from tests.web.feed.nouns import MAIN, OTHER
from tests.web.feed.stage import RADC, Feed


async def keep(feed: Feed, tenant: TenantId = MAIN, color: str = "red") -> Icon:
    """Keep an icon of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(out, "PNG")
    icon = icon_of(tenant, prepare_icon(out.getvalue()))
    await feed.icons.save_icon(icon)
    return icon


@pytest.mark.parametrize("size", SIZES)
async def test_png_has_the_size_that_was_asked_for(feed: Feed, size: int) -> None:
    icon = await keep(feed)
    answer = await (await feed.subscribed()).ask(png_path(icon.id, size))
    assert answer.headers["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (size, size)


async def test_ico_is_one(feed: Feed) -> None:
    icon = await keep(feed)
    answer = await (await feed.subscribed()).ask(ico_path(icon.id))
    assert answer.headers["Content-Type"] == "image/x-icon"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).format == "ICO"


@pytest.mark.parametrize("path", [ico_path("desktop"), png_path("remote-app", 32)])
async def test_icon_that_the_client_has_is_not_sent_again(feed: Feed, path: str) -> None:
    client = await feed.subscribed()
    tag = (await client.ask(path)).headers["ETag"]
    again = await client.ask(path, If_None_Match=tag)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        png_path("desktop", 17),
        png_path("desktop", 100_000),
        f"{ICONS}desktop-{'9' * 5000}.png",
        f"{ICONS}desktop-032.png",
        f"{ICONS}desktop-x.png",
        png_path("0" * 32, 32),
        ico_path("0" * 32),
        ico_path("a b"),
        png_path("%2e%2e", 32),
    ],
)
async def test_icon_that_is_not_there_is_404(feed: Feed, path: str) -> None:
    assert (await (await feed.subscribed()).ask(path)).status_code == 404


async def test_icon_of_another_tenant_is_as_if_there_were_none(feed: Feed) -> None:
    theirs = await keep(feed, OTHER)
    client = await feed.subscribed(RADC)
    browser = await feed.browser()
    for path in (ico_path(theirs.id), png_path(theirs.id, 32)):
        missing = await client.ask(path.replace(theirs.id, "0" * 32))
        found = await client.ask(path)
        assert (found.status_code, found.content) == (missing.status_code, missing.content) == (404, b"")
    assert (await feed.client("Mozilla").ask(f"/icons/{theirs.id}-32.png", **browser)).status_code == 404


async def test_page_gets_icons_of_whoever_is_signed_in(feed: Feed) -> None:
    icon = await keep(feed)
    browser = await feed.browser()
    for id in (icon.id, "desktop"):
        answer = await feed.client("Mozilla").ask(f"/icons/{id}-48.png", **browser)
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).size == (48, 48)
    for size in ("48", "9" * 5000):
        with pytest.raises(NotSignedIn):
            await feed.client("Mozilla").ask(f"/icons/{icon.id}-{size}.png")
