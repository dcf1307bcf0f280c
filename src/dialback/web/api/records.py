"""`/audit` and `/api-tokens`: what was done and by whom, and the programs that may do something."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from dialback.domain.accounts import Scope
from dialback.domain.audit import MAX_PAGE, ActorKind
from dialback.domain.names import check_name, check_text
from dialback.web.api.parts import After, Api, Body, Id, Limit, Me, PageView, View, fitting, note
from dialback.web.api.problems import broken_rule, not_there


class ActorView(View):
    """Who acted, under the name they had then."""

    kind: ActorKind
    name: str
    address: str


class AuditEntryView(View):
    """One change or decision."""

    number: int
    at: datetime
    actor: ActorView
    action: str
    subject: str
    detail: str
    allowed: bool


class ApiTokenBody(Body):
    """What a token is to be good for; `days` null for one that is good until it is revoked."""

    name: str
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    days: Annotated[float, Field(strict=True, gt=0, le=3650, allow_inf_nan=False)] | None = 365


class ApiTokenView(View):
    """A token, without its secret."""

    id: str
    name: str
    scopes: Annotated[list[Scope], BeforeValidator(sorted)]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class MadeApiTokenView(ApiTokenView):
    """A token with its secret, which is shown this once."""

    secret: str


class ApiTokensView(View):
    """The tenant's tokens, newest first."""

    items: list[ApiTokenView]


Prefix = Annotated[str, Query(description="Actions that begin like this.", max_length=100)]
By = Annotated[str, Query(description="Entries of whoever has this name.", max_length=300)]


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_audit(router, api)
    _add_tokens(router, api)


def _add_audit(router: APIRouter, api: Api) -> None:
    @router.get("/audit", summary="List the audit log, newest first")
    async def list_audit_entries(
        me: Me, after: After = "", limit: Limit = 100, action: Prefix = "", actor: By = ""
    ) -> PageView[AuditEntryView]:
        for text in (action, actor):
            fitting(check_text, text, "filter")
        found = await api.audit.entries(me.tenant, _number(after), limit, action, actor)
        last = str(found[-1].number) if len(found) == min(limit, MAX_PAGE) else ""
        return PageView(items=[AuditEntryView.model_validate(each) for each in found], after=last)


def _number(after: str) -> int | None:
    """Return the number that a cursor of the audit log is."""
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise broken_rule("query.after", "the cursor is damaged; begin with the first page")
    return int(after)


def _add_tokens(router: APIRouter, api: Api) -> None:
    @router.get("/api-tokens", summary="List API tokens, newest first")
    async def list_api_tokens(me: Me) -> ApiTokensView:
        found = await api.accounts.api_tokens(me.tenant)
        return ApiTokensView(items=[ApiTokenView.model_validate(each) for each in found])

    @router.post("/api-tokens", status_code=201, summary="Make an API token; its secret is shown this once")
    async def make_api_token(me: Me, body: ApiTokenBody) -> MadeApiTokenView:
        fitting(check_name, body.name, "API token name")
        life = timedelta(days=body.days) if body.days is not None else None
        # Who has the data folder acts for the server, under whatever user's id they do so.
        maker = None if me.actor.kind is ActorKind.LOCAL else me.person.id
        token, secret = await api.authenticator.make_api_token(
            me.tenant, body.name, frozenset(body.scopes), me.person.name, life, maker
        )
        detail = f"{body.name}: {', '.join(sorted(body.scopes))}"
        note(api, me, "api-token.make", f"api-token:{token.id}", detail)
        plain = ApiTokenView.model_validate(token).model_dump()
        return MadeApiTokenView(**plain, secret=secret.reveal())

    @router.delete("/api-tokens/{id}", status_code=204, summary="Revoke an API token")
    async def revoke_api_token(me: Me, id: Id) -> None:
        known = {token.id: token for token in await api.accounts.api_tokens(me.tenant)}
        if id not in known:
            raise not_there()
        if await api.accounts.revoke_api_token(me.tenant, id, api.now()):
            note(api, me, "api-token.revoke", f"api-token:{id}", known[id].name)
