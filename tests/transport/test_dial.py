import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dialback.domain.hosts import parse_target
from dialback.transport.dial import DialFailed, Proxy, dial_target, dial_tls, parse_proxy
from dialback.transport.leg import Leg
from dialback.transport.tls import looking_context, sha256_of
from tests.transport.loopback import DEADLINE_S, Accepted, Certificates, port_of, wired

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """Serve in the clear on loopback; give the port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield port_of(server)
    finally:
        server.close()
        await asyncio.sleep(0.01)


def answering(answer: bytes, asked: list[bytes] | None = None) -> Serve:
    """Return a proxy that gives this answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(head)
        writer.write(answer)
        await reader.read()

    return serve


def tunnelling(port: int, extra: bytes = b"") -> Serve:
    """Return a proxy that connects to the port."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + extra)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    return serve


async def test_dialled_tls_leg_carries_bytes(certificates: Certificates) -> None:
    async with wired(certificates) as wires:
        leg = await dial_tls("localhost", wires.port(tls=True), certificates.client(), timeout_s=DEADLINE_S)
        near = await wires.accepted(tls=True)
        near.send(b"hello")
        assert await leg.receive() == b"hello"
        pin = sha256_of(leg.peer_certificate())
        await asyncio.gather(leg.close(), near.close())
        again = await dial_tls(
            "localhost", wires.port(tls=True), certificates.client(), timeout_s=DEADLINE_S, pin=pin
        )
        await asyncio.gather(again.close(), (await wires.accepted(tls=True)).close())


async def test_other_certificate_than_the_pinned_is_refused(certificates: Certificates) -> None:
    async with wired(certificates) as wires:
        with pytest.raises(DialFailed, match="shows the certificate"):
            await dial_tls(
                "localhost", wires.port(tls=True), certificates.client(), timeout_s=DEADLINE_S, pin="0" * 64
            )


async def test_untrusted_authority_is_refused(certificates: Certificates, tmp_path: Path) -> None:
    async with wired(certificates) as wires:
        other = Certificates(tmp_path).client()
        with pytest.raises(DialFailed, match="is not trusted"):
            await dial_tls("localhost", wires.port(tls=True), other, timeout_s=DEADLINE_S)


async def test_looking_context_shows_the_certificate_of_a_stranger(certificates: Certificates) -> None:
    async with wired(certificates) as wires:
        leg = await dial_tls("127.0.0.1", wires.port(tls=True), looking_context(), timeout_s=DEADLINE_S)
        der = ssl.PEM_cert_to_DER_cert(certificates.certificate.read_text().split("-----END")[0] + END)
        assert leg.peer_certificate() == der
        leg.abort()


END = "-----END CERTIFICATE-----\n"


async def test_closed_port_cannot_be_reached(certificates: Certificates) -> None:
    async with serving(answering(b"")) as port:
        pass
    with pytest.raises(DialFailed, match="cannot be reached"):
        await dial_tls("127.0.0.1", port, certificates.client(), timeout_s=DEADLINE_S)
    with pytest.raises(DialFailed, match="cannot be reached"):
        await dial_target(parse_target(f"127.0.0.1:{port}"), DEADLINE_S)


async def test_silent_server_is_given_up(certificates: Certificates) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        with pytest.raises(DialFailed, match="did not answer within"):
            await dial_tls("127.0.0.1", port, certificates.client(), timeout_s=0.2)


async def test_target_is_dialled_in_the_clear(certificates: Certificates, tmp_path: Path) -> None:
    async with wired(certificates) as wires:
        leg = await dial_target(parse_target(f"127.0.0.1:{wires.port(tls=False)}"), DEADLINE_S)
        near = await wires.accepted(tls=False)
        leg.send(b"x")
        assert await near.receive() == b"x"
        assert not leg.secured
        assert leg.peer_certificate() == b""
        await leg.close()
    arrived: asyncio.Queue[Leg] = asyncio.Queue()
    path = tmp_path / "rdp"
    server = await asyncio.get_running_loop().create_unix_server(lambda: Accepted(arrived), str(path))
    leg = await dial_target(parse_target(f"unix:{path}"), DEADLINE_S)
    leg.send(b"y")
    near = await arrived.get()
    assert await near.receive() == b"y"
    leg.abort()
    near.abort()
    server.close()
    await asyncio.sleep(0.01)


async def test_proxy_is_asked_and_then_carries_tls(certificates: Certificates) -> None:
    async with wired(certificates) as wires, serving(tunnelling(wires.port(tls=True))) as port:
        proxy = Proxy("127.0.0.1", port)
        leg = await dial_tls("localhost", 443, certificates.client(), timeout_s=DEADLINE_S, proxy=proxy)
        near = await wires.accepted(tls=True)
        near.send(b"through")
        assert await leg.receive() == b"through"
        leg.abort()
        near.abort()
        await asyncio.sleep(0.05)


async def test_proxy_gets_its_credentials_and_407_names_them(certificates: Certificates) -> None:
    asked: list[bytes] = []
    answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer, asked)) as port:
        proxy = parse_proxy(f"http://user:p%40ss@127.0.0.1:{port}")
        with pytest.raises(DialFailed, match="wants a user and a password"):
            await dial_tls("gw", 443, certificates.client(), timeout_s=DEADLINE_S, proxy=proxy)
    assert asked[0].startswith(b"CONNECT gw:443 HTTP/1.1\r\nHost: gw:443\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in asked[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "refused the connection with status 503"),
        (b"SSH-2.0-what\r\n\r\n", "gave no proper answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40000, "gave no proper answer"),
    ],
)
async def test_other_answers_of_a_proxy_are_told(
    certificates: Certificates, answer: bytes, words: str
) -> None:
    async with serving(answering(answer)) as port:
        with pytest.raises(DialFailed, match=words):
            await dial_tls(
                "gw", 443, certificates.client(), timeout_s=DEADLINE_S, proxy=Proxy("127.0.0.1", port)
            )


async def test_proxy_that_hangs_up_is_told(certificates: Certificates) -> None:
    async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with serving(hang_up) as port:
        with pytest.raises(DialFailed, match="closed the connection without an answer"):
            await dial_tls(
                "gw", 443, certificates.client(), timeout_s=DEADLINE_S, proxy=Proxy("127.0.0.1", port)
            )


async def test_bytes_a_proxy_slips_in_before_tls_are_refused(certificates: Certificates) -> None:
    forged = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    async with wired(certificates) as wires, serving(tunnelling(wires.port(tls=True), forged)) as port:
        with pytest.raises(DialFailed, match="spoke before the TLS handshake"):
            await dial_tls(
                "localhost", 443, certificates.client(), timeout_s=DEADLINE_S, proxy=Proxy("127.0.0.1", port)
            )
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("text", ["https://user:secret@p:1", "http://user:secret@", "ftp://user:secret@x"])
def test_other_proxy_urls_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(ValueError, match="expected http://") as caught:
        parse_proxy(text)
    assert "secret" not in str(caught.value)


def test_proxy_urls_are_read() -> None:
    assert parse_proxy("") is None
    assert parse_proxy("proxy:8080") == Proxy("proxy", 8080)
    assert parse_proxy("http://proxy") == Proxy("proxy", 3128)
