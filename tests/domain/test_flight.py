from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.flight import (
    MAX_ENTRY_CHARS,
    FlightEntry,
    FlightEvent,
    FlightProblem,
    Head,
    SignedHead,
    build,
    check_chain,
    entry_after,
    extend,
    follow,
    head_after,
    head_of,
    is_head_at,
    merge,
    parse,
)
from dialback.domain.ids import ConnectionId

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
EVENTS = [
    (FlightEvent.ASKED, {"staff": "tess", "purpose": "printer is stuck \N{PILE OF POO}"}),
    (FlightEvent.CONSENT, {"grant": "g1", "approved_by": "anna"}),
    (FlightEvent.OPENED, {"dial_ms": 4.5}),
    (FlightEvent.BYTES, {"to_client": 1000, "to_host": 20}),
    (FlightEvent.ENDED, {"reason": "host-ended", "proven": True}),
]


def recorded() -> list[FlightEntry]:
    """Return the chain of one connection."""
    chain: list[FlightEntry] = []
    for number, (event, facts) in enumerate(EVENTS):
        at = NOON + timedelta(seconds=number)
        chain.append(extend(chain, ConnectionId("c1"), at, event, **facts))  # type: ignore[arg-type]
    return chain


CHAIN = recorded()
HEAD = head_of(CHAIN)


def test_chain_that_nobody_touched_is_whole() -> None:
    check_chain(CHAIN)
    check_chain(CHAIN, HEAD)


@pytest.mark.parametrize("place", range(len(CHAIN)))
def test_changed_entry_is_noticed(place: int) -> None:
    chain = CHAIN.copy()
    chain[place] = replace(chain[place], facts=MappingProxyType({"purpose": "another"}))

    with pytest.raises(FlightProblem, match="changed"):
        check_chain(chain, HEAD)


@pytest.mark.parametrize("place", range(len(CHAIN)))
def test_removed_entry_is_noticed(place: int) -> None:
    with pytest.raises(FlightProblem, match=r"removed|cut off"):
        check_chain(CHAIN[:place] + CHAIN[place + 1 :], HEAD)


@pytest.mark.parametrize("place", range(len(CHAIN) - 1))
def test_entries_that_changed_places_are_noticed(place: int) -> None:
    chain = CHAIN.copy()
    chain[place], chain[place + 1] = chain[place + 1], chain[place]

    with pytest.raises(FlightProblem, match="moved"):
        check_chain(chain, HEAD)


@pytest.mark.parametrize("count", range(1, len(CHAIN)))
def test_end_that_was_cut_off_is_noticed_by_the_head_alone(count: int) -> None:
    check_chain(CHAIN[:count])
    with pytest.raises(FlightProblem, match="cut off"):
        check_chain(CHAIN[:count], HEAD)


def test_entry_that_was_added_is_noticed() -> None:
    longer = [*CHAIN, extend(CHAIN, ConnectionId("c1"), NOON, FlightEvent.BYTES, to_host=1)]

    with pytest.raises(FlightProblem, match="added"):
        check_chain(longer, HEAD)


def test_chain_that_was_made_anew_from_a_changed_entry_has_another_head() -> None:
    forged: list[FlightEntry] = []
    for entry in CHAIN:
        facts = {**entry.facts, "staff": "tim"} if entry.event is FlightEvent.ASKED else dict(entry.facts)
        forged.append(extend(forged, entry.connection_id, entry.at, entry.event, **facts))

    check_chain(forged)
    with pytest.raises(FlightProblem, match="head"):
        check_chain(forged, HEAD)


def test_entry_of_another_connection_is_noticed() -> None:
    with pytest.raises(FlightProblem, match="another"):
        check_chain([CHAIN[0], replace(CHAIN[1], connection_id=ConnectionId("c2"))])


def test_empty_chain_proves_nothing() -> None:
    with pytest.raises(FlightProblem, match="none"):
        check_chain([])


@pytest.mark.parametrize("entry", CHAIN, ids=lambda entry: str(entry.event))
def test_entry_comes_back_from_its_line(entry: FlightEntry) -> None:
    assert parse(build(entry)) == entry
    assert parse(build(entry)).hash == entry.hash


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "null",
        build(CHAIN[0]) + " ",
        build(CHAIN[0]).replace("asked", "nothing"),
        build(CHAIN[0]).replace("+00:00", ""),
        build(CHAIN[0]).replace('"staff":"tess"', '"staff":[1]'),
        build(CHAIN[0]).replace("tess", "t" * 5000),
    ],
)
def test_line_that_is_no_entry_is_refused(line: str) -> None:
    with pytest.raises(FlightProblem, match="expected an entry"):
        parse(line)


@given(st.text(max_size=200))
def test_any_line_is_an_entry_or_refused(line: str) -> None:
    with pytest.raises(FlightProblem):
        parse(line)


LINES = [build(entry) for entry in CHAIN]


def test_lines_follow_a_chain_and_those_kept_already_add_nothing() -> None:
    assert follow(None, [], LINES) == CHAIN
    end = head_of(CHAIN[:3])
    assert follow(end, [], LINES[3:]) == CHAIN[3:]
    assert follow(end, LINES[1:3], LINES[1:]) == CHAIN[3:]
    assert follow(end, LINES[:3], LINES[:2]) == []
    assert follow(end, [], []) == []


def test_line_out_of_place_does_not_follow() -> None:
    end = head_of(CHAIN[:3])
    for kept, lines, message in (
        ([], LINES[4:], "does not follow"),
        ([], LINES[1:], "differs"),
        (LINES[2:3], LINES[1:], "differs"),
    ):
        with pytest.raises(FlightProblem, match=message):
            follow(end, kept, lines)
    with pytest.raises(FlightProblem, match="another one"):
        follow(head_of([replace(CHAIN[0], connection_id=ConnectionId("c2"))]), [], LINES[1:])


def test_head_is_of_the_line_that_was_last() -> None:
    assert is_head_at(head_of(CHAIN[:2]), LINES[1])
    assert not is_head_at(head_of(CHAIN[:2]), LINES[0])
    assert not is_head_at(Head(CHAIN[0].connection_id, 0, CHAIN[0].hash), LINES[0])


def test_longer_head_counts_and_of_one_head_both_signatures() -> None:
    short, long = head_of(CHAIN[:2]), head_of(CHAIN)
    by_agent, by_platform = SignedHead(long, b"a" * 64), SignedHead(long, b"", b"p" * 64)
    assert merge(None, by_agent) == by_agent
    assert (
        merge(by_agent, by_platform) == merge(by_platform, by_agent) == SignedHead(long, b"a" * 64, b"p" * 64)
    )
    assert merge(by_agent, SignedHead(long, b"x" * 64)) == by_agent
    assert merge(SignedHead(short, b"s" * 64), by_agent) == by_agent
    assert merge(by_agent, SignedHead(short, b"s" * 64)) == by_agent


def test_signature_is_whole_or_not_there() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        SignedHead(head_of(CHAIN), b"short")


def test_chain_is_extended_from_its_head_alone() -> None:
    end: Head | None = None
    for entry in CHAIN:
        assert entry_after(end, entry.connection_id, entry.at, entry.event, entry.facts) == entry
        end = head_after(entry)
    assert end == HEAD


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=1500) | st.integers(), max_size=6))
def test_whatever_is_said_becomes_an_entry_that_fits(facts: dict[str, str | int]) -> None:
    entry = entry_after(HEAD, ConnectionId("c1"), NOON, FlightEvent.ASKED, facts)

    assert len(build(entry)) <= MAX_ENTRY_CHARS
    assert parse(build(entry)) == entry
    check_chain([*CHAIN, entry])


def test_the_longest_text_is_shortened_and_others_stay() -> None:
    facts = {"staff": "tess", "purpose": "\N{PILE OF POO}" * 400, "ticket_number": "4711"}
    entry = entry_after(None, ConnectionId("c1"), NOON, FlightEvent.ASKED, facts)

    assert (entry.facts["staff"], entry.facts["ticket_number"]) == ("tess", "4711")
    purpose = str(entry.facts["purpose"])
    assert 250 < len(purpose) < 400
    assert str(facts["purpose"]).startswith(purpose)
