"""Whose connection is it, on Windows: the system's table of TCP connections with the process of each.

The table is decoded by a function of its own, which is tested everywhere; asking for it is possible on
Windows alone, where none of this has been run.

Source: Windows API, GetExtendedTcpTable (TCP_TABLE_OWNER_PID_ALL); MIB_TCPROW_OWNER_PID; Process32First.
"""

import ctypes
import ipaddress
import struct
import sys
from collections.abc import Mapping

_ROW = struct.Struct("<IIIIII")
_ALL_WITH_OWNER = 5
_TOO_SMALL = 122
_INTERNET = 2
_SNAPSHOT_PROCESSES = 2
Row = tuple[str, int, str, int, int]
"""Local address and port, remote address and port, process."""


def is_ours_windows(client: tuple[str, int], listener: tuple[str, int], process: int) -> bool:
    """Say whether the connection from client to listener is of the process or of one it started."""
    if sys.platform != "win32":
        return False
    owner = owner_in(decode_table(_table()), client, listener)
    return owner is not None and is_started_by(_parents(), owner, process)


def decode_table(data: bytes) -> list[Row]:
    """Return the rows of a table: a count, then six little-endian numbers for each connection.

    Ports stand in network order in the low half of their number.
    """
    if len(data) < 4:
        return []
    (count,) = struct.unpack_from("<I", data)
    whole = min(count, (len(data) - 4) // _ROW.size)
    return [_row(_ROW.unpack_from(data, 4 + place * _ROW.size)) for place in range(whole)]


def owner_in(rows: list[Row], client: tuple[str, int], listener: tuple[str, int]) -> int | None:
    """Return the process that holds the client's end, None if no row is of it."""
    return next((row[4] for row in rows if (row[:2], row[2:4]) == (client, listener)), None)


def is_started_by(parents: Mapping[int, int], process: int, ancestor: int) -> bool:
    """Say whether the process is the ancestor, or was started by it or by one it started."""
    seen: set[int] = set()
    while process not in seen:
        if process == ancestor:
            return True
        seen.add(process)
        process = parents.get(process, process)
    return False


def _row(numbers: tuple[int, ...]) -> Row:
    _, local, local_port, remote, remote_port, process = numbers
    return (_address(local), _port(local_port), _address(remote), _port(remote_port), process)


def _address(number: int) -> str:
    return str(ipaddress.IPv4Address(number.to_bytes(4, "little")))


def _port(number: int) -> int:
    return int.from_bytes((number & 0xFFFF).to_bytes(2, "little"), "big")


def _table() -> bytes:
    if sys.platform != "win32":
        return b""
    size = ctypes.c_ulong(65536)
    while True:
        buffer = ctypes.create_string_buffer(size.value)
        answer = ctypes.windll.iphlpapi.GetExtendedTcpTable(
            buffer, ctypes.byref(size), False, _INTERNET, _ALL_WITH_OWNER, 0
        )
        if answer != _TOO_SMALL:
            return buffer.raw if answer == 0 else b""


class _Process(ctypes.Structure):
    """PROCESSENTRY32."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("usage", ctypes.c_uint32),
        ("process", ctypes.c_uint32),
        ("heap", ctypes.c_void_p),
        ("module", ctypes.c_uint32),
        ("threads", ctypes.c_uint32),
        ("parent", ctypes.c_uint32),
        ("priority", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("name", ctypes.c_char * 260),
    )


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    if sys.platform != "win32":
        return found
    kernel = ctypes.windll.kernel32
    snapshot = kernel.CreateToolhelp32Snapshot(_SNAPSHOT_PROCESSES, 0)
    entry = _Process(size=ctypes.sizeof(_Process))
    more = kernel.Process32First(snapshot, ctypes.byref(entry))
    while more:
        found[entry.process] = entry.parent
        more = kernel.Process32Next(snapshot, ctypes.byref(entry))
    kernel.CloseHandle(snapshot)
    return found
