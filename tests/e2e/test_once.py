"""A grant for one use, taken by the console as a technician uses it: one visit, of several legs."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from dialback.agent.consent_files import ConsentFiles
from dialback.agent.consent_local import LocalConsent
from dialback.app.certificates import server_certificates
from dialback.console.clients import Client, Program
from dialback.console.connecting import Access, Connecting, Step
from dialback.console.legs import Gateway
from dialback.console.saved import Saved
from dialback.domain.secret import Secret
from dialback.store.provider_models import grants
from dialback.transport.tls import client_context
from tests.e2e.stage import Stage, until
from tests.e2e.visitor import Visitor, Way, table

pytestmark = pytest.mark.e2e
CLIENT = """#!{python}
import socket, sys
place = next(word[3:] for word in sys.argv if word.startswith("/v:"))
address, port = place.split(":")
for tunnel in range(3):
    with socket.create_connection((address, int(port))) as sock:
        sock.sendall(b"desktop")
        heard = b""
        while len(heard) < 7:
            more = sock.recv(100)
            if not more:
                sys.exit(7)
            heard += more
"""
"""An RDP client of a few lines that opens one tunnel after another, as stock clients do."""


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return Visitor(stage)


def connecting(visitor: Visitor, folder: Path) -> Connecting:
    """Return the console's own engine, with the client of a few lines."""
    stage, path = visitor.stage, folder / "client"
    path.write_text(CLIENT.format(python=sys.executable))
    path.chmod(0o700)
    context = client_context(server_certificates(stage.data, stage.settings).ca_pem)
    gateway = Gateway("127.0.0.1", stage.port, context)
    return Connecting(gateway, Program(Client.FREERDP_3, str(path)), Saved(folder / "saved"), 0)


async def access(visitor: Visitor, way: Way) -> Access:
    """Return what the provider's API gives for the way."""
    [host] = await visitor.stage.store.all_hosts()
    request = way.request
    return Access(request.tenant, host.id, "main/desk", request.id, Secret(way.token), host.public_key.hex())


async def visit(visitor: Visitor, way: Way, folder: Path) -> int:
    """Connect by the console; return the exit status of the client."""
    given = await access(visitor, way)

    async def ask() -> Access:
        return given

    def tell(step: Step, detail: str) -> None:
        pass

    return (await connecting(visitor, folder).connect(ask, tell)).status


def used(visitor: Visitor) -> list[int]:
    return [seen.used for seen in ConsentFiles(visitor.stage.agent_folder).state().grants.values()]


async def test_grant_for_one_use_opens_a_desktop_in_the_console(visitor: Visitor, tmp_path: Path) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request, uses=1))

    assert await visit(visitor, way, tmp_path) == 0

    assert used(visitor) == [1]
    assert len(await visitor.stage.records(4)) == 4


async def test_once_given_at_the_host_opens_a_desktop_and_nothing_for_another_request(
    visitor: Visitor, tmp_path: Path
) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    waiting = visitor.connecting(way)
    files = ConsentFiles(visitor.stage.agent_folder)

    async def asked() -> bool:
        return bool(files.asked())

    await until(asked)
    LocalConsent(visitor.stage.agent_folder).approve(way.request.id, "olga", timedelta(hours=1), uses=1)
    await waiting
    assert await visit(visitor, way, tmp_path) == 0

    again = await visitor.connect(await visitor.ask())
    assert again.refusal["reason"] == "grant-used"


async def test_restart_of_the_agent_gives_no_use_back(visitor: Visitor, tmp_path: Path) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request, uses=1))
    assert await visit(visitor, way, tmp_path) == 0

    await visitor.stage.stop_agent()
    await until(visitor.stage.link_is_down)
    await visitor.stage.start_agent()

    again = await visitor.connect(Way(way.request, way.token))
    assert again.refusal["reason"] == "grant-used"


async def test_replay_for_another_request_is_refused_while_the_visit_stands(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request, uses=1))
    await visitor.connect(way)
    assert await way.echoes(b"hello")

    again = await visitor.ask()
    # The platform's own doing: it shows no grant of one use for another request.
    async with visitor.stage.store._transaction() as connection:
        await connection.execute(update(grants).values(request=again.request.id))
    assert (await visitor.connect(again)).refusal["reason"] == "grant-used"
