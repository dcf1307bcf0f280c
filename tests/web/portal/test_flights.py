"""A flight record as a page shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dialback.domain.flight import Flight, FlightEntry, FlightEvent, FlightProblem, extend, head_of
from dialback.domain.ids import ConnectionId
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import Verdict
from dialback.web.flight_copies import ReadFlight
from dialback.web.portal.flights import TITLES, flight_shown

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
GRANT = {"ground": "grant", "grant": "g1", "approved_by": "anna", "until": "13:00"}
FLOWN = [
    (FlightEvent.ASKED, {"user": "tess", "role": "technician", "purpose": "printer", "ticket_number": "T-7"}),
    (FlightEvent.CONSENT, GRANT),
    (FlightEvent.OPENED, {"dial_ms": 3.5}),
    (FlightEvent.BYTES, {"to_client_bytes": 50, "to_host_bytes": 10}),
    (FlightEvent.PROOF, {"proven": "proven"}),
    (FlightEvent.ENDED, {"to_client_bytes": 100, "to_host_bytes": 20}),
]


def read(*flown: tuple[FlightEvent, dict[str, object]]) -> ReadFlight:
    entries: list[FlightEntry] = []
    for number, (event, facts) in enumerate(flown):
        at = NOON + timedelta(seconds=number)
        entries.append(extend(entries, ConnectionId("c1"), at, event, **facts))  # type: ignore[arg-type]
    count = len(entries)
    flight = Flight(MAIN, NOON, head_of(entries))
    return ReadFlight(flight, "", Verdict(tuple(entries), by_agent=count, by_platform=count))


def test_who_why_and_on_what_ground_is_shown() -> None:
    shown = flight_shown(read(*FLOWN))
    assert (shown.user, shown.role, shown.purpose) == ("tess", "technician", "printer")
    assert (shown.ticket_number, shown.proven, shown.wrong) == ("T-7", True, False)
    assert shown.ground == "a grant g1 of anna, until 13:00"
    assert shown.certificate.startswith("Proven")
    assert [each.title for each in shown.happened][:2] == ["Asked", "Let in"]
    assert shown.happened[2].facts == "dial ms 3.5"


def test_bytes_are_drawn_over_time_to_one_scale() -> None:
    shown = flight_shown(read(*FLOWN))
    assert shown.lines == {
        "to_client_bytes": "0.0,100.0 333.3,50.0 1000.0,0.0",
        "to_host_bytes": "0.0,100.0 333.3,90.0 1000.0,80.0",
    }


def test_nothing_is_drawn_where_nothing_was_moved() -> None:
    assert flight_shown(read(*FLOWN[:2])).lines == {}
    assert flight_shown(read(FLOWN[0], (FlightEvent.ENDED, {"to_client_bytes": "x"}))).lines == {}


def test_record_that_was_tampered_with_shows_that_alone() -> None:
    wrong = replace(read(*FLOWN), verdict=None, wrong=str(FlightProblem("entry 1 was changed")))
    shown = flight_shown(wrong)
    assert (shown.wrong, shown.proven, shown.sentence) == (True, False, "entry 1 was changed")
    assert (shown.user, shown.happened, shown.lines) == ("", [], {})
    assert shown.certificate.startswith("Not proven: no console")


def test_every_event_has_a_title() -> None:
    assert set(TITLES) == set(FlightEvent)
