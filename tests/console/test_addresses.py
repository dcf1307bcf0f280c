import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.console.addresses import CANDIDATES, NoListener, accept, candidates_of, open_listener
from dialback.domain.ids import HostId, TenantId
from lab.ports import free_port

ACME = TenantId("acme")


@given(st.text(max_size=20), st.text(max_size=20))
def test_each_host_has_loopback_addresses_of_its_own_that_stay(tenant: str, host: str) -> None:
    found = list(candidates_of(TenantId(tenant), HostId(host)))

    assert found == list(candidates_of(TenantId(tenant), HostId(host)))
    assert len(found) == CANDIDATES
    for address in found:
        numbers = ipaddress.IPv4Address(address).packed
        assert numbers[0] == 127
        assert 64 <= numbers[1] < 250
        assert 1 <= numbers[3] <= 254


def test_hundreds_of_hosts_have_each_their_own() -> None:
    port = free_port()
    listeners = [open_listener(ACME, HostId(f"host-{number}"), port) for number in range(300)]

    places = {listener.getsockname() for listener in listeners}
    for listener in listeners:
        listener.close()

    assert len(places) == 300
    assert {place[1] for place in places} == {port}


def test_address_that_is_taken_is_passed_over() -> None:
    port = free_port()
    first, second = (open_listener(ACME, HostId("h1"), port) for _ in range(2))
    with first, second:
        wanted = list(candidates_of(ACME, HostId("h1")))
        assert [first.getsockname()[0], second.getsockname()[0]] == wanted[:2]


def test_host_without_a_free_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken(socket.socket):
        def bind(self, place: object) -> None:
            raise OSError(98, "Address already in use")

    monkeypatch.setattr("dialback.console.addresses.socket.socket", Taken)
    with pytest.raises(NoListener, match="no loopback address is free for h1"):
        open_listener(ACME, HostId("h1"))


def test_system_with_one_loopback_address_gets_a_port_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class OneAddress(socket.socket):
        def bind(self, place: tuple[str, int]) -> None:  # type: ignore[override]
            if place[0] != "127.0.0.1":
                raise OSError(99, "Cannot assign requested address")
            super().bind(place)

    monkeypatch.setattr("dialback.console.addresses.socket.socket", OneAddress)
    with open_listener(ACME, HostId("h1")) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


async def test_connection_is_accepted() -> None:
    with (
        open_listener(ACME, HostId("h1"), free_port()) as listener,
        socket.create_connection(listener.getsockname()) as client,
        await accept(listener) as served,
    ):
        assert served.getpeername() == client.getsockname()
