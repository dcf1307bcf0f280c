"""Subscribing to a real server: NTLM by a real client on one connection, and a file that opens a desktop."""

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from lxml import etree
from PIL import Image

from dialback.app.certificates import server_certificates
from dialback.domain.accounts import SignInKind
from dialback.domain.catalog import ApplicationGroup, ApplicationGroupKind, PublishedResource, RemoteApp
from dialback.domain.errors import Reason
from dialback.domain.icons import icon_of
from dialback.domain.ids import ApplicationGroupId, ResourceId, ResourceName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.transport.tls import client_context
from dialback.web.feed.pictures import prepare_icon
from dialback.wire.feed.negotiation import SchemaVersion
from dialback.wire.tsgu.client import TunnelRefused
from tests.e2e.stage import OFFICE, USER, Stage
from tests.e2e.subscriber import (
    FAMILIES,
    FEED,
    WINDOWS,
    Client,
    Family,
    file_urls,
    icon_urls,
    settings_in,
)
from tests.wire.feed.schema import schema_of

pytestmark = pytest.mark.e2e
EDITOR = ResourceName("editor")
RED = (255, 0, 0)


@dataclass
class Subscription:
    """A stage whose user has a workspace password."""

    stage: Stage
    authenticator: Authenticator
    user: User
    password: str
    clients: list[Client] = field(default_factory=list)

    def client(self, family: Family = WINDOWS, user: str = USER, password: str | None = None) -> Client:
        tls = client_context(server_certificates(self.stage.data, self.stage.settings).ca_pem)
        client = Client(self.stage.port, tls, family, user, self.password if password is None else password)
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


async def publish_app(stage: Stage) -> None:
    """Publish an app beside the desktop, with files that it opens, a folder, and an icon of its own."""
    directory = stage.store.directory
    out = io.BytesIO()
    Image.new("RGB", (64, 64), RED).save(out, "PNG")
    icon = icon_of(MAIN, prepare_icon(out.getvalue()))
    await stage.store.icons.save_icon(icon)
    group = ApplicationGroup(
        MAIN, ApplicationGroupId("apps"), "Apps", await stage.pool(), ApplicationGroupKind.REMOTE_APP
    )
    await directory.save(group)
    app = PublishedResource(
        MAIN,
        ResourceId("editor"),
        group.id,
        EDITOR,
        "Editor <&> 𝄞",
        remote_app=RemoteApp("||editor", file_extensions=(".txt", ".log")),
        icon=icon.id,
        folders=("Office & more",),
    )
    await directory.save(app)
    await stage.assign(group.id)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
async def test_each_family_subscribes_on_one_connection(subscription: Subscription, family: Family) -> None:
    await publish_app(subscription.stage)
    client = subscription.client(family)

    answer = await client.subscribe()

    assert answer.status == 200
    assert answer.headers["Content-Type"] == family.version.content_type
    document = etree.fromstring(answer.body)
    schema_of(family.version).assertValid(document)
    assert document.get("SchemaVersion") == family.version.value
    assert {each.get("Title"): each.get("Type") for each in document.iter("{*}Resource")} == {
        "office": "Desktop",
        "Editor <&> 𝄞": "RemoteApp",
    }
    assert len(file_urls(answer.body)) == 2
    for url in icon_urls(answer.body) + file_urls(answer.body):
        found = await client.ask(url)
        assert found.status == 200
        again = await client.ask(url, **{"If-None-Match": found.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
    assert client.connections == 1


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
async def test_each_family_learns_of_an_app_what_its_schema_has(
    subscription: Subscription, family: Family
) -> None:
    await publish_app(subscription.stage)
    client = subscription.client(family)

    document = etree.fromstring((await client.subscribe()).body)

    app = next(each for each in document.iter("{*}Resource") if each.get("Type") == "RemoteApp")
    old = family.version is SchemaVersion.V1_1
    extensions = list(app.iter("{*}FileExtension"))
    assert [each.get("Name") for each in extensions] == [".txt", ".log"]
    assert {each.get("PrimaryHandler") for each in extensions} == {None if old else "True"}
    assert [each.get("Name") for each in app.iter("{*}Folder")] == ([] if old else ["/Office & more"])
    assert app.get("ShowByDefault") == ("true" if family.version is SchemaVersion.V2_1 else None)
    for url in icon_urls(etree.tostring(app)):
        picture = Image.open(io.BytesIO((await client.ask(url)).body)).convert("RGB")
        assert picture.getpixel((picture.width // 2, picture.height // 2)) == RED

    settings = settings_in((await client.ask(file_urls(etree.tostring(app))[0])).body)
    assert settings["full address"] == EDITOR
    assert settings["remoteapplicationmode"] == "1"
    assert settings["remoteapplicationprogram"] == "||editor"
    assert settings["remoteapplicationfileextensions"] == ".txt,.log"


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
    answer = await subscription.client(Family("Mozilla", SchemaVersion.V1_1)).ask("/feed/workspace.wcx")
    assert f"https://127.0.0.1:{subscription.stage.port}{FEED}" in answer.body.decode()
