"""`/provider/connections/{id}/end`: why a visit was refused or has ended, for whoever made it.

The RDP client behind a redirector sees a connection close and no more. What is asked here is told for the
token by which the visit was made, and nothing else: whoever was taken off the staff, or whose sign-in has
ended, is to learn that this is why.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from dialback.domain.access import TokenKind
from dialback.domain.errors import SENTENCES, Reason, told_detail
from dialback.domain.provider import visitor_name
from dialback.domain.records import RecordFilter, users_of
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord
from dialback.identity.tokens import hash_token
from dialback.web.api.parts import Api, Body, Id, View
from dialback.web.api.problems import not_there


class EndBody(Body):
    """The token that was given for the request, good or not."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class ReachEndView(View):
    """How the newest connection of a request stands: `reason` is null while it is open, or if there is none.

    `sentence` says the reason for people; `detail` what is particular to this connection.
    """

    request: str
    ended_at: datetime | None
    reason: Reason | None
    sentence: str
    detail: str


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the route."""

    @router.post("/provider/connections/{id}/end", summary="Say why what a token opened has ended")
    async def read_reach_end(id: Id, body: EndBody) -> ReachEndView:
        token, _ = await api.store.token(hash_token(Secret(body.token)))
        if token is None or token.kind is not TokenKind.PROVIDER or token.resource != id:
            raise not_there()
        wanted = RecordFilter(users_of(visitor_name(token.user)), token.resource)
        newest = await api.store.connection_page(token.tenant, wanted, limit=1)
        return _view(id, next(iter(newest.items), None))


def _view(request: str, record: ConnectionRecord | None) -> ReachEndView:
    if record is None or record.reason is None:
        return ReachEndView(request=request, ended_at=None, reason=None, sentence="", detail="")
    return ReachEndView(
        request=request,
        ended_at=record.ended_at,
        reason=record.reason,
        sentence=SENTENCES[record.reason],
        detail=told_detail(record.reason, record.detail),
    )
