"""Any bytes show a thing once, "need more" or `WireError`, and the same however they are cut."""

from dialback.wire.errors import StateError, WireError
from dialback.wire.first_flight import MAX_FLIGHT_BYTES, FirstFlight, Shows, Sight

Result = Sight | str | None


def fuzz(data: bytes) -> None:
    """Read a flight whole, byte by byte, and in pieces as long as its first byte says."""
    whole = _read(data, max(len(data), 1))
    for step in (1, 1 + (data[0] if data else 0)):
        assert _read(data, step) == whole


def _read(data: bytes, step: int) -> Result:
    """Return what is shown, or `broken`."""
    flight = FirstFlight()
    for at in range(0, len(data), step):
        try:
            sight = flight.feed(data[at : at + step])
        except WireError:
            return "broken"
        if sight is not None:
            _check(flight, sight)
            return sight
    assert len(data) <= MAX_FLIGHT_BYTES
    return None


def _check(flight: FirstFlight, sight: Sight) -> None:
    assert bool(sight.certificate) == (sight.shows is Shows.CERTIFICATE)
    try:
        flight.feed(b"")
    except StateError:
        return
    raise AssertionError("a flight was read on after its end")
