"""Binary formats, each declared once: the same declaration reads a structure, writes it and so sizes it.

A `Layout` is a row of fields. A field that depends on a bit names it (`when`), and the flags word is never
kept beside the values: reading tests its bits, writing sets them from the values that are there. So an object
cannot claim a part it does not have. All integers are little-endian.

Every read checks that the bytes are there and raises `WireError` if not; what a value *means* is judged by
the callers. Values that do not fit their field are our own mistake and raise `ValueError`. Bytes after the
last field are ignored: newer peers append fields that older ones do not know.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from dialback.wire.errors import WireError

FLAGS: Final = "fields_present"
"""The name under which a layout's flags word travels while a structure is read or written."""

MAX_U16: Final = 0xFFFF

_U8 = struct.Struct("<B")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class Cursor:
    """A place in the bytes of one structure; it moves forward only, and never past the end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def left_bytes(self) -> int:
        """How many bytes were not taken yet."""
        return len(self._data) - self._at

    def take(self, size_bytes: int, name: str) -> memoryview:
        """Take the next bytes; `name` is what the error calls them.

        Raises:
            WireError: fewer bytes are left.
        """
        end = self._at + size_bytes
        if end > len(self._data):
            raise WireError(f"expected {size_bytes} bytes of {name}, got {self.left_bytes}")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, form: struct.Struct, name: str) -> int:
        """Take one integer."""
        value: int = form.unpack(self.take(form.size, name))[0]
        return value

    def blob16(self, name: str) -> bytes:
        """Take a 16-bit byte count and that many bytes."""
        return bytes(self.take(self.number(_U16, f"length of {name}"), name))

    def string16(self, name: str) -> str:
        """Take a 16-bit byte count and that much UTF-16 text, without the NUL that may end it."""
        return text_of_utf16(self.blob16(name), name)


def text_of_utf16(raw: bytes, name: str) -> str:
    """Decode UTF-16LE text and drop one final NUL.

    Raises:
        WireError: an odd number of bytes, or half a surrogate pair.
    """
    if len(raw) % 2:
        raise WireError(f"expected an even number of bytes of {name}, got {len(raw)}")
    try:
        return raw.decode("utf-16-le").removesuffix("\0")
    except UnicodeDecodeError as error:
        raise WireError(f"expected utf-16 in {name}, got {error.reason} at byte {error.start}") from None


def utf16_of_text(text: str) -> bytes:
    """Encode text as UTF-16LE with one final NUL."""
    return f"{text}\0".encode("utf-16-le")


Values = dict[str, Any]


class Field(ABC):
    """One field of a layout.

    `when` is the bit of the flags word that announces the field; 0 is a field that is always there.
    `carried` is False for words derived from other values (flags, counts, padding).
    """

    carried = True

    def __init__(self, name: str, when: int = 0) -> None:
        self.name = name
        self.when = when

    @abstractmethod
    def read(self, cursor: Cursor, values: Values) -> Any:
        """Take the field's value; `values` holds those of the fields before it."""

    @abstractmethod
    def write(self, values: Values) -> bytes:
        """Return the bytes of the field."""


class _Number(Field):
    def __init__(self, name: str, when: int, form: struct.Struct) -> None:
        super().__init__(name, when)
        self._form = form

    def read(self, cursor: Cursor, values: Values) -> int:
        return cursor.number(self._form, self.name)

    def write(self, values: Values) -> bytes:
        return _pack(self._form, values[self.name], self.name)


class _Flags(_Number):
    carried = False


class _Reserved(Field):
    carried = False

    def __init__(self, size_bytes: int) -> None:
        super().__init__("reserved")
        self._size_bytes = size_bytes

    def read(self, cursor: Cursor, values: Values) -> None:
        cursor.take(self._size_bytes, self.name)

    def write(self, values: Values) -> bytes:
        return bytes(self._size_bytes)


class _Fixed(Field):
    def __init__(self, name: str, when: int, size_bytes: int) -> None:
        super().__init__(name, when)
        self._size_bytes = size_bytes

    def read(self, cursor: Cursor, values: Values) -> bytes:
        return bytes(cursor.take(self._size_bytes, self.name))

    def write(self, values: Values) -> bytes:
        raw = bytes(values[self.name])
        if len(raw) != self._size_bytes:
            raise ValueError(f"expected {self._size_bytes} bytes of {self.name}, got {len(raw)}")
        return raw


class _Blob(Field):
    def read(self, cursor: Cursor, values: Values) -> bytes:
        return cursor.blob16(self.name)

    def write(self, values: Values) -> bytes:
        return _with_length(values[self.name], self.name)


class _String(Field):
    def read(self, cursor: Cursor, values: Values) -> str:
        return cursor.string16(self.name)

    def write(self, values: Values) -> bytes:
        return _with_length(utf16_of_text(values[self.name]), self.name)


class _Count(Field):
    carried = False

    def __init__(self, of: str, least: int, most: int) -> None:
        super().__init__(_count_name(of))
        self._of = of
        self._range = range(least, most + 1)

    def read(self, cursor: Cursor, values: Values) -> int:
        count = cursor.number(_U8, self.name)
        if count not in self._range:
            raise WireError(self._complaint(count))
        return count

    def write(self, values: Values) -> bytes:
        count = len(values[self._of])
        if count not in self._range:
            raise ValueError(self._complaint(count))
        return _pack(_U8, count, self.name)

    def _complaint(self, count: int) -> str:
        return f"expected {self._range[0]} to {self._range[-1]} {self._of}, got {count}"


class _Strings(Field):
    def read(self, cursor: Cursor, values: Values) -> tuple[str, ...]:
        return tuple(cursor.string16(self.name) for _ in range(values[_count_name(self.name)]))

    def write(self, values: Values) -> bytes:
        return b"".join(_with_length(utf16_of_text(text), self.name) for text in values[self.name])


def u8(name: str, when: int = 0) -> Field:
    """Declare an integer of 1 byte."""
    return _Number(name, when, _U8)


def u16(name: str, when: int = 0) -> Field:
    """Declare an integer of 2 bytes."""
    return _Number(name, when, _U16)


def u32(name: str, when: int = 0) -> Field:
    """Declare an integer of 4 bytes."""
    return _Number(name, when, _U32)


def u64(name: str, when: int = 0) -> Field:
    """Declare an integer of 8 bytes."""
    return _Number(name, when, _U64)


def flags16() -> Field:
    """Declare the word whose bits say which of the later fields (`when`) are there."""
    return _Flags(FLAGS, 0, _U16)


def reserved(size_bytes: int) -> Field:
    """Declare bytes that are written as zero and ignored when read."""
    return _Reserved(size_bytes)


def fixed(name: str, size_bytes: int, when: int = 0) -> Field:
    """Declare bytes of a known number."""
    return _Fixed(name, when, size_bytes)


def blob16(name: str, when: int = 0) -> Field:
    """Declare a 2-byte byte count and that many bytes."""
    return _Blob(name, when)


def string16(name: str, when: int = 0) -> Field:
    """Declare a 2-byte byte count and UTF-16LE text whose final NUL is counted; read with or without NUL."""
    return _String(name, when)


def count8(of: str, least: int, most: int) -> Field:
    """Declare the 1-byte count of the texts `of`, which a later `strings16` holds."""
    return _Count(of, least, most)


def strings16(name: str) -> Field:
    """Declare as many texts as the `count8` of that name said, each like `string16`."""
    return _Strings(name)


class Layout:
    """The fields of one structure, in wire order.

    Invariant: `read(write(values)) == values`.
    """

    def __init__(self, *fields: Field) -> None:
        self._fields = fields
        self.names = tuple(field.name for field in fields if field.carried)

    def read(self, data: bytes | bytearray | memoryview) -> Values:
        """Read the values by name; None for a field whose bit is not set.

        Raises:
            WireError: a field is cut short, out of its range, or no text.
        """
        cursor = Cursor(data)
        values: Values = {}
        for field in self._fields:
            there = not field.when or values[FLAGS] & field.when
            values[field.name] = field.read(cursor, values) if there else None
        return {name: values[name] for name in self.names}

    def write(self, values: Mapping[str, Any]) -> bytes:
        """Write the values; those that are None are left out together with their bit.

        Raises:
            ValueError: a value does not fit its field, or only a part of the fields of one bit is there.
        """
        known = {**values, FLAGS: self._flags_of(values)}
        return b"".join(field.write(known) for field in self._fields if self._is_there(field, known))

    def _flags_of(self, values: Mapping[str, Any]) -> int:
        flags = 0
        for field in self._fields:
            if field.when and values[field.name] is not None:
                flags |= field.when
        return flags

    @staticmethod
    def _is_there(field: Field, known: Values) -> bool:
        if not field.when:
            return True
        if known[FLAGS] & field.when and known[field.name] is None:
            raise ValueError(
                f"expected {field.name} beside the other fields of bit {field.when:#x}, got None"
            )
        return known[field.name] is not None


def _count_name(of: str) -> str:
    return f"number of {of}"


def _pack(form: struct.Struct, value: int, name: str) -> bytes:
    try:
        return form.pack(value)
    except struct.error:
        raise ValueError(f"expected {name} of {form.size} bytes, got {value!r}") from None


def _with_length(raw: bytes, name: str) -> bytes:
    if len(raw) > MAX_U16:
        raise ValueError(f"expected at most {MAX_U16} bytes of {name}, got {len(raw)}")
    return _U16.pack(len(raw)) + raw
