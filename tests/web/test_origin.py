import pytest
from fastapi import Request

from dialback.web.origin import MAX_CLIENT_CHARS, is_from_loopback, origin_of


def request_of(peer: str | None, **headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    client = None if peer is None else (peer, 50000)
    return Request({"type": "http", "headers": raw, "client": client})


def test_origin_is_the_peer_and_what_its_client_calls_itself() -> None:
    origin = origin_of(request_of("192.0.2.7", **{"user-agent": "TSWorkspace/2.0"}))

    assert (origin.address, origin.client) == ("192.0.2.7", "TSWorkspace/2.0")


def test_forwarding_headers_are_not_believed() -> None:
    assert origin_of(request_of("192.0.2.7", **{"x-forwarded-for": "127.0.0.1"})).address == "192.0.2.7"


def test_client_is_cut_to_its_bound() -> None:
    assert len(origin_of(request_of("::1", **{"user-agent": "x" * 5000})).client) == MAX_CLIENT_CHARS


@pytest.mark.parametrize(
    ("peer", "here"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), (None, False)]
)
def test_loopback_is_this_machine(peer: str | None, here: bool) -> None:
    assert is_from_loopback(request_of(peer)) is here
