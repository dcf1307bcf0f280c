"""Connection files: typed settings to `.rdp` text and back.

One line per setting, `name:type:value`, in the order given. Rules of this file:

- Nothing that came from a person can add a setting: controls, line breaks and NUL are refused, and so are
  names twice (clients differ in which one wins) and lines that FreeRDP would run as options.
- Integers have no sign and no leading zero: FreeRDP reads `010` as 8 and drops a file with a negative one.
- ASCII files are plain bytes, others UTF-16LE with a byte order mark, which is what mstsc, FreeRDP 2 and 3
  and Remmina all read; UTF-8 with a mark costs FreeRDP the first line, and mstsc takes UTF-8 without one for
  the local code page.

Left out: what settings there are and which values they take (`rdpsettings`), and signatures (`rdpsign`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dialback.wire.errors import WireError

MAX_FILE_CHARS = 65536
TOKEN_NAME = "gatewayaccesstoken"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,9}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: text is written with type `s`, an integer with `i`, bytes with `b`."""

    name: str
    value: str | int | bytes


def build(settings: Iterable[Setting]) -> str:
    """Build the text of a connection file, CRLF at each line's end.

    Raises:
        ValueError: a setting cannot be written safely; the message names it and does not show its value.
    """
    settings = tuple(settings)
    _check_unique(settings)
    return "".join(f"{build_line(setting)}\r\n" for setting in settings)


def build_line(setting: Setting) -> str:
    """Build the line of one setting, without its end: `name:type:value`.

    Raises:
        ValueError: it cannot be written safely; the message names it and does not show its value.
    """
    name, value = setting.name, setting.value
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected letters, digits and spaces as name of a setting, got {name[:64]!r}")
    if isinstance(value, bytes):
        return f"{name}:b:{value.hex()}"
    if isinstance(value, int):
        if not 0 <= value <= 0xFFFFFFFF:
            raise ValueError(f"expected 0 to 4294967295 as value of {name!r}, got {value}")
        return f"{name}:i:{int(value)}"
    if _UNPRINTABLE.search(value):
        raise ValueError(f"expected text without controls as value of {name!r}, got some")
    return f"{name}:s:{value}"


def parse(text: str) -> tuple[Setting, ...]:
    """Parse the text of a connection file; lines may end in LF alone, blank ones are skipped.

    Raises:
        WireError: a line is no setting, a name comes twice, or the text is over 65,536 characters.
    """
    if len(text) > MAX_FILE_CHARS:
        raise WireError(f"expected at most {MAX_FILE_CHARS} characters of connection file, got {len(text)}")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    settings = tuple(_parse_line(number, line) for number, line in enumerate(lines, 1) if line.strip())
    try:
        _check_unique(settings)
    except ValueError as error:
        raise WireError(str(error)) from None
    return settings


def encode(text: str) -> bytes:
    """Encode the text of a connection file so that every client reads it."""
    return text.encode("ascii") if text.isascii() else b"\xff\xfe" + text.encode("utf-16-le")


def decode(data: bytes) -> str:
    """Decode a connection file as clients and editors write it: UTF-16LE with BOM, or UTF-8 with or without.

    Raises:
        WireError: the bytes are neither.
    """
    try:
        if data.startswith(b"\xff\xfe"):
            return data[2:].decode("utf-16-le")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WireError("expected a connection file in UTF-16LE or UTF-8, got other bytes") from None


def _parse_line(number: int, line: str) -> Setting:
    name, first, rest = line.partition(":")
    kind, second, value = rest.partition(":")
    if not (first and second and _NAME.fullmatch(name)):
        raise WireError(f"expected name:type:value in line {number}, got something else")
    if kind == "i" and _INTEGER.fullmatch(value) and int(value) <= 0xFFFFFFFF:
        return Setting(name, int(value))
    if kind == "b" and _HEX.fullmatch(value):
        return Setting(name, bytes.fromhex(value))
    if kind == "s" and not _UNPRINTABLE.search(value):
        return Setting(name, value)
    raise WireError(f"expected a value of type i, s or b in line {number}, got something else")


def _check_unique(settings: tuple[Setting, ...]) -> None:
    seen: set[str] = set()
    for setting in settings:
        folded = setting.name.casefold()
        if folded in seen:
            raise ValueError(f"expected each setting once, got {setting.name[:64]!r} twice")
        seen.add(folded)
