"""The web application over PostgreSQL: sign in, look, connect, subscribe; and what happened is on record."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from lxml import etree

from dialback.app.certificates import server_certificates
from dialback.domain.errors import SENTENCES, Reason
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.transport.tls import client_context
from dialback.wire.feed.negotiation import SchemaVersion
from tests.e2e.stage import OFFICE, USER, Stage, until
from tests.e2e.subscriber import WINDOWS, Client, file_urls, icon_urls, settings_in
from tests.postgresql import PostgresqlServer, running
from tests.wire.feed.schema import schema_of

pytestmark = pytest.mark.e2e
PASSWORD = "copper-lantern-forest-𝄞"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    """Return a running server; skip where none can run, fail in CI."""
    with running() as server:
        yield server


@pytest.fixture
async def on_postgresql(stage: Stage, postgresql: PostgresqlServer) -> Stage:
    """Return a stage on which everything runs over a new database."""
    stage.database = postgresql.new_database()
    await stage.begin()
    return stage


@pytest.fixture
async def browser(on_postgresql: Stage) -> AsyncIterator[httpx.AsyncClient]:
    tls = client_context(server_certificates(on_postgresql.data, on_postgresql.settings).ca_pem)
    base = f"https://{on_postgresql.address}"
    async with httpx.AsyncClient(
        base_url=base, verify=tls, headers={"Sec-Fetch-Site": "same-origin"}
    ) as made:
        yield made


async def user_of(stage: Stage) -> tuple[Authenticator, User]:
    user = await stage.store.directory.find(User, MAIN, USER)
    assert user
    return Authenticator(stage.store.accounts, stage.store.directory, SignInSettings()), user


async def sign_in(stage: Stage, browser: httpx.AsyncClient) -> None:
    """Set a password by an invitation, sign out, and in again with it."""
    authenticator, user = await user_of(stage)
    invitation = await authenticator.invite(user)
    form = {"password": PASSWORD, "again": PASSWORD}
    accepted = await browser.post(f"/invitation/{invitation.reveal()}", data=form)
    assert accepted.status_code == 303, accepted.text
    assert (await browser.post("/signout")).status_code == 303
    signed_in = await browser.post("/signin", data={"name": USER, "password": PASSWORD})
    assert signed_in.status_code == 303, signed_in.text


async def test_person_signs_in_and_opens_the_desktop(
    on_postgresql: Stage, browser: httpx.AsyncClient
) -> None:
    stage = on_postgresql
    await sign_in(stage, browser)
    assert OFFICE in (await browser.get("/")).text

    file = await browser.post(f"/connect/{OFFICE}")
    assert file.headers["content-type"] == "application/x-rdp"
    settings = settings_in(file.content)
    desktop = await stage.connect(settings["gatewayaccesstoken"], settings["full address"])
    assert await desktop.echoes(b"hello")
    await desktop.end()

    (record,) = await stage.records()
    assert (record.user, record.reason) == (USER, Reason.CLIENT_ENDED)
    assert "In use" in (await browser.get("/sessions")).text

    async def noted() -> bool:
        actions = {entry.action for entry in await stage.store.audit.entries(MAIN)}
        return {"host.enrol", "sign-in.open", "connection-file.make", "connection.place"} <= actions

    await until(noted)


async def test_client_subscribes_and_its_file_opens_the_desktop(on_postgresql: Stage) -> None:
    stage = on_postgresql
    authenticator, user = await user_of(stage)
    _, password = await authenticator.make_workspace_password(user, "Laptop 𝄞")
    tls = client_context(server_certificates(stage.data, stage.settings).ca_pem)
    client = Client(stage.port, tls, WINDOWS, USER, password.reveal())
    try:
        listed = await client.subscribe()
        schema_of(SchemaVersion.V2_0).assertValid(etree.fromstring(listed.body))
        for url in icon_urls(listed.body):
            assert (await client.ask(url)).status == 200
        settings = settings_in((await client.ask(file_urls(listed.body)[0])).body)
        assert await client.sessions() == ()
    finally:
        client.close()
    desktop = await stage.connect(settings["gatewayaccesstoken"], settings["full address"])
    assert await desktop.echoes(b"hello")
    await desktop.end()


@pytest.mark.parametrize("login", ["nobody", "a\0b", "\u202eanne", "𝄞" * 200, "'; DROP TABLE users; --"])
async def test_hostile_login_is_refused_in_words_and_on_record(
    on_postgresql: Stage, browser: httpx.AsyncClient, login: str
) -> None:
    refused = await browser.post("/signin", data={"name": login, "password": "x"})
    assert refused.status_code == 403
    assert SENTENCES[Reason.SIGN_IN_REFUSED] in refused.text

    async def noted() -> bool:
        found = await on_postgresql.store.audit.entries(MAIN, action="sign-in.refused")
        return [entry.allowed for entry in found] == [False]

    await until(noted)
    authenticator, _ = await user_of(on_postgresql)
    assert await authenticator.program(Secret(login)) is None
