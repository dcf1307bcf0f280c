"""WebSocket frames, read and written without a connection around them.

A framer of our own, because the gateway's upgrade comes on `RDG_OUT_DATA`, stock clients send keys and pongs
that libraries refuse, and the relay wants a header written in front of bytes that already lie in its
buffer. Rules of this file:

- A frame is judged by its header, before any of its payload is kept.
- Reading is linear in the bytes read, however they are cut; what is returned is copied out of the input.
- Stricter than some peers: no extensions, so reserved bits are an error. Laxer than RFC 6455: control frames
  may be up to 4 KiB (FreeRDP 3.10 to 3.28 answer a ping with 1,024 bytes), a length may be written in a
  longer form than needed, and the key of the opening handshake is hashed unseen (FreeRDP 2 sends no base64).

Left out: putting fragments together (our payloads are byte streams), the opening handshake's headers
(`head`), and randomness: a client passes its mask keys in.

Source: RFC 6455 section 5.2 (base framing protocol), 5.4 (fragmentation), 5.5 (control frames).
"""

import hashlib
import struct
from base64 import b64encode
from dataclasses import dataclass
from enum import IntEnum

from dialback.wire.errors import WireError

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled module
    from websockets.utils import apply_mask

HEADER_ROOM = 10
"""Bytes that an unmasked header needs at most: what to keep free in front of a payload."""

CONTROL_LIMIT_BYTES = 4096
NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002

_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_MEDIUM, _LONG = 126, 127
_MAX_CLOSE_TEXT_BYTES = 123
_SHORT_HEADER = struct.Struct("!BB")
_MEDIUM_HEADER = struct.Struct("!BBH")
_LONG_HEADER = struct.Struct("!BBQ")
_LENGTH_16 = struct.Struct("!H")
_LENGTH_64 = struct.Struct("!Q")


class Opcode(IntEnum):
    """What a frame is. Source: RFC 6455 section 5.2."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA

    @property
    def is_control(self) -> bool:
        """Whether the frame speaks of the connection and may stand between the fragments of a message."""
        return self >= Opcode.CLOSE


_OPCODES = {int(opcode): opcode for opcode in Opcode}
_BINARY_FINAL = _FINAL | Opcode.BINARY


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame, unmasked; `final` is False on all fragments of a message but the last."""

    opcode: Opcode
    payload: bytes
    final: bool = True


@dataclass(frozen=True, slots=True)
class _Header:
    opcode: Opcode
    final: bool
    header_bytes: int
    payload_bytes: int


class FrameReader:
    """Cuts a byte stream into frames.

    Args:
        masked: True where the peer is a client and has to mask, False where it is a server and must not.
        max_message_bytes: most payload of one message, all its fragments together.

    After a `WireError` the reader is of no further use.
    """

    def __init__(self, *, masked: bool, max_message_bytes: int) -> None:
        self._masked = masked
        self._max_message_bytes = max_message_bytes
        self._buffer = bytearray()
        self._inside_message = False
        self._message_bytes = 0

    @property
    def leftover(self) -> bytes:
        """The bytes fed that are no whole frame yet."""
        return bytes(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """Take the next bytes; return the frames that are whole now, in order.

        Raises:
            WireError: wrong masking, reserved bits, unknown opcode, broken fragmentation, or a size over the
                limit. Frames in front of the broken one in the same bytes are lost with it.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        with memoryview(self._buffer) as view:
            while (header := self._read_header(view, start)) is not None:
                end = start + header.header_bytes + header.payload_bytes
                if end > len(view):
                    break
                frames.append(self._take_frame(view, header, end))
                start = end
        del self._buffer[:start]
        return frames

    def _read_header(self, view: memoryview, start: int) -> _Header | None:
        """Read the header at `start`, or return None if it is not whole; what is there already is checked."""
        room = len(view) - start
        if room < 2:
            return None
        first, second = view[start], view[start + 1]
        opcode = self._check_first_byte(first)
        self._check_masking(bool(second & _MASKED))
        short = second & _LENGTH
        length_bytes = 8 if short == _LONG else 2 if short == _MEDIUM else 0
        header_bytes = 2 + length_bytes + (4 if self._masked else 0)
        if room < header_bytes:
            return None
        payload_bytes = short
        if length_bytes:
            form = _LENGTH_16 if length_bytes == 2 else _LENGTH_64
            (payload_bytes,) = form.unpack_from(view, start + 2)
        self._check_size(opcode, payload_bytes)
        return _Header(opcode, bool(first & _FINAL), header_bytes, payload_bytes)

    def _check_first_byte(self, first: int) -> Opcode:
        if first & _RESERVED:
            raise WireError(f"expected reserved bits to be clear, got 0x{first:02x}")
        opcode = _OPCODES.get(first & _OPCODE)
        if opcode is None:
            raise WireError(f"expected a known opcode, got 0x{first & _OPCODE:x}")
        if opcode.is_control:
            if not first & _FINAL:
                raise WireError(f"expected a control frame in one piece, got a fragment of {opcode.name}")
        elif self._inside_message and opcode is not Opcode.CONTINUATION:
            raise WireError(f"expected the next fragment of a message, got {opcode.name}")
        elif not self._inside_message and opcode is Opcode.CONTINUATION:
            raise WireError("expected the start of a message, got CONTINUATION")
        return opcode

    def _check_masking(self, masked: bool) -> None:
        if masked is not self._masked:
            names = ("an unmasked", "a masked")
            raise WireError(f"expected {names[self._masked]} frame, got {names[masked]} one")

    def _check_size(self, opcode: Opcode, payload_bytes: int) -> None:
        room = self._max_message_bytes - self._message_bytes
        limit = CONTROL_LIMIT_BYTES if opcode.is_control else room
        if payload_bytes > limit:
            raise WireError(f"expected at most {limit} more bytes in a {opcode.name}, got {payload_bytes}")

    def _take_frame(self, view: memoryview, header: _Header, end: int) -> Frame:
        payload_at = end - header.payload_bytes
        if self._masked:
            payload = apply_mask(view[payload_at:end], bytes(view[payload_at - 4 : payload_at]))
        else:
            payload = bytes(view[payload_at:end])
        if not header.opcode.is_control:
            self._inside_message = not header.final
            self._message_bytes = 0 if header.final else self._message_bytes + header.payload_bytes
        return Frame(header.opcode, payload, header.final)


def build_frame(
    opcode: Opcode, payload: bytes, *, mask_key: bytes | None = None, final: bool = True
) -> bytes:
    """Build one frame, masked if there is a key (4 bytes, fresh and random for every frame of a client)."""
    first = opcode | (_FINAL if final else 0)
    mask_bit = 0 if mask_key is None else _MASKED
    size = len(payload)
    if size < _MEDIUM:
        header = _SHORT_HEADER.pack(first, mask_bit | size)
    elif size <= 0xFFFF:
        header = _MEDIUM_HEADER.pack(first, mask_bit | _MEDIUM, size)
    else:
        header = _LONG_HEADER.pack(first, mask_bit | _LONG, size)
    if mask_key is None:
        return header + payload
    return header + mask_key + apply_mask(payload, mask_key)


def write_header(buffer: bytearray | memoryview, end: int, payload_bytes: int) -> int:
    """Write the header of an unmasked final binary frame so that it ends at index `end`; return its start.

    `end` is at least `HEADER_ROOM`. This runs once per chunk of a relay and allocates nothing.
    """
    if payload_bytes < _MEDIUM:
        start = end - 2
        _SHORT_HEADER.pack_into(buffer, start, _BINARY_FINAL, payload_bytes)
    elif payload_bytes <= 0xFFFF:
        start = end - 4
        _MEDIUM_HEADER.pack_into(buffer, start, _BINARY_FINAL, _MEDIUM, payload_bytes)
    else:
        start = end - 10
        _LONG_HEADER.pack_into(buffer, start, _BINARY_FINAL, _LONG, payload_bytes)
    return start


def build_close(code: int, text: str = "", *, mask_key: bytes | None = None) -> bytes:
    """Build a Close frame. Source: RFC 6455 section 5.5.1 (Close).

    Raises:
        ValueError: the text is over 123 bytes in UTF-8.
    """
    reason = text.encode()
    if len(reason) > _MAX_CLOSE_TEXT_BYTES:
        raise ValueError(f"expected at most {_MAX_CLOSE_TEXT_BYTES} bytes of close text, got {len(reason)}")
    return build_frame(Opcode.CLOSE, _LENGTH_16.pack(code) + reason, mask_key=mask_key)


def accept_key(key: str) -> str:
    """Return `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`, Latin-1 text of any length and alphabet.

    Source: RFC 6455 section 4.2.2 (sending the server's opening handshake), point 5.4.
    """
    return b64encode(hashlib.sha1(key.encode("latin-1") + _ACCEPT_GUID).digest()).decode("ascii")
