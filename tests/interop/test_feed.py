"""A subscription on real parts: xfreerdp opens the feed's file on a real xrdp, leaves, and is led back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialback.domain.ids import UserName
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.store.open import open_store
from dialback.transport.tls import client_context
from lab.process import wait_for
from lab.xrdp_host import XrdpHost
from tests.e2e.subscriber import FAMILIES, Client, file_urls
from tests.interop.records import assert_whole_life
from tests.interop.stage import Login, Published, Stage, seat, value_of

pytestmark = pytest.mark.interop

OFFERED_S = 20.0
"""A look at sessions every 5 s, the way of its result, and some room on a busy machine."""


async def workspace_password(data: Path, name: str) -> str:
    """Make a workspace password as the portal does."""
    store = await open_store(f"sqlite:///{data}/dialback.sqlite")
    try:
        user = await store.directory.find(User, MAIN, UserName(name))
        assert user
        authenticator = Authenticator(store.accounts, store.directory, SignInSettings())
        return (await authenticator.make_workspace_password(user, "Laptop"))[1].reveal()
    finally:
        await store.close()


@pytest.fixture
def subscriber(own_stage: Stage, desk: Published, anna: Login) -> Iterator[Client]:
    platform = own_stage.platform
    password = asyncio.run(workspace_password(platform.data, anna.user))
    tls = client_context(platform.ca.read_text())
    name, _, port = platform.address.rpartition(":")
    client = Client(int(port), tls, FAMILIES[0], anna.user, password, name)
    yield client
    client.close()


def test_file_of_the_feed_opens_the_desktop_and_the_session_is_found_again(
    own_stage: Stage, desk: Published, anna: Login, subscriber: Client
) -> None:
    assert isinstance(desk.host, XrdpHost)
    desk.host.log_on(anna.user, anna.password)
    listed = asyncio.run(subscriber.subscribe())
    (url,) = file_urls(listed.body)
    file = own_stage.folder / "feed.rdp"
    file.write_bytes(asyncio.run(subscriber.ask(url)).body)
    assert value_of(file, "full address") == desk.resource

    watch = own_stage.watch()
    with seat(own_stage) as desktop:
        desktop.open(file, anna, desk.pin)
        desktop.wait_rendered(desk.colour)
        word = desktop.types(anna.home)
        assert asyncio.run(subscriber.sessions()) == ()
    assert_whole_life(watch.ended(), "tsgu-websocket", anna.user, desk.resource)

    offered: list[str] = []

    def is_offered() -> bool:
        offered[:] = [each.text for each in asyncio.run(subscriber.sessions())]
        return bool(offered)

    assert wait_for(is_offered, OFFERED_S, 0.5)
    again = own_stage.folder / "again.rdp"
    again.write_bytes(offered[0].encode("ascii"))
    with seat(own_stage) as desktop:
        desktop.open(again, anna, desk.pin)
        desktop.wait_rendered(desk.colour)
        # The same terminal: what was typed before is in its history.
        desktop.display.type_in_terminal("history | grep -c typed > seen.txt")
        seen = anna.home / "seen.txt"
        assert wait_for(lambda: seen.exists() and seen.read_text().strip() not in ("", "0", "1"), 10)
        assert word
