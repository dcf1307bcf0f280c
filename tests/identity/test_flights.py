"""Copies of flight records: what they prove, and what is noticed when one was tampered with."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.flight import (
    FlightEntry,
    FlightEvent,
    FlightProblem,
    Head,
    SignedHead,
    build,
    extend,
    head_of,
)
from dialback.domain.ids import ConnectionId
from dialback.identity.flights import FlightCopy, Seal, build_copy, build_seal, compare, judge, read_copy
from dialback.identity.host_keys import HostKey

HOST, PLATFORM, OTHER = HostKey.generate(), HostKey.generate(), HostKey.generate()
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
EVENTS = (FlightEvent.ASKED, FlightEvent.CONSENT, FlightEvent.OPENED, FlightEvent.BYTES, FlightEvent.ENDED)
Lines = list[str]


def chain(count: int = len(EVENTS), purpose: str = "printer") -> list[FlightEntry]:
    made: list[FlightEntry] = []
    for number, event in enumerate(EVENTS[:count]):
        at = NOON + timedelta(seconds=number)
        made.append(extend(made, ConnectionId("c1"), at, event, purpose=purpose))
    return made


def seal(
    entries: list[FlightEntry], host: HostKey | None = HOST, platform: HostKey | None = PLATFORM
) -> Seal:
    head = head_of(entries)
    return Seal(
        SignedHead(
            head,
            host.sign(head.signed_bytes) if host else b"",
            platform.sign(head.signed_bytes) if platform else b"",
        ),
        host.public_bytes if host else b"",
        platform.public_bytes if platform else b"",
    )


def text(entries: list[FlightEntry], *seals: Seal) -> str:
    return build_copy(map(build, entries), seals)


WHOLE = text(chain(), seal(chain()))


def test_copy_is_read_as_it_is_built() -> None:
    copy = read_copy(WHOLE)
    assert copy == FlightCopy(tuple(map(build, chain())), (seal(chain()),))
    assert build_copy(copy.lines, copy.seals) == WHOLE


def test_copy_signed_by_both_is_proven() -> None:
    verdict = judge(read_copy(WHOLE))
    assert verdict.proven
    assert (verdict.host_key, verdict.platform_key) == (HOST.public_bytes, PLATFORM.public_bytes)
    assert verdict.sentence == "Whole: all 5 entries are signed by the host's agent and by the platform."
    assert judge(read_copy(WHOLE), HOST.public_bytes, PLATFORM.public_bytes) == verdict


def test_copy_signed_by_the_platform_alone_says_so() -> None:
    verdict = judge(read_copy(text(chain(), seal(chain(), host=None))))
    assert not verdict.proven
    assert "all by the platform alone, the host's agent has not signed them" in verdict.sentence


def test_seals_may_stand_between_entries() -> None:
    early = build_seal(seal(chain(2)))
    lines = list(map(build, chain()))
    assert judge(read_copy("\n".join([*lines[:2], early, *lines[2:], build_seal(seal(chain()))]))).proven


def test_copy_that_stops_at_a_seal_is_whole_and_says_that_its_end_is_missing() -> None:
    verdict = judge(read_copy(text(chain(3), seal(chain(3)))))
    assert (verdict.proven, verdict.by_agent, verdict.by_platform) == (False, 3, 3)
    assert verdict.sentence.endswith("It does not go to the end of the connection.")


def test_entries_behind_the_last_seal_are_counted_as_unsigned() -> None:
    verdict = judge(read_copy(text(chain(), seal(chain(3)), seal(chain(4), host=None))))
    assert (verdict.by_agent, verdict.by_platform, verdict.proven) == (3, 4, False)
    assert "3 by the host's agent, 4 by the platform" in verdict.sentence


def changed(lines: Lines) -> Lines:
    return [lines[0].replace("printer", "another"), *lines[1:]]


def last_changed(lines: Lines) -> Lines:
    return [*lines[:4], lines[4].replace("printer", "another"), *lines[5:]]


def removed(lines: Lines) -> Lines:
    return lines[:2] + lines[3:]


def reordered(lines: Lines) -> Lines:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def truncated(lines: Lines) -> Lines:
    return [*lines[:3], *lines[5:]]


def other_spelling(lines: Lines) -> Lines:
    return [lines[0].replace(":", ": ", 1), *lines[1:]]


def other_chain(lines: Lines) -> Lines:
    return [*map(build, chain(purpose="forged")), *lines[5:]]


def no_entries(lines: Lines) -> Lines:
    return lines[5:]


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (changed, "entry 1 does not follow"),
        (last_changed, "entry 4 is not the one that was signed"),
        (removed, "at place 2 stands entry 3"),
        (reordered, "at place 1 stands entry 2"),
        (truncated, "the end was cut off: 5 entries were signed, and it has 3, so that entry 3 is the first"),
        (other_spelling, "line 1: expected an entry"),
        (other_chain, "entry 4 is not the one that was signed"),
        (no_entries, "expected a chain of entries, got none"),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_tampering_is_named(tamper: Callable[[Lines], Lines], why: str) -> None:
    with pytest.raises(FlightProblem, match=why):
        judge(read_copy("\n".join(tamper(WHOLE.splitlines()))))


def test_copy_signed_anew_by_others_is_noticed_by_who_knows_the_keys() -> None:
    forged = read_copy(text(chain(purpose="forged"), seal(chain(purpose="forged"), OTHER, OTHER)))
    assert judge(forged).proven
    with pytest.raises(FlightProblem, match="the key of the host"):
        judge(forged, HOST.public_bytes)
    with pytest.raises(FlightProblem, match="the key of the platform"):
        judge(forged, platform_key=PLATFORM.public_bytes)


@pytest.mark.parametrize("part", ["agent_signature", "platform_signature"])
def test_signature_of_another_head_is_noticed(part: str) -> None:
    good = seal(chain())
    bad = replace(good, signed=replace(good.signed, **{part: getattr(seal(chain(2)).signed, part)}))
    with pytest.raises(FlightProblem, match="under 5 entries is not good"):
        judge(FlightCopy(tuple(map(build, chain())), (bad,)))


def test_head_of_another_connection_is_noticed() -> None:
    head = Head(ConnectionId("c2"), 5, chain()[-1].hash)
    with pytest.raises(FlightProblem, match="another connection"):
        judge(FlightCopy(tuple(map(build, chain())), (Seal(SignedHead(head)),)))


def test_copies_of_both_sides_are_compared_as_far_as_both_go() -> None:
    ours, theirs = read_copy(WHOLE), read_copy(text(chain(3)))
    compare(ours, theirs)
    other = replace(theirs, lines=(theirs.lines[0], build(replace(chain()[1], facts=MappingProxyType({})))))
    with pytest.raises(FlightProblem, match="entry 1 of the two copies differs"):
        compare(other, ours)


@given(st.lists(st.sampled_from(WHOLE.splitlines()), max_size=8))
def test_any_selection_of_lines_is_proven_only_if_it_is_the_whole(lines: Lines) -> None:
    try:
        proven = judge(read_copy("\n".join(lines))).proven
    except FlightProblem:
        return
    entries = [line for line in lines if not line.startswith('{"head"')]
    assert entries == WHOLE.splitlines()[: len(entries)]
    assert proven == (set(lines) == set(WHOLE.splitlines()))


@given(st.text())
def test_any_text_is_a_copy_or_a_problem(anything: str) -> None:
    with contextlib.suppress(FlightProblem):
        assert judge(read_copy(anything)).entries


@pytest.mark.parametrize("line", ['{"head":{}}', '{"head":[]}', '{"head":{"count":"1"}}', '{"head":'])
def test_seal_that_is_none_is_named_by_its_line(line: str) -> None:
    with pytest.raises(FlightProblem, match="line 2: expected a signed head"):
        read_copy(f"{build(chain()[0])}\n{line}")


def test_key_of_another_size_is_no_key() -> None:
    with pytest.raises(ValueError, match="expected a public key of 32 bytes, got 3"):
        Seal(SignedHead(head_of(chain())), b"abc")
