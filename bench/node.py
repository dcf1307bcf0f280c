"""The platform under test: `dialback serve` as a process of its own, on loopback, with a store in a folder.

Hosts are enrolled and the one resource is published straight through the store; hundreds of hosts would take
minutes by commands.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.children import Child, started
from dialback.agent.identity_file import Enrolled, Identity, save_identity
from dialback.agent.settings import FILE_NAME as AGENT_SETTINGS
from dialback.agent.settings import build_settings
from dialback.domain.access import ConnectionToken
from dialback.domain.catalog import ApplicationGroup, PublishedResource, UserAssignment
from dialback.domain.contracts import Store
from dialback.domain.hosts import DEFAULT_TARGET, Host, JoinCode
from dialback.domain.ids import ApplicationGroupId, HostId, PoolId, ResourceId, ResourceName, UserId, UserName
from dialback.domain.tenancy import MAIN, User
from dialback.identity.host_keys import HostKey, host_id_of
from dialback.identity.tokens import hash_token, make_token
from dialback.store.open import open_store
from lab.ports import free_port

ADDRESS = "127.0.0.1"
ALIAS = ResourceName("desk")
USER = UserName("bench")
READY_S = 30
LIFE = timedelta(hours=2)


def dialback(*arguments: str | Path) -> list[str | Path]:
    """Return a command line of Dialback's."""
    return [sys.executable, "-c", "from dialback.cli.main import main; main()", *arguments]


@dataclass(frozen=True, slots=True)
class Node:
    """A serving node: its process, port and data folder, with a token that opens `ALIAS`."""

    child: Child
    port: int
    folder: Path
    token: str
    hosts: tuple[Path, ...]

    @property
    def pid(self) -> int:
        """The process that relays."""
        return self.child.pid

    @property
    def store_url(self) -> str:
        """Its database."""
        return store_url_in(self.folder)

    @property
    def ca(self) -> Path:
        """The authority that made the server's certificate."""
        return self.folder / "ca.pem"

    async def host_up(self) -> None:
        """Wait until the agent link of the first host stands."""
        store = await open_store(self.store_url)
        try:
            for _ in range(READY_S * 10):
                if any(host.link_up for host in await store.all_hosts()):
                    return
                await asyncio.sleep(0.1)
            raise self.child.failed("saw no agent link")
        finally:
            await store.close()

    def client(self, connections: int) -> dict[str, object]:
        """Return what a client peer needs to reach `ALIAS` through this node."""
        return {
            "port": self.port,
            "ca": str(self.ca),
            "token": self.token,
            "alias": ALIAS,
            "connections": connections,
        }


@asynccontextmanager
async def serving(
    folder: Path, name: str, hosts: int = 1, target: str = DEFAULT_TARGET
) -> AsyncIterator[Node]:
    """Serve with so many enrolled hosts while the context lasts; `ALIAS` is a desktop of the first."""
    async with listening(folder, name) as (child, port):
        data = folder / name
        store = await open_store(store_url_in(data))
        try:
            server = f"{ADDRESS}:{port}"
            enrolled = [await _enrol(store, data, server, f"host{number}") for number in range(hosts)]
            token = await _publish(store, enrolled[0].enrolled.host_id, target)
        finally:
            await store.close()
        folders = [_save(data, each, target) for each in enrolled]
        yield Node(child, port, data, token, tuple(folders))


@asynccontextmanager
async def listening(folder: Path, name: str, port: int = 0) -> AsyncIterator[tuple[Child, int]]:
    """Serve while the context lasts, from the data folder of that name; gives the process and its port.

    A data folder keeps the port it was first served on.
    """
    port = port or free_port()
    address = f"{ADDRESS}:{port}"
    command = dialback("serve", "--data", folder / name, "--listen", address, "--address", address)
    async with started(name, command, folder) as child:
        await wait_open(child, port)
        yield child, port


async def wait_open(child: Child, port: int) -> None:
    """Wait until a process listens."""
    deadline = asyncio.get_running_loop().time() + READY_S
    while asyncio.get_running_loop().time() < deadline and child.running:
        try:
            _, writer = await asyncio.open_connection(ADDRESS, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise child.failed("opened no port")


def store_url_in(data: Path) -> str:
    """Return the URL of the database in a data folder."""
    return f"sqlite:///{data / 'dialback.sqlite'}"


async def _enrol(store: Store, data: Path, server: str, name: str) -> Identity:
    now, secret, key = datetime.now(UTC), make_token(), HostKey.generate()
    await store.save_join_code(JoinCode(hash_token(secret), name, now + LIFE))
    host = await store.enrol_host(
        hash_token(secret), Host(host_id_of(key.public_bytes), name, key.public_bytes, now), now
    )
    return Identity(Enrolled(server, host.id, name), key, (data / "ca.pem").read_text("ascii"))


def _save(data: Path, identity: Identity, target: str) -> Path:
    folder = data / "agents" / identity.enrolled.host_name
    folder.mkdir(parents=True)
    save_identity(folder, identity)
    (folder / AGENT_SETTINGS).write_text(build_settings([target]))
    return folder


async def _publish(store: Store, host: HostId, target: str) -> str:
    now, token = datetime.now(UTC), make_token()
    directory = store.directory
    user = await directory.save(User(MAIN, UserId(USER), USER))
    group = await directory.save(ApplicationGroup(MAIN, ApplicationGroupId(ALIAS), ALIAS, PoolId(host)))
    await directory.save(PublishedResource(MAIN, ResourceId(ALIAS), group.id, ALIAS, ALIAS, target))
    await directory.assign(UserAssignment(MAIN, group.id, user.id))
    issued = ConnectionToken(hash_token(token), MAIN, user.id, USER, ALIAS, now, now + LIFE)
    await store.save_token(issued)
    return token.reveal()
