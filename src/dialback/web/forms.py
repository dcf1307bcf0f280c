"""What a page's form sent: bounded, decoded, every name once."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from dialback.web.body import BODY_BYTES, read_body
from dialback.wire.errors import WireError

MAX_FIELDS = 50
MEDIA_TYPE = "application/x-www-form-urlencoded"


async def form_of(request: Request) -> Mapping[str, str]:
    """Return the fields of the form; of a name that is there twice, the last.

    Raises:
        WireError: it is no form, larger than 16 KiB, of more than 50 fields, or not in UTF-8.
    """
    body = await read_body(request, BODY_BYTES)
    if not body:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise WireError(f"expected {MEDIA_TYPE}, got {media_type[:80]!r}")
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise WireError(f"expected the fields of a form: {error}") from None
    return dict(fields)


Form = Annotated[Mapping[str, str], Depends(form_of)]
