"""The scripted client: it reads lists, and walks to one on a real server, over TLS and with NTLM."""

import asyncio
from pathlib import Path

import pytest

from dialback.app.certificates import server_certificates
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from lab.feed_client import FEED, FeedClient, Resource, parse_list
from lab.process import Failed
from lab.signature import value_of
from tests.e2e.conftest import stage as stage  # a fixture
from tests.e2e.stage import OFFICE, USER, Stage

NAMESPACE = "http://schemas.microsoft.com/ts/2007/05/tswf"
LIST = f"""<?xml version="1.0" encoding="utf-8"?>
<ResourceCollection xmlns="{NAMESPACE}"><Publisher Name="Work"><Resources>
<Resource ID="1" Alias="office" Title="Office &amp; more" Type="Desktop"><HostingTerminalServers>
<HostingTerminalServer><ResourceFile FileExtension=".rdp" URL="/feed/office.rdp"/></HostingTerminalServer>
</HostingTerminalServers></Resource>
</Resources></Publisher></ResourceCollection>"""


def test_list_is_read_whatever_its_namespace() -> None:
    wanted = [Resource("office", "Office & more", "Desktop", "/feed/office.rdp")]
    assert parse_list(LIST.encode()) == wanted
    assert parse_list(LIST.replace(NAMESPACE, "urn:other").encode()) == wanted


def test_list_that_is_none_is_refused() -> None:
    with pytest.raises(Failed, match="expected a list in XML"):
        parse_list(b"<html>sign in")
    with pytest.raises(Failed, match="expected a connection file"):
        parse_list(LIST.replace("ResourceFile", "Nothing").encode())


@pytest.mark.e2e
async def test_client_subscribes_and_saves_a_file(stage: Stage, tmp_path: Path) -> None:
    client = await subscriber(stage)
    with client:
        (resource,) = await asyncio.to_thread(client.subscribe)
        file = await asyncio.to_thread(client.save, resource, tmp_path / "feed.rdp")
        with pytest.raises(Failed, match="expected a connection file, got"):
            await asyncio.to_thread(client.save, Resource("", "", "", "/feed/none.rdp"), tmp_path / "none")
    assert value_of(file, "full address") == OFFICE
    statuses = [line.rpartition(" ")[2] for line in client.walk]
    assert statuses[:5] == ["302", "401", "401", "200", "200"]
    assert client.walk[0].startswith(FEED)


@pytest.mark.e2e
async def test_wrong_password_leads_to_no_list(stage: Stage) -> None:
    client = await subscriber(stage)
    client.password = "wrong"
    with client, pytest.raises(Failed, match="expected a list, got"):
        await asyncio.to_thread(client.subscribe)


async def subscriber(stage: Stage) -> FeedClient:
    """Begin the stage, and return a client with a workspace password."""
    await stage.begin()
    authenticator = Authenticator(stage.store.accounts, stage.store.directory, SignInSettings())
    user = await stage.store.directory.find(User, MAIN, USER)
    assert user
    _, password = await authenticator.make_workspace_password(user, "Laptop")
    authority = stage.folder / "authority.pem"
    authority.write_text(server_certificates(stage.data, stage.settings).ca_pem)
    return FeedClient(stage.address, authority, USER, password.reveal())
