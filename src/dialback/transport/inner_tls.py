"""TLS inside a leg: between the two far ends, with whoever joins the legs in the dark.

For streams of few bytes that control code reads itself. The far end may speak before this end is ready, since
who joined the legs told it first; what has arrived is simply the beginning of the handshake. TLS 1.3 alone,
as both ends are ours. Nothing is verified here: the caller compares certificates.

Left out: deadlines (the caller's `asyncio.timeout`) and relaying.
"""

import contextlib
import hashlib
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import looking_context

READ_BYTES = 16 * 1024
CERTIFICATE_LIFE = timedelta(days=1)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ServerSide:
    """The context of a server with a new certificate, and its SHA-256: 64 hexadecimal characters."""

    context: ssl.SSLContext
    certificate_sha256: str


def server_side() -> ServerSide:
    """Make a key and a certificate for one use. Blocks for some milliseconds.

    The certificate says nothing, not even a name; the key is in a file of this user alone for as long as
    reading it takes, since `ssl` loads keys from files only.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CERTIFICATE_LIFE)
        .not_valid_after(now + CERTIFICATE_LIFE)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.TemporaryDirectory(prefix="dialback-") as folder:
        path = Path(folder) / "once.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem)
        context.load_cert_chain(path)
    der = certificate.public_bytes(serialization.Encoding.DER)
    return ServerSide(context, hashlib.sha256(der).hexdigest())


def client_side() -> ssl.SSLContext:
    """Return the context of a client that takes any certificate, for the caller to compare."""
    context = looking_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class InnerTls:
    """One TLS stream inside a leg, for one coroutine to read and write."""

    def __init__(self, leg: Leg, context: ssl.SSLContext, *, is_server: bool) -> None:
        self._leg = leg
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=is_server)

    async def shake_hands(self) -> None:
        """Do this end's part of the handshake.

        Raises:
            LegLost: the far end broke off, or what it says is no TLS 1.3.
        """
        await self._do(self._tls.do_handshake)

    def peer_certificate(self) -> bytes:
        """Return the far end's certificate in DER; empty if it showed none."""
        return self._tls.getpeercert(binary_form=True) or b""

    async def send(self, data: bytes) -> None:
        """Send bytes; return when the leg takes more."""
        self._tls.write(data)
        await self._flush()

    async def receive(self) -> bytes:
        """Return the bytes that arrived, waiting for the first; b"" once the far end has ended in order.

        Raises:
            LegLost: the leg ended without TLS saying so, or what came is damaged.
        """
        try:
            return await self._do(lambda: self._tls.read(READ_BYTES))
        except ssl.SSLZeroReturnError:
            return b""

    async def close(self) -> None:
        """Tell the far end that nothing follows, then close the leg."""
        # It wants the far end's answer besides, for which there is no need to wait.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._leg.send(self._outgoing.read())
        await self._leg.close()

    async def _do(self, work: Callable[[], _T]) -> _T:
        while True:
            try:
                done = work()
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._more())
            except ssl.SSLZeroReturnError:
                raise
            except ssl.SSLError as error:
                await self._flush()
                raise LegLost(f"the far end broke TLS: {error.reason or error}") from error
            else:
                await self._flush()
                return done

    async def _more(self) -> bytes:
        data = await self._leg.receive()
        if not data:
            raise LegLost("the far end ended the connection in the middle")
        return data

    async def _flush(self) -> None:
        if self._outgoing.pending:
            self._leg.send(self._outgoing.read())
            await self._leg.drain()
