"""What is in flight to a host, as time passes, lists come in and connections end."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.broker.inflight import LIFE_S, InFlight
from dialback.domain.ids import ConnectionId, HostId, SessionId, UserName
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN

HOST, OTHER = HostId("h1"), HostId("h2")
ANNA, BEN = UserName("anna"), UserName("ben")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flights(clock: Clock) -> InFlight:
    return InFlight(clock)


def begin(flights: InFlight, number: int, host: HostId = HOST, user: UserName = ANNA) -> ConnectionId:
    connection_id = ConnectionId(f"c{number}")
    flights.begin(connection_id, host, user)
    return connection_id


def session(user: str, host: HostId = HOST) -> Session:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    return Session(MAIN, host, SessionId("1"), UserName(user), SessionState.ACTIVE, since)


def test_each_placement_counts_on_its_own_host(flights: InFlight) -> None:
    begin(flights, 1)
    begin(flights, 2, user=BEN)
    begin(flights, 3, OTHER)
    assert (flights.on(HOST), flights.on(OTHER), flights.on(HostId("h3"))) == (2, 1, 0)


def test_connections_of_a_user_to_one_host_count_as_one(flights: InFlight) -> None:
    first, second = begin(flights, 1), begin(flights, 2)
    assert (flights.on(HOST), flights.has(HOST, ANNA)) == (1, True)
    flights.end(first)
    assert (flights.on(HOST), flights.has(HOST, ANNA)) == (1, True)
    flights.end(second)
    assert (flights.on(HOST), flights.has(HOST, ANNA)) == (0, False)


def test_placement_is_of_its_user_on_its_host_while_it_lasts(flights: InFlight, clock: Clock) -> None:
    begin(flights, 1)
    assert not flights.has(HOST, BEN)
    assert not flights.has(OTHER, ANNA)
    clock.now += LIFE_S
    assert not flights.has(HOST, ANNA)


def test_connection_that_is_placed_again_counts_on_the_newest_host_alone(flights: InFlight) -> None:
    begin(flights, 1)
    begin(flights, 1, OTHER)
    assert (flights.on(HOST), flights.on(OTHER)) == (0, 1)


def test_connection_that_ended_counts_no_more(flights: InFlight) -> None:
    flights.end(begin(flights, 1))
    flights.end(ConnectionId("unknown"))
    assert flights.on(HOST) == 0


def test_placement_counts_until_its_life_is_over(flights: InFlight, clock: Clock) -> None:
    begin(flights, 1)
    clock.now += LIFE_S / 2
    begin(flights, 2, user=BEN)
    clock.now += LIFE_S / 2
    assert flights.on(HOST) == 1
    clock.now += LIFE_S / 2
    assert flights.on(HOST) == 0


def test_placement_that_is_held_begins_its_life_when_it_is_let_go(flights: InFlight, clock: Clock) -> None:
    with flights.held(begin(flights, 1)):
        begin(flights, 2, user=BEN)
        clock.now += 10 * LIFE_S
        assert (flights.has(HOST, ANNA), flights.has(HOST, BEN)) == (True, False)
    clock.now += LIFE_S / 2
    assert flights.has(HOST, ANNA)
    clock.now += LIFE_S / 2
    assert flights.on(HOST) == 0


def test_placement_that_ends_while_it_is_held_stays_ended(flights: InFlight) -> None:
    connection_id = begin(flights, 1)
    with flights.held(connection_id):
        flights.end(connection_id)
        assert flights.on(HOST) == 0
    assert flights.on(HOST) == 0


@pytest.mark.parametrize("name", ["anna", "ACME\\Anna", "anna@acme.example"])
def test_list_that_shows_the_user_takes_the_placement_over(flights: InFlight, name: str) -> None:
    begin(flights, 1)
    begin(flights, 2, user=BEN)
    begin(flights, 3, OTHER)
    flights.shown(HOST, [session(name)])
    assert (flights.on(HOST), flights.on(OTHER)) == (1, 1)


def test_list_that_does_not_show_the_user_yet_changes_nothing(flights: InFlight) -> None:
    begin(flights, 1)
    flights.shown(HOST, [session("ben")])
    flights.shown(HOST, [])
    assert flights.on(HOST) == 1


STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([HOST, OTHER]), st.floats(0, LIFE_S)), max_size=30
)


@given(STEPS)
def test_count_is_that_of_the_users_of_the_last_minute(steps: list[tuple[int, HostId, float]]) -> None:
    clock = Clock()
    flights = InFlight(clock)
    newest: dict[int, tuple[HostId, float]] = {}
    for number, host, pause in steps:
        begin(flights, number, host, (ANNA, BEN)[number % 2])
        newest[number] = (host, clock.now)
        clock.now += pause
    for host in (HOST, OTHER):
        young = {
            number % 2 for number, (one, at) in newest.items() if one == host and at + LIFE_S > clock.now
        }
        assert flights.on(host) == len(young)
        assert [flights.has(host, user) for user in (ANNA, BEN)] == [0 in young, 1 in young]
