"""What `lsof` says of a connection; its output is as lsof 4.95 on Linux prints the same fields."""

import sys

import pytest

from dialback.console import owners, owners_darwin
from dialback.console.owners_darwin import is_ours_darwin, users_of

CLIENT, LISTENER = ("127.0.0.1", 52334), ("127.0.0.1", 33891)
PRINTED = """\
p812
u501
n127.0.0.1:33891->127.0.0.1:52334
p977
u501
n127.0.0.1:52334->127.0.0.1:33891
"""


def test_connection_is_of_whoever_holds_its_other_end() -> None:
    assert users_of(PRINTED, CLIENT, LISTENER) == {501}
    assert is_ours_darwin(CLIENT, LISTENER, lambda _: PRINTED, 501)


def test_own_end_of_the_connection_says_nothing() -> None:
    assert users_of("".join(PRINTED.splitlines(keepends=True)[:3]), CLIENT, LISTENER) == set()


@pytest.mark.parametrize(
    "printed",
    [
        "",
        PRINTED.replace("p977\nu501", "p977\nu502"),
        PRINTED.replace("p977\nu501", "p977"),
        PRINTED.replace("p977\nu501", "p977\nu²"),
        PRINTED.replace("52334->", "5233->"),
        PRINTED + "p978\nu502\nf3\nn127.0.0.1:52334->127.0.0.1:33891\n",
    ],
)
def test_connection_of_another_user_or_of_nobody_is_not_ours(printed: str) -> None:
    assert not is_ours_darwin(CLIENT, LISTENER, lambda _: printed, 501)


def test_lsof_that_is_not_there_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners_darwin, "LSOF", "/nowhere/lsof")
    assert not is_ours_darwin(CLIENT, LISTENER)


def test_redirector_asks_it_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        owners_darwin, "_lsof", lambda _: PRINTED.replace("u501", f"u{owners_darwin.os.getuid()}")
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    assert owners.is_ours(CLIENT, LISTENER, 1)
