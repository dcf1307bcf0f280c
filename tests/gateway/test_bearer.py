import pytest

from dialback.domain.errors import Reason, Refused
from dialback.gateway.bearer import bearer_of
from dialback.wire.head import RequestHead


def head(*values: str) -> RequestHead:
    return RequestHead("GET", "/", tuple(("authorization", value) for value in values))


@pytest.mark.parametrize("value", ["Bearer abc", "bearer abc", "BEARER  abc "])
def test_token_is_what_follows_the_scheme(value: str) -> None:
    assert bearer_of(head(value)) == "abc"


@pytest.mark.parametrize("values", [(), ("",), ("Bearer",), ("Basic YTpi",), ("abc",)])
def test_head_without_a_bearer_token_is_refused(values: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        bearer_of(head(*values))
    assert refused.value.reason is Reason.TOKEN_MISSING
