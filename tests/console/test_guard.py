"""How a client's leg begins: a client and a server with real TLS at the ends, and the guard in between."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dialback.console.guard import Guard
from dialback.console.proof import Proof, Proven
from dialback.domain.errors import Reason, Refused
from dialback.identity.authority import Authority
from dialback.relay.framings import plain
from dialback.relay.join import End, Relay
from dialback.relay.meter import Meter
from dialback.transport.inner_tls import InnerTls
from dialback.transport.leg import Leg
from dialback.transport.tls import looking_context, sha256_of
from tests.wire.first_flights import CONFIRM_RDP, CONFIRM_TLS, server

Version = ssl.TLSVersion
FATAL_ALERT = bytes.fromhex("15030300020228")
OTHER = "ab" * 32


@dataclass
class Ends:
    """Client and host at the ends, and the two legs between which the console stands."""

    client: Leg
    local: Leg
    remote: Leg
    host: Leg
    context: Callable[[ssl.TLSVersion], ssl.SSLContext]
    sha256: str
    told: list[Proof] = field(default_factory=list)
    meter: Meter = field(default_factory=lambda: Meter(asyncio.get_running_loop().time))

    async def serve(self, version: ssl.TLSVersion) -> None:
        """Be an RDP server that says everything back."""
        await take(self.host, 4)
        self.host.send(CONFIRM_TLS)
        tls = InnerTls(self.host, self.context(version), is_server=True)
        await tls.shake_hands()
        while data := await tls.receive():
            await tls.send(data)

    async def talk(self, text: bytes) -> bytes:
        """Be an RDP client: ask, go over to TLS, say something; return what is said back."""
        self.client.send(b"ask!")
        await take(self.client, len(CONFIRM_TLS))
        tls = InnerTls(self.client, looking_context(), is_server=False)
        await tls.shake_hands()
        heard = b""
        for at in range(0, len(text), 4000):
            await tls.send(text[at : at + 4000])
            heard += await tls.receive()
        while len(heard) < len(text):
            heard += await tls.receive()
        return heard

    async def watch(self, announced: str) -> None:
        async with asyncio.timeout(10):
            await Guard("acme/desk", announced, self.tell).watch(self.local, self.remote, self.meter)

    async def tell(self, proof: Proof) -> None:
        assert not self.remote.gone
        self.told.append(proof)

    async def carry(self, announced: str) -> None:
        """Watch, then relay, as a redirector does."""
        await self.watch(announced)
        await self.relay()

    async def relay(self) -> None:
        left, right = (End(leg, leg, plain()) for leg in (self.remote, self.local))
        await Relay().join(left, right, self.meter)


async def take(leg: Leg, size: int) -> bytes:
    """Return so many bytes."""
    taken = b""
    while len(taken) < size:
        data = await leg.receive()
        assert data
        taken += data
    leg.unread(taken[size:])
    return taken[:size]


async def pair() -> list[Leg]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Leg, sock=sock))[1] for sock in socket.socketpair()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return Authority.open(tmp_path_factory.mktemp("ca")).ensure_server_certificate(["desk"])


@pytest.fixture
async def ends(files: tuple[Path, Path]) -> AsyncIterator[Ends]:
    legs = [*await pair(), *await pair()]
    pem = files[0].read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 25])
    yield Ends(*legs, lambda version: server(*files, version), sha256_of(der))
    for leg in legs:
        leg.abort()


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Do these while the block runs, ten seconds at most."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
async def test_host_that_shows_what_was_announced_is_let_through(ends: Ends, version: ssl.TLSVersion) -> None:
    text = b"hello" * 20_000
    async with beside(ends.serve(version), ends.carry(ends.sha256)):
        assert await ends.talk(text) == text

    assert min(ends.meter.to_left_bytes, ends.meter.to_right_bytes) > len(text)


async def test_other_certificate_is_cut_off_before_the_client_has_it(ends: Ends) -> None:
    async with beside(ends.serve(Version.TLSv1_2), ends.talk(b"hello")):
        with pytest.raises(Refused, match=f"shown is {ends.sha256}, announced was {OTHER}") as refused:
            await ends.watch(OTHER)

    assert refused.value.reason is Reason.HOST_CERTIFICATE_OTHER
    assert ends.meter.to_right_bytes == len(CONFIRM_TLS)
    assert ends.told == [Proof(Proven.OTHER, ends.sha256, OTHER)]


async def test_tls_1_3_hides_the_certificate_and_is_left_to_the_client(ends: Ends) -> None:
    async with beside(ends.serve(Version.TLSv1_3), ends.carry(OTHER)):
        assert await ends.talk(b"hello") == b"hello"

    assert ends.told == []


async def test_plain_rdp_in_place_of_the_announced_certificate_is_cut_off(ends: Ends) -> None:
    ends.host.send(CONFIRM_RDP)

    with pytest.raises(Refused, match=f"shown is none, announced was {OTHER}"):
        await ends.watch(OTHER)

    assert ends.meter.to_right_bytes == 0
    assert ends.told == [Proof(Proven.OTHER, "", OTHER)]


async def test_host_that_begins_as_something_else_is_cut_off(ends: Ends) -> None:
    ends.host.send(CONFIRM_TLS + b"HTTP/1.1 200 OK\r\n\r\n")

    with pytest.raises(Refused, match="does not begin as an RDP server: expected the header of a TLS") as no:
        await ends.watch(OTHER)

    assert no.value.reason is Reason.PROTOCOL_VIOLATION


@pytest.mark.parametrize("side", ["client", "host"])
@pytest.mark.parametrize("in_order", [True, False])
async def test_leg_that_ends_is_left_to_the_relay(ends: Ends, side: str, in_order: bool) -> None:
    leg: Leg = getattr(ends, side)
    if in_order:
        await leg.close(0)
    else:
        leg.abort()

    await ends.watch(OTHER)


async def test_bytes_around_the_flight_arrive_once_and_in_order(ends: Ends) -> None:
    """A server that refuses ends the watching; what either side says then is the relay's."""
    ends.client.send(b"ask!")
    ends.host.send(CONFIRM_TLS + FATAL_ALERT + b"behind")
    await ends.watch(OTHER)
    ends.client.send(b"more")

    async with beside(ends.relay()):
        assert await take(ends.host, 8) == b"ask!more"
        assert await take(ends.client, 32) == CONFIRM_TLS + FATAL_ALERT + b"behind"
