import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dialback.agent.probes import probe, probe_all
from dialback.agent.settings import AgentSettings
from dialback.domain.hosts import Target, parse_target
from dialback.transport.rdp import OFFERED
from dialback.wire.agent.messages import RdpServer
from dialback.wire.x224 import build_connection_request
from tests.agent.platform_stub import Platform, serving

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = build_connection_request(OFFERED)


def confirm(kind: int, value: int) -> bytes:
    """Return a connection confirm as a server writes it, with a negotiation of this type and value."""
    negotiation = bytes([kind, 0, 8, 0]) + value.to_bytes(4, "little")
    return bytes.fromhex("03000013 0e d0 0000 1234 00") + negotiation


def answering(*pieces: bytes, context: ssl.SSLContext | None = None) -> Serve:
    """Return a server that reads the request, answers in these pieces, and goes on in TLS if told to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(REQUEST)) == REQUEST
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if context is not None:
            await writer.start_tls(context)
        await reader.read()

    return serve


async def probed(serve: Serve) -> RdpServer:
    async with serving(serve) as port:
        found = await probe(Target(name="127.0.0.1", port=port), 3)
    assert found.target == f"127.0.0.1:{port}"
    return found


def tls_of(platform: Platform) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = platform.authority.certificate_path.parent
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@pytest.mark.parametrize(("selected", "security"), [(1, "tls"), (2, "hybrid"), (8, "hybrid-ex")])
async def test_server_over_tls_is_found_with_its_certificate(
    platform: Platform, selected: int, security: str
) -> None:
    found = await probed(answering(confirm(2, selected), context=tls_of(platform)))

    assert (found.answers, found.security, found.problem) == (True, security, "")
    assert (found.tls_version, found.certificate_sha256) == ("TLSv1.3", platform.certificate_sha256)


async def test_older_tls_version_is_reported(platform: Platform) -> None:
    context = tls_of(platform)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    assert (await probed(answering(confirm(2, 1), context=context))).tls_version == "TLSv1.2"


async def test_server_on_a_unix_socket_is_found(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "rdp.sock"
    async with serving(answering(confirm(2, 1), context=tls_of(platform)), path=path):
        found = await probe(parse_target(f"unix:{path}"), 3)
    assert (found.target, found.security) == (f"unix:{path}", "tls")
    assert found.certificate_sha256 == platform.certificate_sha256


async def test_answer_in_pieces_is_read() -> None:
    whole = confirm(2, 0)

    found = await probed(answering(whole[:3], whole[3:12], whole[12:]))

    assert (found.answers, found.security) == (True, "rdp")


async def test_plain_rdp_shows_no_certificate() -> None:
    found = await probed(answering(bytes.fromhex("0300000b 06 d0 0000 1234 00")))

    assert (found.answers, found.security, found.certificate_sha256) == (True, "rdp", "")


async def test_refusal_is_an_answer_with_a_problem() -> None:
    found = await probed(answering(confirm(3, 5)))

    assert (found.answers, found.security, found.problem) == (True, "", "hybrid required by server")


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def fail_in_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(len(REQUEST))
    writer.write(confirm(2, 1))
    await reader.read(10)
    writer.write(b"this is no TLS")
    await reader.read()


async def test_failed_tls_is_an_answer_with_a_problem() -> None:
    found = await probed(fail_in_tls)

    assert (found.answers, found.security, found.certificate_sha256) == (True, "tls", "")
    assert "TLS with 127.0.0.1" in found.problem


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (hang_up, "broke off without answering as an RDP server"),
        (answering(b"SSH-2.0-OpenSSH_9\r\n"), "is no RDP server"),
        (answering(bytes.fromhex("0300ffff")), "is no RDP server"),
    ],
)
async def test_something_else_at_the_target_does_not_answer(serve: Serve, said: str) -> None:
    found = await probed(serve)

    assert not found.answers
    assert said in found.problem


async def test_silent_target_is_given_up() -> None:
    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()

    async with serving(wait) as port:
        found = await probe(Target(name="127.0.0.1", port=port), 0.1)
    assert not found.answers
    assert "within 0.1 s" in found.problem


async def test_targets_are_probed_in_the_order_of_the_settings(unused: int, tmp_path: Path) -> None:
    missing = f"unix:{tmp_path}/none.sock"
    async with serving(answering(confirm(2, 0))) as port:
        up, down = f"127.0.0.1:{port}", f"127.0.0.1:{unused}"
        found = await probe_all(AgentSettings(targets=(missing, down, up)))
    assert [(each.target, each.answers) for each in found] == [(missing, False), (down, False), (up, True)]


async def test_no_more_is_reported_than_a_report_holds(unused: int) -> None:
    targets = tuple(f"127.0.0.1:{unused}" for _ in range(20))

    assert len(await probe_all(AgentSettings(targets=targets))) == 16
