import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.console.owners_windows import decode_table, is_ours_windows, is_started_by, owner_in


def number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "little")


def port(value: int) -> int:
    return int.from_bytes(value.to_bytes(2, "big"), "little")


def table(*rows: tuple[str, int, str, int, int]) -> bytes:
    packed = [
        struct.pack("<IIIIII", 5, number(row[0]), port(row[1]), number(row[2]), port(row[3]), row[4])
        for row in rows
    ]
    return struct.pack("<I", len(rows)) + b"".join(packed)


ROWS = [("127.0.0.1", 50123, "127.70.8.9", 3389, 4242), ("10.0.0.5", 50124, "192.0.2.7", 443, 17)]


def test_rows_come_back_from_the_table() -> None:
    assert decode_table(table(*ROWS)) == ROWS


def test_table_that_claims_more_than_it_holds_is_read_as_far_as_it_goes() -> None:
    assert decode_table(struct.pack("<I", 99) + table(*ROWS)[4:]) == ROWS


@given(st.binary(max_size=200))
def test_any_bytes_are_some_rows(data: bytes) -> None:
    assert len(decode_table(data)) <= len(data) // 24


def test_owner_is_who_holds_the_clients_end() -> None:
    assert owner_in(ROWS, ("127.0.0.1", 50123), ("127.70.8.9", 3389)) == 4242
    assert owner_in(ROWS, ("127.0.0.1", 50123), ("127.70.8.10", 3389)) is None


@pytest.mark.parametrize(("process", "ours"), [(3, True), (5, True), (9, False), (1, False)])
def test_processes_that_the_client_started_are_ours(process: int, ours: bool) -> None:
    parents = {3: 1, 4: 3, 5: 4, 9: 1, 1: 0}

    assert is_started_by(parents, process, 3) is ours


def test_processes_that_started_each_other_are_nobodys() -> None:
    assert not is_started_by({5: 6, 6: 5}, 5, 3)


def test_elsewhere_nobody_is_let_in() -> None:
    assert not is_ours_windows(("127.0.0.1", 1), ("127.0.0.1", 2), 3)
