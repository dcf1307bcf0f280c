"""Playbooks: a tunnel as a script of what comes in and what is expected out.

Each line is a step on a fresh `ServerTunnel`: `Client` bytes or packets arrive and these events are expected
(the last may be the text of the violation), or our `Answer` is given and these packets are expected on the
wire. A playbook that fails prints both columns, line by line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dialback.wire.errors import StateError, WireError
from dialback.wire.tsgu.packets import Packet, PacketReader, decode, encode
from dialback.wire.tsgu.server import ServerTunnel


@dataclass(frozen=True)
class Client:
    """The client sends: a packet, or bytes."""

    sent: Packet | bytes

    def play(self, tunnel: ServerTunnel) -> list[Any]:
        tunnel.receive(self.sent if isinstance(self.sent, bytes) else encode(self.sent))
        return _events(tunnel)


@dataclass(frozen=True)
class Gateway:
    """The gateway answers: a method of the tunnel, called with these arguments."""

    method: str
    arguments: tuple[Any, ...] = ()

    def play(self, tunnel: ServerTunnel) -> list[Any]:
        method: Callable[..., bytes] = getattr(tunnel, self.method)
        try:
            raw = method(*self.arguments)
        except (StateError, ValueError) as error:
            return [f"{type(error).__name__}: {error}"]
        return [decode(packet) for packet in PacketReader().feed(raw)] + _events(tunnel)


def gateway(method: str, *arguments: Any) -> Gateway:
    """Say what the gateway answers."""
    return Gateway(method, arguments)


def play(*script: tuple[Client | Gateway, list[Any]]) -> ServerTunnel:
    """Play the script on a fresh tunnel, and return the tunnel."""
    tunnel = ServerTunnel()
    rows = [(step, expected, step.play(tunnel)) for step, expected in script]
    assert all(expected == got for _, expected, got in rows), "\n" + "\n".join(_lines(rows))
    return tunnel


def _events(tunnel: ServerTunnel) -> list[Any]:
    events: list[Any] = []
    try:
        while (event := tunnel.next_event()) is not None:
            events.append(event)
    except WireError as error:
        events.append(f"WireError: {error}")
    return events


def _lines(rows: list[tuple[Client | Gateway, list[Any], list[Any]]]) -> list[str]:
    lines = []
    for step, expected, got in rows:
        lines.append(f"{'  ' if expected == got else '! '}{step}")
        for index in range(max(len(expected), len(got))):
            left, right = (repr(column[index]) if index < len(column) else "-" for column in (expected, got))
            lines.append(f"{'    ' if left == right else '!   '}{left:<60} | {right}")
    return lines
