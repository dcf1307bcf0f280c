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
from lab.accounts import Account
from lab.process import wait_for
from tests.e2e.subscriber import WINDOWS, Client, file_urls
from tests.interop.conftest import running_stage
from tests.interop.records import is_closed_by_user
from tests.interop.stage import Login, Published, Stage, desktop_through, login_of, value_of

pytestmark = pytest.mark.interop

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
def dora(machine: None) -> Iterator[Login]:
    with Account("interopdora") as account:
        yield login_of(account)


@pytest.fixture
def stage(dora: Login, tmp_path: Path) -> Iterator[Stage]:
    yield from running_stage(tmp_path)


@pytest.fixture
def desk(stage: Stage, dora: Login) -> Published:
    return stage.xrdp("feed", dora.user)


@pytest.fixture
def subscriber(stage: Stage, desk: Published, dora: Login) -> Iterator[Client]:
    platform = stage.platform
    password = asyncio.run(workspace_password(platform.data, dora.user))
    tls = client_context(platform.ca.read_text())
    name, _, port = platform.address.rpartition(":")
    client = Client(int(port), tls, WINDOWS, dora.user, password, name)
    yield client
    client.close()


def offered(subscriber: Client) -> list[str]:
    """Return the files by which sessions are opened again."""
    return [each.text for each in asyncio.run(subscriber.sessions())]


def test_file_of_the_feed_opens_the_desktop_and_the_session_is_found_again(
    stage: Stage, desk: Published, dora: Login, subscriber: Client
) -> None:
    listed = asyncio.run(subscriber.subscribe())
    (url,) = file_urls(listed.body)
    file = stage.folder / "feed.rdp"
    file.write_bytes(asyncio.run(subscriber.ask(url)).body)
    assert value_of(file, "full address") == desk.resource

    watch = stage.watch()
    with desktop_through(stage, desk, dora, file=file) as desktop:
        desktop.types(dora.home)
        # What the host reported before the client came is replaced by its next report.
        assert wait_for(lambda: offered(subscriber) == [], poll_s=0.5)
    record = watch.ended()
    assert is_closed_by_user(record)
    assert (record["user"], record["resource"]) == (dora.user, desk.resource)

    assert wait_for(lambda: offered(subscriber) != [], poll_s=0.5)
    again = stage.folder / "again.rdp"
    again.write_bytes(offered(subscriber)[0].encode("ascii"))
    with desktop_through(stage, desk, dora, file=again) as desktop:
        # The same terminal: what was typed before is in its history.
        desktop.display.type_in_terminal("history | grep -c typed > seen.txt")
        seen = dora.home / "seen.txt"
        assert wait_for(lambda: seen.exists() and seen.read_text().strip() not in ("", "0", "1"))
