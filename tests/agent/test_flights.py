"""The host's own copies: what is taken and signed, what is not, and what a damaged disk does."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.agent.flight_settings import FlightSettings
from dialback.agent.flights import FOLDER_NAME, Flights, NotTaken, Taken
from dialback.agent.identity_file import PLATFORM_KEY_NAME
from dialback.domain.flight import SignedHead, build, head_of
from dialback.identity.flights import judge, read_copy
from dialback.identity.host_keys import HostKey, verify
from tests.identity.test_flights import HOST, OTHER, PLATFORM, chain

LINES = [build(entry) for entry in chain()]


@pytest.fixture
def flights(tmp_path: Path) -> Flights:
    return Flights(tmp_path, HOST)


def taken(flights: Flights, lines: list[str], id: str = "c1") -> Taken:
    found = flights.take(id, lines)
    assert isinstance(found, Taken), found
    return found


def refused(flights: Flights, lines: list[str], id: str = "c1") -> NotTaken:
    found = flights.take(id, lines)
    assert isinstance(found, NotTaken), found
    return found


def countersigned(answer: Taken, key: HostKey = PLATFORM) -> tuple[SignedHead, bytes]:
    return SignedHead(answer.head, answer.signature, key.sign(answer.head.signed_bytes)), key.public_bytes


def test_entries_are_kept_and_signed(flights: Flights, tmp_path: Path) -> None:
    first, second = taken(flights, LINES[:2]), taken(flights, LINES[2:])
    assert (first.head, second.head) == (head_of(chain(2)), head_of(chain()))
    assert verify(HOST.public_bytes, second.signature, second.head.signed_bytes)
    path = tmp_path / FOLDER_NAME / "c1.jsonl"
    assert path.read_text().splitlines() == LINES
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_entries_told_twice_are_kept_once(flights: Flights) -> None:
    taken(flights, LINES[:3])
    assert taken(flights, LINES[1:4]).head == head_of(chain(4))
    assert flights.text("c1").splitlines() == LINES[:4]
    assert taken(flights, LINES[:1]).head == head_of(chain(4))


@pytest.mark.parametrize(
    ("lines", "count", "why"),
    [
        (LINES[3:], 2, "does not follow the 2 that are kept"),
        ([build(entry) for entry in chain(2, "forged")], 2, "entry 0 differs from the one that is kept"),
        ([build(entry) for entry in chain(3, "forged")][2:], 2, "does not follow"),
        (["{}"], 2, "expected an entry"),
        ([], 0, "expected entries"),
    ],
)
def test_entries_that_do_not_extend_the_copy_are_not_taken(
    flights: Flights, lines: list[str], count: int, why: str
) -> None:
    if count:
        taken(flights, LINES[:count])
    answer = refused(flights, lines)
    assert answer.count == count
    assert why in answer.problem
    assert flights.text("c1").splitlines() == LINES[:count]


def test_entries_of_another_connection_are_not_taken(flights: Flights) -> None:
    assert "another" in refused(flights, LINES, "c2").problem
    assert flights.connections() == []


def test_copy_that_was_tampered_with_is_neither_signed_nor_added_to(flights: Flights, tmp_path: Path) -> None:
    taken(flights, LINES[:3])
    path = tmp_path / FOLDER_NAME / "c1.jsonl"
    path.write_text(path.read_text().replace("printer", "another", 1))
    assert "was changed" in refused(flights, LINES[3:]).problem
    assert len(path.read_text().splitlines()) == 3


def test_line_that_was_not_written_to_its_end_is_told_again(flights: Flights, tmp_path: Path) -> None:
    taken(flights, LINES[:3])
    path = tmp_path / FOLDER_NAME / "c1.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert refused(flights, LINES[3:]).count == 2
    assert taken(flights, LINES[2:]).head == head_of(chain())


def test_copy_with_the_platforms_signature_proves_both(flights: Flights) -> None:
    answer = taken(flights, LINES)
    assert flights.seal(*countersigned(answer)) == ""
    assert flights.seal(*countersigned(answer)) == ""
    assert flights.platform_key() == PLATFORM.public_bytes
    copy = read_copy(flights.text("c1"))
    assert len(copy.seals) == 1
    assert judge(copy, HOST.public_bytes, PLATFORM.public_bytes).proven


def test_another_key_of_the_platform_is_not_believed(flights: Flights) -> None:
    answer = taken(flights, LINES)
    assert flights.seal(*countersigned(answer)) == ""
    assert "expected the platform's key" in flights.seal(*countersigned(answer, OTHER))
    assert flights.platform_key() == PLATFORM.public_bytes


def test_signatures_that_are_not_good_pin_nothing(flights: Flights) -> None:
    signed, key = countersigned(taken(flights, LINES))
    for bad in (
        SignedHead(signed.head, signed.agent_signature, bytes(64)),
        SignedHead(signed.head, bytes(64), signed.platform_signature),
        SignedHead(head_of(chain(2, "forged")), signed.agent_signature, signed.platform_signature),
    ):
        assert flights.seal(bad, key)
    assert len(flights.text("c1").splitlines()) == len(LINES)


def test_damaged_key_of_the_platform_is_said(flights: Flights, tmp_path: Path) -> None:
    taken(flights, LINES[:2])
    (tmp_path / PLATFORM_KEY_NAME).write_text("x")
    assert "holds no key" in refused(flights, LINES).problem


def test_disk_that_takes_nothing_is_an_answer(flights: Flights, tmp_path: Path) -> None:
    (tmp_path / FOLDER_NAME).write_text("no folder")
    assert "the host cannot keep it" in refused(flights, LINES).problem
    assert "the host cannot keep it" in flights.seal(SignedHead(head_of(chain())), bytes(32))


def of(id: str) -> list[str]:
    return [line.replace('"c1"', f'"{id}"') for line in LINES[:1]]


def test_copies_that_are_too_old_are_removed(tmp_path: Path) -> None:
    now = [1_000_000_000.0]
    flights = Flights(tmp_path, HOST, FlightSettings(keep_days=2), lambda: now[0])
    for number, id in enumerate(("a", "b", "c")):
        taken(flights, of(id), id)
        os.utime(tmp_path / FOLDER_NAME / f"{id}.jsonl", (now[0] + number * 86400,) * 2)
    now[0] += 2.5 * 86400
    assert flights.prune() == 1
    assert flights.connections() == ["c", "b"]


def test_oldest_copies_are_removed_while_all_are_too_large(tmp_path: Path) -> None:
    flights = Flights(tmp_path, HOST, FlightSettings(most_mb=1), lambda: 3.0)
    for id in ("a", "b", "c"):
        taken(flights, of(id), id)
    for number, id in enumerate(("a", "b", "c")):
        path = tmp_path / FOLDER_NAME / f"{id}.jsonl"
        path.write_text("x" * 600_000)
        os.utime(path, (number, number))
    assert flights.prune() == 2
    assert flights.connections() == ["c"]
    assert Flights(tmp_path / "none", HOST).prune() == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_whatever_is_told_in_whatever_order_the_copy_is_a_beginning_of_the_chain(
    told: list[tuple[int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        flights, count = Flights(Path(folder), HOST), 0
        for begin, end in told:
            answer = flights.take("c1", LINES[begin:end])
            follows = begin < end and begin <= count
            assert isinstance(answer, Taken) == (follows or (begin >= end and count > 0))
            if follows:
                count = max(count, end)
            known = answer.head.count if isinstance(answer, Taken) else answer.count
            assert known == count
        assert flights.text("c1").splitlines() == LINES[:count]
