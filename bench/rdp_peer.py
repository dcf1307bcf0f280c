"""The RDP client's part, in plain TCP: connects to places, and asks what answers there for bytes or echoes.

Blocking, since it does one thing after the other, and a loop of its own would be in what is measured. Answers
a line for each command: `connect` (a list of places; each is there once a first byte came back), `echo` (a
place; how long each round took, in milliseconds) and `push` (a place and how many bytes).
"""

import contextlib
import json
import socket
import sys
import time
from typing import Any

from bench import orders

TIMEOUT_S = 60
ECHO_BYTES = 200
PAUSE_S = 0.001
BUFFER_BYTES = 1 << 20

Place = tuple[str, int]


def main() -> None:
    """Do what each line says until standard input ends."""
    kept: list[socket.socket] = []
    sys.stdin.buffer.readline()
    _say("ready")
    while line := sys.stdin.buffer.readline():
        command: dict[str, Any] = json.loads(line)
        match command["do"]:
            case "connect":
                begun_at = time.perf_counter()
                kept += _connected(command["places"])
                _say(time.perf_counter() - begun_at)
            case "echo":
                _say(_rounds_ms(command["place"], command["count"]))
            case "push":
                _say(_pushed(command["place"], command["size_bytes"]))


def _connected(places: list[Place]) -> list[socket.socket]:
    """Connect to every place at once; return when a byte has come from behind each."""
    opened = [_dial(place, orders.Push(1)) for place in places]
    for each in opened:
        _receive(each, 1)
    return opened


def _rounds_ms(place: Place, count: int) -> list[float]:
    message, spent = bytes(ECHO_BYTES), []
    with _dial(place, orders.Echo()) as connected:
        for _ in range(count):
            begun_at = time.perf_counter()
            connected.sendall(message)
            _receive(connected, ECHO_BYTES)
            spent.append((time.perf_counter() - begun_at) * 1000)
            # A person's keys and pointer pause, too.
            time.sleep(PAUSE_S)
    return spent


def _pushed(place: Place, size_bytes: int) -> str:
    with _dial(place, orders.Push(size_bytes)) as connected:
        _receive(connected, size_bytes)
    return "done"


def _dial(place: Place, order: orders.Order) -> socket.socket:
    connected = socket.create_connection((place[0], place[1]), TIMEOUT_S)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.sendall(orders.build(order))
    return connected


def _receive(connected: socket.socket, size_bytes: int) -> None:
    buffer = memoryview(bytearray(min(size_bytes, BUFFER_BYTES)))
    while size_bytes:
        came = connected.recv_into(buffer[: min(size_bytes, len(buffer))])
        if not came:
            raise ConnectionError("the stream ended early")
        size_bytes -= came


def _say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
