"""What a client asks its host for, in one line at the start of the stream: the same through every relay."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Push:
    """Send so many bytes as fast as they are taken."""

    size_bytes: int

    @property
    def total_bytes(self) -> int:
        """How much the client gets."""
        return self.size_bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """Send `count` messages, one every `interval_ms`, the first after `delay_us`."""

    size_bytes: int
    interval_ms: int
    count: int
    delay_us: int = 0

    @property
    def total_bytes(self) -> int:
        """How much the client gets."""
        return self.size_bytes * self.count


@dataclass(frozen=True, slots=True)
class Echo:
    """Send everything back that comes after this line."""

    @property
    def total_bytes(self) -> int:
        """How much the client gets unasked."""
        return 0


Order = Push | Beat | Echo


def build(order: Order) -> bytes:
    """Return the line for an order."""
    match order:
        case Push(size_bytes):
            return f"push {size_bytes}\n".encode()
        case Beat(size_bytes, interval_ms, count, delay_us):
            return f"beat {size_bytes} {interval_ms} {count} {delay_us}\n".encode()
        case Echo():
            return b"echo\n"


def parse(line: bytes) -> Order:
    """Return the order in a line; raise `ValueError` if it is none."""
    kind, *numbers = line.decode("ascii").split()
    if kind == "push":
        return Push(*map(int, numbers))
    if kind == "beat":
        return Beat(*map(int, numbers))
    if kind == "echo":
        return Echo()
    raise ValueError(f"expected push, beat or echo, got {kind}")
