"""`/provider/connections`: a technician asks for a way to a tenant's host, and hears what became of it.

What is given is a token for one consent request; it opens nothing by itself, since the host decides. Whoever
is refused here learns the reason, and the provider's audit log keeps it; what was asked stands in the audit
log of the tenant as well.
"""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.audit import AuditEntry
from dialback.domain.consent import ConsentRequest, ConsentScope, ConsentState
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import DEFAULT_TARGET, Host, RdpServer, parse_target
from dialback.domain.ids import HostId, ResourceName, TenantId
from dialback.domain.provider import Staff, StaffRole, Terms, check_reach
from dialback.identity.tokens import hash_token, make_token
from dialback.web.api.consent import consents_of
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import Api, Body, Caller, Id, Me, View, fitting, note
from dialback.web.api.problems import broken_rule, not_there
from dialback.web.api.provider import served_tenant, use_of

REQUEST_BYTES = 8
OfTenant = Annotated[str, Query(description="Id of the tenant.", min_length=1, max_length=200)]


class ReachBody(Body):
    """Where to, for what, and why. Without `target` a desktop is where the host's RDP server was found.

    `minutes` is how long the token is good; what it has opened ends with it.
    """

    tenant: str
    host: str
    purpose: str
    target: str = ""
    scope: ConsentScope = ConsentScope.DESKTOP
    ticket_number: str = ""
    minutes: Annotated[float, Field(strict=True, ge=0.1, le=480, allow_inf_nan=False)] = 480


class CertificateSignatureView(View):
    """The host key's signature of a target's certificate and of the instant, as the agent spelled them."""

    signed_at: str
    signature: str


class ReachView(View):
    """The way: token and alias for the gateway at `address`, `NAME:PORT`; and by what the host is known.

    `host_key` is hexadecimal; `certificates` has the SHA-256 of each target's RDP certificate, as the host's
    agent reports it, and `signatures` what proves that it does, for agents that sign.
    """

    request: str
    token: str
    alias: str
    address: str
    expires_at: datetime
    tenant: str
    host: str
    host_name: str
    host_key: str
    target: str
    certificates: dict[str, str]
    signatures: dict[str, CertificateSignatureView]
    state: ConsentState


class ReachStateView(View):
    """What became of what was asked."""

    request: str
    tenant: str
    host: str
    staff: str
    scope: ConsentScope
    target: str
    purpose: str
    ticket_number: str
    asked_at: datetime
    state: ConsentState


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""

    @router.post("/provider/connections", status_code=201, summary="Ask for a way to a tenant's host")
    async def reach_host(me: Me, body: ReachBody) -> ReachView:
        tenant = TenantId(body.tenant if is_id(body.tenant) else "-")
        terms = await api.provider.terms(tenant)
        staff = await _check(api, me, terms)
        host = await _host(api, terms, body.host)
        request = _request(api, me, staff, host, body)
        await api.provider.ask_consent(request)
        token, now = make_token(), api.now()
        kept = ConnectionToken(
            hash=hash_token(token),
            tenant=host.tenant,
            user_id=me.person.id,
            user=me.person.name,
            resource=ResourceName(request.id),
            issued_at=now,
            expires_at=now + timedelta(minutes=body.minutes),
            kind=TokenKind.PROVIDER,
        )
        await api.store.save_token(kept)
        _note(api, me, request)
        states = await consents_of(api).states(request.tenant, [request])
        return ReachView(
            request=request.id,
            token=token.reveal(),
            alias=kept.resource,
            address=api.address,
            expires_at=kept.expires_at,
            tenant=host.tenant,
            host=host.id,
            host_name=host.name,
            host_key=host.public_key.hex(),
            target=request.target,
            certificates={each.target: each.certificate_sha256 for each in _announced(host)},
            signatures={
                each.target: CertificateSignatureView.model_validate(each)
                for each in _announced(host)
                if each.signature
            },
            state=states[0].state,
        )

    @router.get("/provider/connections/{id}", summary="Say what became of what was asked")
    async def read_reach(me: Me, id: Id, tenant: OfTenant) -> ReachStateView:
        found, _ = await served_tenant(api, me, tenant)
        request = await api.provider.consent_request(found.id, id) if is_id(id) else None
        if request is None or not _may_read(me, request):
            raise not_there()
        (known,) = await consents_of(api).states(found.id, [request])
        return ReachStateView(
            request=request.id,
            tenant=request.tenant,
            host=request.host,
            staff=request.staff,
            scope=request.scope,
            target=request.target,
            purpose=request.purpose,
            ticket_number=request.ticket_number,
            asked_at=request.asked_at,
            state=known.state,
        )


def _may_read(me: Caller, request: ConsentRequest) -> bool:
    if me.staff is not None and me.staff.role is StaffRole.TECHNICIAN:
        return request.staff == me.person.name
    return True


async def _check(api: Api, me: Caller, terms: Terms) -> Staff:
    """Return the staff member who asks; keep it in the provider's audit log if they may not."""
    try:
        return check_reach(me.staff, terms, await use_of(api, terms.tenant), api.now())
    except Refused as refused:
        note(api, me, "connection.ask", f"tenant:{terms.tenant}", str(refused), allowed=False)
        raise


async def _host(api: Api, terms: Terms, id: str) -> Host:
    host = await api.store.host(terms.tenant, HostId(id)) if is_id(id) else None
    if host is None:
        raise not_there()
    if host.revoked_at is not None:
        raise Refused(Reason.HOST_REVOKED, host.name)
    return host


def _request(api: Api, me: Caller, staff: Staff, host: Host, body: ReachBody) -> ConsentRequest:
    if body.target and body.scope is not ConsentScope.DESKTOP:
        raise broken_rule("body.target", "expected none: only a desktop has one")
    target = body.target or (_usual_target(host) if body.scope is ConsentScope.DESKTOP else "")
    if target:
        fitting(parse_target, target)
    return fitting(
        ConsentRequest,
        id=secrets.token_hex(REQUEST_BYTES),
        tenant=host.tenant,
        host=host.id,
        staff=str(me.person.name),
        role=staff.role.value,
        scope=body.scope,
        target=target,
        purpose=body.purpose,
        asked_at=api.now(),
        ticket_number=body.ticket_number,
    )


def _usual_target(host: Host) -> str:
    """Return where the host's RDP server was found, the first that answers."""
    servers = host.report.rdp_servers if host.report else ()
    found = [server.target for server in sorted(servers, key=lambda server: not server.answers)]
    return found[0] if found else DEFAULT_TARGET


def _announced(host: Host) -> list[RdpServer]:
    servers = host.report.rdp_servers if host.report else ()
    return [server for server in servers if server.certificate_sha256]


def _note(api: Api, me: Caller, request: ConsentRequest) -> None:
    """Write into both audit logs who asked for what."""
    detail = f"{request.scope} {request.target}: {request.purpose} {request.ticket_number}".strip()
    note(api, me, "connection.ask", f"host:{request.tenant}/{request.host}", detail)
    actor = replace(me.actor, name=f"{me.tenant}\\{me.actor.name}")
    subject = f"consent-request:{request.id}"
    theirs = AuditEntry(
        request.tenant, api.now(), actor, "consent.ask", subject, f"host {request.host}: {detail}"
    )
    api.recorder.note(theirs)
