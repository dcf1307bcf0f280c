"""What API and portal read of a flight record."""

from datetime import UTC, datetime

from dialback.domain.flight import FlightEvent, build, extend
from dialback.domain.ids import ConnectionId
from dialback.domain.tenancy import MAIN
from dialback.store.memory import MemoryStore
from dialback.store.memory_provider import MemoryProvider
from dialback.web.flight_copies import asked_in, read_flight

ID = ConnectionId("c1")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


async def test_record_that_nobody_signed_is_whole_and_not_proven() -> None:
    store = MemoryStore()
    provider = MemoryProvider(store.directory)
    assert await read_flight(provider, store, b"", MAIN, ID) is None
    first = extend([], ID, NOON, FlightEvent.ASKED, user="tess", host="gone")
    second = extend([first], ID, NOON, FlightEvent.PROOF, proven="other")
    await provider.append_flight(MAIN, [build(first), build(second)])
    read = await read_flight(provider, store, b"", MAIN, ID)
    assert read is not None
    assert (read.proven, read.certificate, len(read.entries)) == (False, "other", 2)
    assert read.sentence.startswith("Whole, but not proven by both")


def test_who_asked_is_in_the_first_entry_or_nowhere() -> None:
    asked = extend([], ID, NOON, FlightEvent.ASKED, user="tess")
    assert asked_in([build(asked)]) == asked
    assert asked_in([build(extend([], ID, NOON, FlightEvent.OPENED))]) is None
    assert asked_in([]) is None
    assert asked_in(["{}"]) is None
