import pytest

from dialback.wire.tsgu.codes import ErrorCode, Redirection, hresult, is_failure


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ErrorCode.SUCCESS, 0),
        (ErrorCode.MAX_CONNECTIONS_REACHED, 0x800759E6),
        (ErrorCode.GRACEFUL_DISCONNECT, 0x800704CA),
        (ErrorCode.INTERNAL_ERROR, 0x800759D8),
        (ErrorCode.LOGON_DENIED, 0x8009030C),
    ],
)
def test_short_codes_gain_the_failure_bit_and_others_stay(code, expected):
    assert hresult(code) == expected


def test_every_error_is_a_failure_once_it_is_an_hresult():
    assert [code for code in ErrorCode if not is_failure(hresult(code))] == [ErrorCode.SUCCESS]


def test_short_codes_count_as_success_to_clients():
    assert not is_failure(ErrorCode.MAX_CONNECTIONS_REACHED)


def test_disabling_classes_does_not_touch_the_overall_bits():
    classes = [flag for flag in Redirection if flag < Redirection.DISABLE_ALL]
    assert sum(classes) == 0x1F
