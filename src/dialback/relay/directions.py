"""The hot path: what arrives on one leg is written to the other, in the same call, by the transports' hands.

Each leg of a relay gets one of these protocols. All of them read into one buffer that the relay owns, which
is safe for two reasons: a transport asks for the buffer and reports what it read without anything in
between, and a TLS transport encrypts what it is given to write before `write` returns; what it could not
encrypt is taken from it. A transport without TLS may keep what it is given, so it is given a copy.

Back-pressure is the transports' own: a sink that is full pauses the source that feeds it, and nothing else.
"""

import asyncio
import contextlib
from collections.abc import Callable

from dialback.relay.framings import PAYLOAD_BYTES, ROOM_BYTES, Framing, Piece
from dialback.transport.flag import Flag
from dialback.transport.leg import Leg, LegLost, close
from dialback.wire.errors import WireError

Noticed = Callable[["Direction", Exception | None], None]
Count = Callable[[int], None]

CUT_OFF = "the connection ended without the end of its TLS stream"


class Truncated(LegLost):
    """A TLS leg was cut off: its program was killed, or the network closed the connection."""


class Scratch:
    """The one buffer that all relays of a loop read into: room for headers, then one payload."""

    __slots__ = ("buffer", "payload", "view")

    def __init__(self) -> None:
        self.buffer = bytearray(ROOM_BYTES + PAYLOAD_BYTES)
        self.view = memoryview(self.buffer)
        self.payload = self.view[ROOM_BYTES:]


class Direction(asyncio.BufferedProtocol):
    """Moves what `source` sends; subclasses say how, and this class itself moves nothing.

    It is used as it is for the OUT leg of a legacy tunnel, where the client has said all it may say.

    `noticed` is called once, when the source has ended (None) or broke (the error).
    """

    def __init__(self, scratch: Scratch, source: Leg, noticed: Noticed) -> None:
        self._whole = self._payload = scratch.payload
        self._source = source
        self._noticed = noticed
        self._count: Count = _uncounted
        self._lost = Flag()
        self._finished = Flag()
        self._stopped = False
        self._ended = False
        self._writable = Flag(up=True)
        self._sink_full = False
        self._held = False
        self.feeder: Direction | None = None

    def start(self) -> None:
        """Take the source over, with the bytes it holds."""
        leftover = self._source.surrender(self)
        if self._source.lost:
            self._lost.set()
        else:
            self._keep_the_end_behind_the_bytes()
        size = len(self._payload)
        for start in range(0, len(leftover), size):
            part = leftover[start : start + size]
            self._payload[: len(part)] = part
            self.buffer_updated(len(part))
        if self._source.gone:
            self._notice(None)

    def count_by(self, count: Count, at_once_bytes: int = PAYLOAD_BYTES) -> None:
        """Count what is moved by another function, and read so many bytes at once at the most."""
        self._count = count
        self._payload = self._whole[:at_once_bytes]

    def stop(self) -> None:
        """Move nothing more; what still arrives is dropped."""
        self._stopped = True

    async def wait_finished(self, timeout_s: float) -> None:
        """Wait until the source has ended or broke, `timeout_s` at most."""
        await _within(timeout_s, self._finished)

    async def flushed(self, timeout_s: float) -> None:
        """Wait until this leg's own transport has room again, `timeout_s` at most."""
        await _within(timeout_s, self._writable)

    async def let_go(self, timeout_s: float) -> None:
        """Close this leg's transport in an orderly way; abort it if that takes longer than `timeout_s`."""
        self.stop()
        close(self._source.transport)
        if not await _within(timeout_s, self._lost):
            self._source.transport.abort()

    def _keep_the_end_behind_the_bytes(self) -> None:
        """Stop reading the socket while a TLS transport holds bytes we have not taken.

        Otherwise it would find the end of a paused source, let go of it, and drop what it still holds.
        """
        if self._source.secured and not self._source.transport.is_closing():
            limit: Callable[[int, int], None] = self._source.transport.set_read_buffer_limits  # type: ignore[attr-defined]
            limit(1, 0)

    def _notice(self, error: Exception | None) -> None:
        first = not self._finished.is_set()
        self._finished.set()
        if first and not self._stopped:
            self._noticed(self, error)

    # What the transport calls.

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._payload

    def buffer_updated(self, nbytes: int) -> None:
        """Move nothing: the source has no right to say anything more."""

    def eof_received(self) -> bool:
        self._ended = not self._source.cut_off()
        self._notice(None if self._ended else Truncated(CUT_OFF))
        return not self._source.secured

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._writable.set()
        if exc is None and self._source.secured and not self._ended:
            exc = Truncated(CUT_OFF)
        self._notice(exc)

    def pause_writing(self) -> None:
        self._writable.clear()
        if self.feeder is not None:
            self.feeder.pause()

    def resume_writing(self) -> None:
        self._writable.set()
        if self.feeder is not None:
            self.feeder.resume()

    def pause(self) -> None:
        """Stop reading the source while the sink is full."""
        self._sink_full = True
        self._read_or_not()

    def resume(self) -> None:
        """The sink has room again."""
        self._sink_full = False
        self._read_or_not()

    def hold(self) -> None:
        """Stop reading the source until it is released: it has moved what it may for now."""
        self._held = True
        self._read_or_not()

    def release(self) -> None:
        """Let the source be read again."""
        self._held = False
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self._source.transport.is_closing():
            return
        if self._held or self._sink_full:
            self._source.transport.pause_reading()
        else:
            self._source.transport.resume_reading()


class Sealing(Direction):
    """From a transparent source to a sink whose framing puts its headers in front, in one write."""

    def __init__(
        self,
        scratch: Scratch,
        source: Leg,
        sink: Leg,
        framing: Framing,
        count: Count,
        noticed: Noticed,
    ) -> None:
        super().__init__(scratch, source, noticed)
        self._buffer = scratch.buffer
        self._view = scratch.view
        self._seal = framing.seal
        self._count = count
        self._write = writer_of(sink)

    def buffer_updated(self, nbytes: int) -> None:
        # Written out in one function: each call more is paid for every message.
        if self._stopped:
            return
        start = self._seal(self._buffer, ROOM_BYTES, nbytes)
        piece = self._view[start : ROOM_BYTES + nbytes]
        self._write(piece)
        # A peer can make OpenSSL refuse to write for a while, by sending a handshake message in two records.
        # The transport then keeps the view, to read from it when other streams lie in the buffer: released,
        # it can not, and that peer loses its leg.
        piece.release()
        self._count(nbytes)


class Opening(Direction):
    """From a framed source to a transparent sink; control traffic is answered on the way."""

    def __init__(
        self,
        scratch: Scratch,
        source: Leg,
        sink: Leg,
        framing: Framing,
        answer: Callable[[bytes], None],
        count: Count,
        noticed: Noticed,
    ) -> None:
        super().__init__(scratch, source, noticed)
        self._framing = framing
        self._answer = answer
        self._count = count
        self._write = writer_of(sink)

    def start(self) -> None:
        self._open_and_write(0)
        super().start()

    def buffer_updated(self, nbytes: int) -> None:
        if self._stopped:
            self._open_and_drop(nbytes)
            return
        self._open_and_write(nbytes)

    def _open_and_drop(self, size: int) -> None:
        """Look for the peer's own end of the stream, which it owes us once it was told of ours."""
        with contextlib.suppress(WireError):
            self._framing.open(self._payload[:size])
        if self._framing.ended:
            self._notice(None)

    def _open_and_write(self, size: int) -> None:
        try:
            pieces = self._framing.open(self._payload[:size])
        except WireError as error:
            self._notice(error)
            return
        for piece in pieces:
            self._write(piece)
            self._count(len(piece))
        if replies := self._framing.take_replies():
            self._answer(replies)
        if self._framing.ended:
            self._notice(None)


def _uncounted(_size: int) -> None:
    """Count nothing."""


async def _within(timeout_s: float, event: Flag) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def writer_of(leg: Leg) -> Callable[[Piece], None]:
    """Return what writes to the leg without keeping a view into the buffer."""
    write = leg.transport.write
    return write if leg.secured else lambda piece: write(bytes(piece))
