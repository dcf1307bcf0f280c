"""A leg: one byte stream, accepted or dialled, read by one coroutine until it is surrendered.

While a connection is being set up, its coroutine asks `receive` for bytes and calls `send`. When control is
done the leg is given away: `surrender` returns the bytes read but not used, and whoever takes over puts its
own protocol onto the transport. What arrives faster than it is asked for is bounded by the transport's own
back-pressure. Leaves out: framing, deadlines (the caller's `asyncio.timeout`) and relaying.
"""

import asyncio
import ssl
from typing import cast

from dialback.transport.flag import Flag

BUFFER_BYTES = 64 * 1024


class LegLost(ConnectionError):
    """The leg broke, or was closed by us, while bytes were still expected from it."""


class Leg(asyncio.Protocol):
    """One byte stream. `peer` is the address at the other end, without port; empty for a Unix socket."""

    def __init__(self) -> None:
        self.peer = ""
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ended = False
        self._lost = False
        self._surrendered = False
        self._error: Exception | None = None
        self._paused_reading = False
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._gone = Flag()
        self._paused_writing = False

    @classmethod
    def adopt(cls, transport: asyncio.Transport, leftover: bytes) -> "Leg":
        """Make a leg of a transport that another protocol has read `leftover` from."""
        leg = cls()
        leg.connection_made(transport)
        leg._received += leftover
        transport.set_protocol(leg)
        return leg

    @property
    def transport(self) -> asyncio.Transport:
        """The transport; it exists from the moment the leg is connected."""
        if self._transport is None:
            raise LegLost("the leg is not connected")
        return self._transport

    @transport.setter
    def transport(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    @property
    def secured(self) -> bool:
        """Whether TLS runs on this leg. A secured transport consumes what it is given to write at once."""
        return self.transport.get_extra_info("ssl_object") is not None

    def cut_off(self) -> bool:
        """Whether a secured leg that ended did so without the peer's close_notify.

        uvloop then loses the connection without a word, asyncio reports an end like any other.
        """
        tls = cast(ssl.SSLObject | None, self.transport.get_extra_info("ssl_object"))
        if tls is None:
            return False
        try:
            tls.read(1)
        except ssl.SSLZeroReturnError:
            return False
        except ssl.SSLError:
            return True
        return False

    def peer_certificate(self) -> bytes:
        """Return the peer's leaf certificate in DER; empty without TLS."""
        tls = cast(ssl.SSLObject | None, self.transport.get_extra_info("ssl_object"))
        return (tls.getpeercert(binary_form=True) or b"") if tls else b""

    async def receive(self) -> bytes:
        """Return the bytes that arrived, waiting for the first; b"" once the peer has ended its side.

        Cancel-safe: nothing is lost when the wait is cancelled.

        Raises:
            LegLost: the leg broke.
        """
        while not self._received:
            if self._error is not None:
                raise LegLost(str(self._error)) from self._error
            if self._ended:
                return b""
            self._resume_reading()
            self._readable = asyncio.get_running_loop().create_future()
            try:
                await self._readable
            finally:
                self._readable = None
        data = bytes(self._received)
        self._received.clear()
        self._resume_reading()
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back, in front of what comes next."""
        self._received[:0] = data

    def send(self, data: bytes) -> None:
        """Queue bytes for the peer. What is sent on a leg that is gone is dropped: `receive` tells."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the transport takes more; return at once when the leg is gone. Cancel-safe."""
        while self._paused_writing and not self._gone.is_set():
            self._writable = asyncio.get_running_loop().create_future()
            try:
                await self._writable
            finally:
                self._writable = None

    async def wait_gone(self) -> None:
        """Wait until the peer has ended its side or the leg broke. Cancel-safe."""
        await self._gone.wait()

    @property
    def gone(self) -> bool:
        """Whether the peer has ended its side, or the leg broke or was closed."""
        return self._gone.is_set()

    @property
    def holds_bytes(self) -> bool:
        """Whether bytes have arrived that were not received yet."""
        return bool(self._received)

    @property
    def lost(self) -> bool:
        """Whether the transport is gone: nothing more comes, and nothing can be sent."""
        return self._lost

    def surrender(self, protocol: asyncio.BaseProtocol) -> bytes:
        """Give the transport to another protocol; return the bytes that were read and not used.

        The new protocol gets no byte before the caller has returned to the event loop, so what is returned
        here comes first.
        """
        leftover = bytes(self._received)
        self._received.clear()
        self._surrendered = True
        if self._lost:
            return leftover
        self.transport.set_protocol(protocol)
        self._resume_reading()
        return leftover

    async def close(self, linger_s: float = 1.0) -> None:
        """Flush, tell the peer, wait `linger_s` at most for it to end too, then let go.

        A leg that was surrendered is no longer this object's to close.
        """
        if self._transport is None or self._surrendered:
            return
        close(self._transport)
        try:
            async with asyncio.timeout(linger_s):
                while not self._lost:
                    self._received.clear()
                    await self._wait_lost()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Let go at once; unsent bytes are dropped. A leg that was surrendered stays untouched."""
        if self._transport is not None and not self._surrendered:
            self._transport.abort()

    async def _wait_lost(self) -> None:
        self._readable = asyncio.get_running_loop().create_future()
        try:
            await self._readable
        finally:
            self._readable = None

    def _resume_reading(self) -> None:
        if self._paused_reading and len(self._received) < BUFFER_BYTES and self._transport is not None:
            self._paused_reading = False
            self._transport.resume_reading()

    def _wake(self, waiter: "asyncio.Future[None] | None") -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.peer = peer_address(transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= BUFFER_BYTES and not self._paused_reading:
            self._paused_reading = True
            self.transport.pause_reading()
        self._wake(self._readable)

    def eof_received(self) -> bool:
        self._ended = True
        self._gone.set()
        self._wake(self._readable)
        return not self.secured

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._lost = True
        self._error = exc
        self._gone.set()
        self._wake(self._readable)
        self._wake(self._writable)

    def pause_writing(self) -> None:
        self._paused_writing = True

    def resume_writing(self) -> None:
        self._paused_writing = False
        self._wake(self._writable)


def close(transport: asyncio.Transport) -> None:
    """Close a transport unless that has begun: asyncio's TLS, closed twice, can not be aborted any more."""
    if not transport.is_closing():
        transport.close()


def peer_address(transport: asyncio.BaseTransport) -> str:
    """Return the address at the other end, without port; empty for a Unix socket."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else ""
