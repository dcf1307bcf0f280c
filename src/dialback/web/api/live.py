"""`/sessions`, `/connections` and `/approvals`: what goes on, and what can be done to it.

A user sees and handles their own; helpdesk and above, everybody's of the tenant. But nobody approves for
somebody else: that it is the user who connects is what an approval says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from dialback.domain.approvals import Approval, Cause, Decision, choices, decision_by
from dialback.domain.audit import ActorKind
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, UserName
from dialback.domain.names import check_text
from dialback.domain.orders import SessionAction, check_message
from dialback.domain.records import RecordFilter, users_of
from dialback.domain.sessions import (
    ConnectionRecord,
    Session,
    SessionFilter,
    SessionState,
    is_session_of,
)
from dialback.domain.tenancy import User
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import (
    After,
    Api,
    Body,
    Caller,
    Id,
    Limit,
    Me,
    PageView,
    View,
    Whole,
    fitting,
    note,
)
from dialback.web.api.problems import ApiProblem, ApiReason, not_there
from dialback.web.session_orders import order_noted

OPEN = "open"
"""The state of a connection that has no reason yet."""


class SessionView(View):
    """One session as its host reports it; `since` is when its state began.

    `host_name` is null where the host is gone. `locked` is null if the host does not tell whether the screen
    is locked.
    """

    host: str
    host_name: str | None
    id: str
    user: str
    state: SessionState
    since: datetime
    locked: bool | None


class MessageBody(Body):
    """What a message shows in the session."""

    text: str


class TotalsView(View):
    """Bytes of the RDP stream that the relay moved."""

    to_client_bytes: int
    to_host_bytes: int


class ConnectionView(View):
    """One attempt to reach a resource; `reason` is why it was refused or ended, null while it is open.

    `timeline_ms` has the stages that were reached, in order, each with its milliseconds. `tenant` is null
    of an attempt that was admitted to nothing, `host_name` also where the host is gone.
    """

    id: str
    tenant: str | None
    opened_at: datetime
    ended_at: datetime | None
    user: str | None
    resource: str | None
    host: str | None
    host_name: str | None
    because: str | None
    transport: str
    client_address: str
    client_name: str
    reason: str | None
    detail: str
    totals: TotalsView
    timeline_ms: dict[str, float]


class ApprovalView(View):
    """A connection that waits. `choices` has the numbers to show, of which one is right; empty for none.

    `user_name` is the id again of a user who is gone.
    """

    id: str
    user: str
    user_name: str
    resource: str
    cause: Cause
    choices: list[int]
    client_address: str
    client_name: str
    asked_at: datetime
    expires_at: datetime


class ApproveBody(Body):
    """The number that was picked; a wrong one denies. Null where the approval has no numbers."""

    number: Whole | None = None


class DecisionView(View):
    """What became of the approval."""

    decision: Decision


Text = Annotated[str, Query(max_length=260)]
State = Annotated[str, Query(description="`open`, or a reason.", max_length=64)]
Nobodys = Annotated[
    bool, Query(description="Those admitted to nothing, for whoever has the server's data folder.")
]
All = Annotated[bool, Query(description="Everybody's, for helpdesk and above.")]


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_sessions(router, api)
    _add_connections(router, api)
    _add_approvals(router, api)


def _add_sessions(router: APIRouter, api: Api) -> None:
    @router.get("/sessions", summary="List sessions by host")
    async def list_sessions(
        me: Me, after: After = "", limit: Limit = 100, host: Text = "", user: Text = ""
    ) -> PageView[SessionView]:
        whose = users_of(UserName(user) if user else None, None if me.sees_all() else me.person.name)
        wanted = SessionFilter(HostId(host) if host else None, whose)
        page = await api.directory.session_page(me.tenant, wanted, after, limit)
        names = await api.store.host_names(me.tenant, {each.host for each in page.items})
        items = [SessionView(**asdict(each), host_name=names.get(each.host)) for each in page.items]
        return PageView(items=items, after=page.after)

    @router.post("/sessions/{host_id}/{id}/message", status_code=204, summary="Show a message in a session")
    async def message_session(me: Me, host_id: Id, id: Id, body: MessageBody) -> None:
        text = fitting(check_message, body.text)
        await order(me, host_id, id, SessionAction.MESSAGE, text)

    @router.post(
        "/sessions/{host_id}/{id}/disconnect", status_code=204, summary="Disconnect a session, which goes on"
    )
    async def disconnect_session(me: Me, host_id: Id, id: Id) -> None:
        await order(me, host_id, id, SessionAction.DISCONNECT)

    @router.post("/sessions/{host_id}/{id}/log-off", status_code=204, summary="End a session")
    async def log_off_session(me: Me, host_id: Id, id: Id) -> None:
        await order(me, host_id, id, SessionAction.LOG_OFF)

    async def order(me: Caller, host_id: str, id: str, action: SessionAction, text: str = "") -> None:
        listed = await api.directory.sessions(me.tenant, HostId(host_id)) if is_id(host_id) else ()
        found = next((each for each in listed if each.id == id and is_own(me, each)), None)
        if found is None:
            raise not_there()
        if api.orders is None:
            raise ApiProblem(ApiReason.NOT_AVAILABLE, "no agent link takes orders to sessions")
        await order_noted(api.orders, partial(note, api, me), found, action, text)


def is_own(me: Caller, session: Session) -> bool:
    """Say whether the caller may see the session."""
    return me.sees_all() or (me.user is not None and is_session_of(session, me.user.name))


def _add_connections(router: APIRouter, api: Api) -> None:
    @router.get("/connections", summary="List connections, newest first")
    async def list_connections(
        me: Me,
        after: After = "",
        limit: Limit = 100,
        user: Text = "",
        resource: Text = "",
        host: Text = "",
        state: State = "",
        nobodys: Nobodys = False,
    ) -> PageView[ConnectionView]:
        if nobodys and not _has_folder(me):
            return PageView(items=[])
        whose = UserName(user) if me.sees_all() else me.person.name
        if not me.sees_all() and user not in ("", whose):
            return PageView(items=[])
        wanted = _wanted(whose, resource, host, state)
        if wanted is None:
            return PageView(items=[])
        page = await api.store.connection_page(None if nobodys else me.tenant, wanted, after, limit)
        return PageView(items=await _connection_views(api, page.items), after=page.after)

    @router.get("/connections/{id}", summary="Read a connection with its timeline")
    async def read_connection(me: Me, id: Id) -> ConnectionView:
        [shown] = await _connection_views(api, [await _connection(api, me, id)])
        return shown

    @router.post("/connections/{id}/cut", status_code=204, summary="End a connection; its session goes on")
    async def cut_connection(me: Me, id: Id) -> None:
        record = await _connection(api, me, id)
        if not await api.connections.cut([record.id], Reason.CUT_BY_ADMINISTRATOR, f"by {me.actor.name}"):
            raise ApiProblem(ApiReason.ALREADY_ENDED)
        note(api, me, "connection.cut", f"connection:{id}", f"user {record.user}")


def _wanted(user: str, resource: str, host: str, state: str) -> RecordFilter | None:
    """Return what is asked for; None if no connection can be that."""
    try:
        for text in (user, resource, host):
            check_text(text, "what is looked for")
        reason = Reason(state) if state not in ("", OPEN) else None
    except ValueError:
        return None
    return RecordFilter(
        users_of(UserName(user) if user else None),
        ResourceName(resource) if resource else None,
        HostId(host) if host else None,
        reason,
        is_open=state == OPEN,
    )


async def _connection(api: Api, me: Caller, id: str) -> ConnectionRecord:
    record = await api.store.connection(me.tenant, ConnectionId(id)) if is_id(id) else None
    if record is None and is_id(id) and _has_folder(me):
        record = await api.store.connection(None, ConnectionId(id))
    if record is None or not (me.sees_all() or record.user == me.person.name):
        raise not_there()
    return record


def _has_folder(me: Caller) -> bool:
    """Say whether the caller has the server's data folder, and so sees what is nobody's."""
    return me.actor.kind is ActorKind.LOCAL


async def _connection_views(api: Api, records: Sequence[ConnectionRecord]) -> list[ConnectionView]:
    """Return what is shown of connections of one tenant: all but the tokens' hashes."""
    hosts = {each.host_id for each in records if each.host_id and each.tenant}
    tenants = [each.tenant for each in records if each.tenant]
    names = await api.store.host_names(tenants[0], hosts) if tenants else {}
    return [_connection_view(each, names) for each in records]


def _connection_view(record: ConnectionRecord, names: Mapping[HostId, str]) -> ConnectionView:
    return ConnectionView(
        id=record.id,
        tenant=record.tenant,
        opened_at=record.opened_at,
        ended_at=record.ended_at,
        user=record.user,
        resource=record.resource,
        host=record.host_id,
        host_name=names.get(record.host_id) if record.host_id else None,
        because=record.because,
        transport=record.transport,
        client_address=record.client_address,
        client_name=record.client_name,
        reason=record.reason,
        detail=record.detail,
        totals=TotalsView.model_validate(record.totals),
        timeline_ms={stage.value: ms for stage, ms in record.timeline.items()},
    )


def _add_approvals(router: APIRouter, api: Api) -> None:
    @router.get("/approvals", summary="List the connections that wait for an approval, oldest first")
    async def list_approvals(
        me: Me, after: After = "", limit: Limit = 100, all: All = False
    ) -> PageView[ApprovalView]:
        whose = None if all and me.sees_all() else me.person.id
        page = await api.approvals.waiting_page(me.tenant, api.now(), whose, after, limit)
        users = await api.directory.some(User, me.tenant, {each.user for each in page.items})
        views = [_approval_view(each, users.get(each.user)) for each in page.items]
        return PageView(items=views, after=page.after)

    @router.post("/approvals/{id}/approve", summary="Let a connection of one's own that waits go on")
    async def approve(me: Me, id: Id, body: ApproveBody) -> DecisionView:
        approval = await _approval(api, me, id)
        if not _may_approve(me, approval):
            detail = _detail(approval)
            note(api, me, "connection.approve", f"connection:{approval.id}", detail, allowed=False)
            raise ApiProblem(ApiReason.NOT_ITS_USER)
        return await decide(me, approval, decision_by(approval, body.number))

    @router.post("/approvals/{id}/deny", summary="Refuse a connection that waits")
    async def deny(me: Me, id: Id) -> DecisionView:
        return await decide(me, await _approval(api, me, id), Decision.DENIED)

    async def decide(me: Caller, approval: Approval, decision: Decision) -> DecisionView:
        done = await api.approvals.decide(me.tenant, approval.id, decision, me.person.name, api.now())
        if not done:
            raise ApiProblem(ApiReason.ALREADY_DECIDED)
        verb = "approve" if decision is Decision.APPROVED else "deny"
        note(api, me, f"connection.{verb}", f"connection:{approval.id}", _detail(approval))
        return DecisionView(decision=decision)


async def _approval(api: Api, me: Caller, id: str) -> Approval:
    approval = await api.approvals.approval(me.tenant, ConnectionId(id)) if is_id(id) else None
    if approval is None or not (me.sees_all() or approval.user == me.person.id):
        raise not_there()
    return approval


def _may_approve(me: Caller, approval: Approval) -> bool:
    return approval.user == me.person.id or _has_folder(me)


def _detail(approval: Approval) -> str:
    return f"{approval.resource} for user {approval.user}"


def _approval_view(approval: Approval, user: User | None) -> ApprovalView:
    return ApprovalView(
        id=approval.id,
        user=approval.user,
        user_name=user.name if user else approval.user,
        resource=approval.resource,
        cause=approval.cause,
        choices=list(choices(approval)),
        client_address=approval.client_address,
        client_name=approval.client_name,
        asked_at=approval.asked_at,
        expires_at=approval.expires_at,
    )
