import pytest

from dialback.domain.errors import Reason
from dialback.gateway.codes import code_of
from dialback.wire.tsgu.codes import ErrorCode, is_failure


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_code_that_clients_take_for_a_failure(reason: Reason) -> None:
    assert is_failure(code_of(reason))


def test_reasons_that_are_not_the_clients_business_are_one_and_the_same() -> None:
    assert {code_of(reason) for reason in (Reason.STORE_UNAVAILABLE, Reason.INTERNAL_ERROR)} == {
        ErrorCode.INTERNAL_ERROR
    }
