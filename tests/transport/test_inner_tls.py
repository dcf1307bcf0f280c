"""TLS inside legs over real sockets, with somebody in the middle who sees bytes and understands none."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest

from dialback.transport.inner_tls import InnerTls, client_side, server_side
from dialback.transport.leg import LegLost
from dialback.transport.tls import sha256_of
from tests.transport.pairs import legs


@contextlib.asynccontextmanager
async def secured() -> AsyncIterator[tuple[InnerTls, InnerTls, str]]:
    """Yield client and server after their handshake, and the server's fingerprint."""
    made = server_side()
    async with legs() as (near, far), asyncio.timeout(10):
        client = InnerTls(near, client_side(), is_server=False)
        server = InnerTls(far, made.context, is_server=True)
        await asyncio.gather(client.shake_hands(), server.shake_hands())
        yield client, server, made.certificate_sha256


async def test_client_sees_the_certificate_that_the_server_made() -> None:
    async with secured() as (client, server, fingerprint):
        assert sha256_of(client.peer_certificate()) == fingerprint
        assert server.peer_certificate() == b""


def test_each_server_has_a_certificate_of_its_own() -> None:
    assert server_side().certificate_sha256 != server_side().certificate_sha256


async def test_bytes_go_both_ways() -> None:
    async with secured() as (client, server, _):
        sent = bytes(range(256)) * 4096

        async def answer() -> None:
            await server.send(sent)

        task = asyncio.create_task(answer())
        got = b""
        while len(got) < len(sent):
            got += await client.receive()
        await task
        assert got == sent
        await client.send(b"thanks")
        assert await server.receive() == b"thanks"


async def test_client_that_speaks_before_the_server_is_ready_is_heard() -> None:
    made = server_side()
    async with legs() as (near, far), asyncio.timeout(10):
        client = InnerTls(near, client_side(), is_server=False)
        task = asyncio.create_task(client.shake_hands())
        far.unread(await far.receive())
        await InnerTls(far, made.context, is_server=True).shake_hands()
        await task


@pytest.mark.parametrize("ends", ["client", "server"])
async def test_end_in_order_is_told_from_an_end_that_is_not(ends: str) -> None:
    async with secured() as (client, server, _):
        one, other = (client, server) if ends == "client" else (server, client)
        await one.send(b"last")
        _, said = await asyncio.gather(one.close(), other.receive())
        assert said == b"last"
        assert await other.receive() == b""


async def test_leg_that_is_cut_is_an_error() -> None:
    made = server_side()
    async with legs() as (near, far), asyncio.timeout(10):
        client = InnerTls(near, client_side(), is_server=False)
        server = InnerTls(far, made.context, is_server=True)
        await asyncio.gather(client.shake_hands(), server.shake_hands())
        near.abort()
        with pytest.raises(LegLost):
            await server.receive()


async def test_far_end_without_tls_is_an_error() -> None:
    async with legs() as (near, far), asyncio.timeout(10):
        far.send(b"SSH-2.0-x\r\n")
        with pytest.raises(LegLost, match="broke TLS"):
            await InnerTls(near, client_side(), is_server=False).shake_hands()


async def test_older_tls_is_refused() -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with legs() as (near, far), asyncio.timeout(10):
        client = InnerTls(near, old, is_server=False)
        server = InnerTls(far, server_side().context, is_server=True)
        ended = await asyncio.gather(client.shake_hands(), server.shake_hands(), return_exceptions=True)
        assert [type(each) for each in ended] == [LegLost, LegLost]


async def test_changed_bytes_are_an_error() -> None:
    made = server_side()
    async with legs() as (near, far), asyncio.timeout(10):
        client = InnerTls(near, client_side(), is_server=False)
        server = InnerTls(far, made.context, is_server=True)
        await asyncio.gather(client.shake_hands(), server.shake_hands())
        near.send(bytes.fromhex("1703030018") + bytes(24))
        with pytest.raises(LegLost, match="broke TLS"):
            await server.receive()
