import asyncio
import contextlib
import hashlib
import hmac
import logging
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from dialback.relay.directions import Direction, Scratch
from dialback.relay.framings import plain
from dialback.relay.join import End, Relay
from dialback.relay.meter import Meter
from dialback.transport.leg import Leg
from tests.transport.loopback import DEADLINE_S, Certificates, Peer, wired

HANDSHAKE, DATA = 22, 23
KEY_UPDATE = bytes([24, 0, 0, 1, 0])


class RogueTls:
    """Seals TLS 1.3 records by hand with the client's keys, from the secret in a key log.

    Source: RFC 8446 section 5.2 (Record Payload Protection), 7.3 (Traffic Key Calculation).
    """

    def __init__(self, secret: bytes, cipher: str) -> None:
        self._digest = "sha384" if "SHA384" in cipher else "sha256"
        chacha = "CHACHA" in cipher
        size = 16 if "AES_128" in cipher else 32
        key = self._expand(secret, b"key", size)
        self._iv = self._expand(secret, b"iv", 12)
        self._aead = ChaCha20Poly1305(key) if chacha else AESGCM(key)
        self._count = 0

    def record(self, kind: int, content: bytes) -> bytes:
        """Return one record."""
        inner = content + bytes([kind])
        header = struct.pack(">BHH", DATA, 0x0303, len(inner) + 16)
        mask = self._count.to_bytes(12, "big")
        nonce = bytes(a ^ b for a, b in zip(self._iv, mask, strict=True))
        self._count += 1
        return header + self._aead.encrypt(nonce, inner, header)

    def _expand(self, secret: bytes, label: bytes, size: int) -> bytes:
        label = b"tls13 " + label
        info = struct.pack(">HB", size, len(label)) + label + b"\0"
        return hmac.new(secret, info + b"\1", self._digest).digest()[:size]


async def rogue_peer(certificates: Certificates, port: int, key_log: Path) -> tuple[Peer, RogueTls]:
    """Connect and take the sealing of records into our own hands."""
    context = certificates.client()
    context.keylog_filename = str(key_log)
    peer = await Peer.connect(port, context)
    assert peer.tls is not None
    cipher = peer.tls.cipher()
    assert cipher is not None
    lines = [line.split() for line in key_log.read_text().splitlines()]
    secret = next(bytes.fromhex(line[2]) for line in lines if line[0] == "CLIENT_TRAFFIC_SECRET_0")
    assert hashlib.new("sha384" if "SHA384" in cipher[0] else "sha256").digest_size == len(secret)
    return peer, RogueTls(secret, cipher[0])


@pytest.mark.parametrize("tls", [False, True])
async def test_leg_that_is_being_closed_is_let_go_all_the_same(certificates: Certificates, tls: bool) -> None:
    async with wired(certificates) as wires:
        _, leg = await wires.pair(tls=tls)
        direction = Direction(Scratch(), leg, lambda _direction, _error: None)
        direction.start()
        leg.transport.close()
        await direction.let_go(0.05)
        await direction.wait_finished(DEADLINE_S)
        assert direction._lost.is_set()


async def test_no_stream_leaks_to_a_peer_that_stops_our_writing(
    certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    relay = Relay()
    loop = asyncio.get_running_loop()
    caplog.set_level(logging.CRITICAL, "asyncio")
    async with wired(certificates) as wires:
        rogue, tls = await rogue_peer(certificates, wires.port(tls=True), tmp_path / "keys")
        rogue_leg = await wires.accepted(tls=True)
        host, host_leg = await wires.pair()
        victim, victim_leg = await wires.pair()
        other, other_leg = await wires.pair()

        def join(left: Leg, right: Leg) -> "asyncio.Task[object]":
            ends = (End(left, left, plain()), End(right, right, plain()))
            return loop.create_task(relay.join(*ends, Meter(loop.time)))

        first, second = join(rogue_leg, host_leg), join(victim_leg, other_leg)
        await rogue.send_raw(tls.record(DATA, b"hello"))
        assert await host.receive_exactly(5) == b"hello"
        # Four of five bytes: OpenSSL writes nothing until the fifth has come.
        await rogue.send_raw(tls.record(HANDSHAKE, KEY_UPDATE[:4]))
        await asyncio.sleep(0.1)
        await host.send(b"for the rogue itself")
        await asyncio.sleep(0.1)
        await other.send(b"SECRET OF ANOTHER CONNECTION")
        assert await victim.receive_exactly(28) == b"SECRET OF ANOTHER CONNECTION"
        await rogue.send_raw(tls.record(HANDSHAKE, KEY_UPDATE[4:]))
        heard = b""
        with contextlib.suppress(ConnectionError):
            heard = await rogue.receive()
        assert heard == b""
        rogue.close()
        host.close()
        victim.close()
        other.close()
        await asyncio.gather(first, second)
