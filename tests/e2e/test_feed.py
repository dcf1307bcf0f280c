"""Subscribing to a real server: NTLM by a real client on one connection, and a file that opens a desktop."""

import asyncio
import base64
import http.client
import ssl
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import Message

import pytest
import spnego
from lxml import etree

from dialback.app.certificates import server_certificates
from dialback.domain.accounts import SignInKind
from dialback.domain.errors import Reason
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.transport.tls import client_context
from dialback.wire import rdpfile
from dialback.wire.feed.negotiation import SchemaVersion
from dialback.wire.feed.reconnect import ACTION, build_request, parse_response
from dialback.wire.tsgu.client import TunnelRefused
from tests.e2e.stage import OFFICE, USER, Stage
from tests.wire.feed.schema import schema_of

pytestmark = pytest.mark.e2e

FEED = "/RDWeb/Feed/webfeed.aspx"
FAMILIES = (
    "TSWorkspace/2.0",
    "com.microsoft.rdc.macos/11.1 RdCore/1.0",
    "com.microsoft.rdc.ios/11.0 RdCore/1.0",
    "com.microsoft.rdc.androidx/11.0.0.106 RdCore/1.0",
)


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: Message
    body: bytes


@dataclass
class Client:
    """A client that keeps one connection, as NTLM has it, and follows where it is led."""

    port: int
    tls: ssl.SSLContext
    agent: str
    user: str
    password: str
    token: str = ""
    connections: int = 0
    _http: http.client.HTTPSConnection | None = field(default=None, repr=False)

    async def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        return await asyncio.to_thread(self._ask, path, method, body, headers)

    def _ask(self, path: str, method: str, body: bytes, headers: dict[str, str]) -> Answer:
        if self._http is None:
            self._http = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=15)
        if self._http.sock is None:
            self.connections += 1
        given = {"User-Agent": self.agent, "Accept": "application/x-msts-radc+xml; radc_schema_version=2.0"}
        if self.token:
            given["Cookie"] = f".ASPXAUTH={self.token}"
        self._http.request(method, path, body or None, {**given, **headers})
        response = self._http.getresponse()
        return Answer(response.status, response.headers, response.read())

    async def log_in(self, path: str) -> Answer:
        """Do both steps of the handshake."""
        options = spnego.NegotiateOptions.use_ntlm
        context = spnego.client(
            self.user, self.password, hostname="127.0.0.1", service="HTTP", protocol="ntlm", options=options
        )
        first = base64.b64encode(context.step() or b"").decode()
        challenged = await self.ask(path, Authorization=f"NTLM {first}")
        if challenged.status != 401:
            return challenged
        challenge = challenged.headers["WWW-Authenticate"].removeprefix("NTLM ")
        last = base64.b64encode(context.step(base64.b64decode(challenge)) or b"").decode()
        return await self.ask(path, Authorization=f"NTLM {last}")

    async def subscribe(self, path: str = FEED) -> Answer:
        """Walk to the list; return it, or what came instead."""
        for _ in range(8):
            answer = await self.ask(path)
            if answer.status == 401:
                answer = await self.log_in(path)
            if answer.status == 302:
                path = answer.headers["Location"]
            elif answer.headers["Content-Type"] == "application/x-msts-webfeed-login; charset=utf-8":
                self.token, path = answer.body.decode(), FEED
            else:
                return answer
        raise AssertionError("expected a list within eight steps, got none")

    def close(self) -> None:
        if self._http is not None:
            self._http.close()


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


def file_urls(document: bytes) -> list[str]:
    return [element.get("URL") for element in etree.fromstring(document).iter("{*}ResourceFile")]


def icon_urls(document: bytes) -> list[str]:
    return [element.get("FileURL") for element in etree.fromstring(document).iter() if element.get("FileURL")]


def settings_in(file: bytes) -> dict[str, str]:
    return {each.name: each.value for each in rdpfile.parse(rdpfile.decode(file))}


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
    answer = await client.ask(
        "/RDWeb/Feed/RDWebService.asmx", "POST", build_request(), SOAPAction=f'"{ACTION}"'
    )
    assert answer.status == 200
    assert parse_response(answer.body) == ()


async def test_wcx_file_names_the_feed(subscription: Subscription) -> None:
    answer = await subscription.client("Mozilla").ask("/feed/workspace.wcx")
    assert f"https://127.0.0.1:{subscription.stage.port}{FEED}" in answer.body.decode()
