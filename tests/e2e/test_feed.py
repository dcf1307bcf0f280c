"""Subscribing to a real server: NTLM by a real client on one connection, and a file that opens a desktop."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from dialback.app.certificates import server_certificates
from dialback.domain.accounts import SignInKind
from dialback.domain.errors import Reason
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.transport.tls import client_context
from dialback.wire.feed.negotiation import SchemaVersion
from dialback.wire.tsgu.client import TunnelRefused
from tests.e2e.stage import OFFICE, USER, Stage
from tests.e2e.subscriber import FAMILIES, FEED, Client, file_urls, icon_urls, settings_in
from tests.wire.feed.schema import schema_of

pytestmark = pytest.mark.e2e


@dataclass
class Subscription:
    """A stage whose user has a workspace password."""

    stage: Stage
    authenticator: Authenticator
    user: User
    password: str
    clients: list[Client] = field(default_factory=list)

    def client(self, agent: str = FAMILIES[0], user: str = USER, password: str | None = None) -> Client:
        tls = client_context(server_certificates(self.stage.data, self.stage.settings).ca_pem)
        client = Client(self.stage.port, tls, agent, user, self.password if password is None else password)
        self.clients.append(client)
        return client


@pytest.fixture
async def subscription(stage: Stage):
    await stage.begin()
    authenticator = Authenticator(stage.store.accounts, stage.store.directory, SignInSettings())
    user = await stage.store.directory.find(User, MAIN, USER)
    assert user
    _, password = await authenticator.make_workspace_password(user, "Laptop")
    made = Subscription(stage, authenticator, user, password.reveal())
    yield made
    for client in made.clients:
        client.close()


@pytest.mark.parametrize("agent", FAMILIES)
async def test_each_family_subscribes_on_one_connection(subscription: Subscription, agent: str) -> None:
    client = subscription.client(agent)

    answer = await client.subscribe()

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-msts-radc+xml; charset=utf-8"
    schema_of(SchemaVersion.V2_0).assertValid(etree.fromstring(answer.body))
    assert len(file_urls(answer.body)) == 1
    for url in icon_urls(answer.body) + file_urls(answer.body):
        found = await client.ask(url)
        assert found.status == 200
        again = await client.ask(url, **{"If-None-Match": found.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
    assert client.connections == 1


async def test_file_of_the_feed_opens_the_desktop(subscription: Subscription) -> None:
    client = subscription.client()
    listed = await client.subscribe()

    settings = settings_in((await client.ask(file_urls(listed.body)[0])).body)

    assert settings["full address"] == OFFICE
    assert "signature" in settings
    desktop = await subscription.stage.connect(settings["gatewayaccesstoken"], settings["full address"])
    assert await desktop.echoes(b"hello")
    await desktop.end()


async def test_file_of_a_disabled_user_opens_nothing(subscription: Subscription) -> None:
    client = subscription.client()
    listed = await client.subscribe()
    ticket = settings_in((await client.ask(file_urls(listed.body)[0])).body)["gatewayaccesstoken"]

    directory = subscription.stage.store.directory
    await directory.save(replace(subscription.user, disabled_at=datetime.now(UTC)))

    with pytest.raises(TunnelRefused):
        await subscription.stage.connect(ticket)
    assert [record.reason for record in await subscription.stage.records()] == [Reason.USER_DISABLED]
    assert (await client.ask(FEED)).status == 302


async def test_wrong_password_and_expired_token_lead_back_to_the_login(subscription: Subscription) -> None:
    assert (await subscription.client(password="wrong").subscribe()).status == 401
    client = subscription.client()
    await client.subscribe()
    await subscription.authenticator.end_all(subscription.user)
    assert (await client.ask(FEED)).status == 302
    assert (await client.subscribe()).status == 200


async def test_token_of_the_feed_is_one_and_known_as_such(subscription: Subscription) -> None:
    client = subscription.client()
    await client.subscribe()
    assert await subscription.authenticator.who(Secret(client.token), SignInKind.FEED)
    assert await subscription.authenticator.who(Secret(client.token), SignInKind.BROWSER) is None


async def test_reconnect_service_answers_on_the_same_connection(subscription: Subscription) -> None:
    client = subscription.client()
    await client.subscribe()
    assert await client.sessions() == ()
    assert client.connections == 1


async def test_wcx_file_names_the_feed(subscription: Subscription) -> None:
    answer = await subscription.client("Mozilla").ask("/feed/workspace.wcx")
    assert f"https://127.0.0.1:{subscription.stage.port}{FEED}" in answer.body.decode()
