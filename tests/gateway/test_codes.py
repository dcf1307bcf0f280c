import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.errors import Reason
from dialback.domain.pools import USUAL_REDIRECTIONS, Redirection
from dialback.gateway.codes import code_of, redirection_flags
from dialback.wire.tsgu.codes import ErrorCode, is_failure


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_code_that_clients_take_for_a_failure(reason: Reason) -> None:
    assert is_failure(code_of(reason))


def test_reasons_that_are_not_the_clients_business_are_one_and_the_same() -> None:
    assert {code_of(reason) for reason in (Reason.STORE_UNAVAILABLE, Reason.INTERNAL_ERROR)} == {
        ErrorCode.INTERNAL_ERROR
    }


NAMED = {
    Redirection.DRIVES: 0x1,
    Redirection.PRINTERS: 0x2,
    Redirection.SERIAL_PORTS: 0x4,
    Redirection.CLIPBOARD: 0x8,
    Redirection.PLUG_AND_PLAY: 0x10,
}


@pytest.mark.parametrize(
    ("allowed", "flags"),
    [
        (frozenset(Redirection), 0x8000_0000),
        (frozenset(NAMED), 0x8000_0000),
        (frozenset(), 0x4000_0000),
        (USUAL_REDIRECTIONS, 0x17),
        (frozenset({Redirection.SOUND}), 0x1F),
        (frozenset(Redirection) - {Redirection.CLIPBOARD}, 0x8),
    ],
    ids=["all", "named", "none", "usual", "sound", "all-but-clipboard"],
)
def test_redirections_are_all_none_or_all_but_some(allowed: frozenset[Redirection], flags: int) -> None:
    assert redirection_flags(allowed) == flags


@given(st.frozensets(st.sampled_from(Redirection), min_size=1))
def test_client_is_told_of_each_redirection_it_must_not_use(allowed: frozenset[Redirection]) -> None:
    flags = redirection_flags(allowed)
    for redirection, bit in NAMED.items():
        assert bool(flags & bit) == (redirection not in allowed)
