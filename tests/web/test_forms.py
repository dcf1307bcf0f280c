import pytest
from starlette.requests import Request

from dialback.web.forms import MEDIA_TYPE, form_of
from dialback.wire.errors import WireError


def request(body: bytes, media_type: str = MEDIA_TYPE) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", media_type.encode())]}
    return Request(scope, receive)


async def test_fields_are_decoded() -> None:
    form = await form_of(request(b"a=%F0%9F%96%A5+x&b=&a=last", f"{MEDIA_TYPE}; charset=UTF-8"))
    assert form == {"a": "last", "b": ""}


async def test_no_body_is_no_field() -> None:
    assert await form_of(request(b"", "")) == {}


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a=1", "text/plain"),
        (b"a=1", ""),
        (b"a=\xff", MEDIA_TYPE),
        (b"a=%ff", MEDIA_TYPE),
        (b"a=" + b"x" * 17_000, MEDIA_TYPE),
        (b"&".join([b"a=1"] * 51), MEDIA_TYPE),
    ],
)
async def test_whatever_is_no_form_is_refused(body: bytes, media_type: str) -> None:
    with pytest.raises(WireError, match="expected"):
        await form_of(request(body, media_type))
