"""`/consent`: what the provider asks of a tenant, and what the tenant answers.

A grant arrives signed, with keys that this server never has. What is said here of its signatures is a help
for people: the host verifies them by itself, with keys that were put there by hand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from dialback.domain.consent import ConsentRequest, ConsentScope, ConsentState, Denial, check_fit
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId, TenantId
from dialback.domain.provider import ConsentKey, KeptGrant, state_of
from dialback.identity.grants import (
    MAX_SIGNED_CHARS,
    ReadGrant,
    answering,
    build,
    fingerprint,
    merge,
    open_grant,
    parse,
    parse_public_key,
    read,
)
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import Api, Body, Caller, Id, Me, View, fitting, note
from dialback.web.api.problems import ApiProblem, ApiReason, broken_rule, not_there

MOST_REQUESTS = 500
MOST_GRANTS = 500
MOST_KEYS = 50
_ATTEMPTS = 5
Some = Annotated[int, Query(description="How many at most, newest first.", ge=1, le=MOST_REQUESTS)]
State = Annotated[ConsentState | None, Query(description="Only those in this state.")]
KeyName = Annotated[str, Path(description="Name of the key.", min_length=1, max_length=200)]


class GrantFactsView(View):
    """What a grant says. Without targets it is for all that the host allows; 0 uses are any number."""

    host: str
    staff: str
    scopes: list[ConsentScope]
    targets: list[str]
    purpose: str
    begins_at: datetime
    until: datetime
    approved_by: str
    ticket_number: str
    uses: int


class GrantView(View):
    """A grant that is kept. `text` is what the host is shown; `grant` is null if it can be none.

    `signed_by` names the tenant's registered keys whose signatures hold; `signatures` counts all.
    """

    id: str
    request: str
    state: ConsentState
    until: datetime
    revoked_at: datetime | None
    signed_by: list[str]
    signatures: int
    grant: GrantFactsView | None
    text: str


class RequestView(View):
    """Who of the provider asks for what, and what was answered."""

    id: str
    host: str
    host_name: str
    staff: str
    role: str
    scope: ConsentScope
    target: str
    purpose: str
    ticket_number: str
    asked_at: datetime
    state: ConsentState
    denied_by: str | None
    denied_at: datetime | None
    grant: GrantView | None


class RequestsView(View):
    """What was asked, newest first."""

    items: list[RequestView]


class GrantsView(View):
    """What was granted, newest first."""

    items: list[GrantView]


class GrantBody(Body):
    """A signed grant, as `dialback consent approve` makes it."""

    grant: Annotated[str, Field(max_length=MAX_SIGNED_CHARS)]


class KeyBody(Body):
    """The public half of a consent key: 64 hexadecimal characters."""

    public_key: Annotated[str, Field(max_length=100)]


class KeyView(View):
    """A consent key; `fingerprint` is the SHA-256 of its public half."""

    name: str
    public_key: str
    fingerprint: str


class KeysView(View):
    """The tenant's consent keys, by name."""

    items: list[KeyView]


@dataclass(frozen=True, slots=True)
class Known:
    """A request, what became of it, and how it was answered."""

    request: ConsentRequest
    state: ConsentState
    denial: Denial | None
    answer: ReadGrant | None


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_requests(router, api)
    _add_grants(router, api)
    _add_keys(router, api)


def _add_requests(router: APIRouter, api: Api) -> None:
    @router.get("/consent/requests", summary="List what the provider asks for, newest first")
    async def list_consent_requests(me: Me, limit: Some = 100, state: State = None) -> RequestsView:
        asked = await api.provider.consent_requests(me.tenant, limit)
        known = await states_of(api, me.tenant, asked)
        wanted = [each for each in known if state in (None, each.state)]
        return RequestsView(items=await _views(api, me, wanted))

    @router.get("/consent/requests/{id}", summary="Read what the provider asks for")
    async def read_consent_request(me: Me, id: Id) -> RequestView:
        (view,) = await _views(api, me, [await _known(api, me, id)])
        return view

    @router.post("/consent/requests/{id}/deny", status_code=204, summary="Deny what the provider asks for")
    async def deny_consent(me: Me, id: Id) -> None:
        known = await _known(api, me, id)
        if known.state not in (ConsentState.WAITING, ConsentState.LAPSED):
            raise ApiProblem(ApiReason.ALREADY_DECIDED)
        if not await api.provider.deny_consent(me.tenant, id, me.person.name, api.now()):
            raise ApiProblem(ApiReason.ALREADY_DECIDED)
        note(
            api, me, "consent.deny", f"consent-request:{id}", f"{known.request.staff} on {known.request.host}"
        )
        if api.consent_events is not None:
            await api.consent_events.denied(me.tenant, id)

    @router.put("/consent/requests/{id}/grant", summary="Keep the signed grant that answers a request")
    async def save_consent_grant(me: Me, id: Id, body: GrantBody) -> GrantView:
        known = await _known(api, me, id)
        if known.denial is not None:
            raise ApiProblem(ApiReason.ALREADY_DECIDED)
        kept = await _keep(api, known.request, body.grant)
        if kept is not None:
            note(
                api,
                me,
                "consent.grant",
                f"consent-request:{id}",
                f"grant {kept.id} until {kept.until.isoformat()}, {kept.signatures} signatures",
            )
            if api.consent_events is not None:
                await api.consent_events.granted(me.tenant, id)
        found = await api.provider.grant_for(me.tenant, id)
        if found is None:
            raise not_there()
        return _grant_view(api, read(found), await api.provider.consent_keys(me.tenant))


def _add_grants(router: APIRouter, api: Api) -> None:
    @router.get("/consent/grants", summary="List what was granted, newest first")
    async def list_consent_grants(me: Me, limit: Some = 100) -> GrantsView:
        keys = await api.provider.consent_keys(me.tenant)
        found = await api.provider.grants(me.tenant, limit)
        return GrantsView(items=[_grant_view(api, read(kept), keys) for kept in found])

    @router.delete("/consent/grants/{id}", status_code=204, summary="Revoke a grant: what it opened is cut")
    async def revoke_consent_grant(me: Me, id: Id) -> None:
        grant = GrantId(id)
        if not is_id(id) or not await api.provider.revoke_grant(me.tenant, grant, api.now()):
            raise not_there()
        note(api, me, "consent.revoke", f"grant:{id}")
        if api.consent_events is not None:
            await api.consent_events.revoked(me.tenant, grant)


def _add_keys(router: APIRouter, api: Api) -> None:
    @router.get("/consent/keys", summary="List the tenant's consent keys by name")
    async def list_consent_keys(me: Me) -> KeysView:
        found = await api.provider.consent_keys(me.tenant)
        return KeysView(items=[_key_view(key) for key in found])

    @router.put("/consent/keys/{name}", summary="Register the public half of a consent key")
    async def save_consent_key(me: Me, name: KeyName, body: KeyBody) -> KeyView:
        public_key = fitting(parse_public_key, body.public_key)
        key = fitting(ConsentKey, me.tenant, name, public_key)
        known = {each.name: each for each in await api.provider.consent_keys(me.tenant)}
        if name not in known and len(known) >= MOST_KEYS:
            raise broken_rule("path.name", f"expected {MOST_KEYS} keys at most")
        if known.get(name) != key:
            await api.provider.save_consent_key(key)
            note(api, me, "consent-key.save", f"consent-key:{name}", fingerprint(public_key))
        return _key_view(key)

    @router.delete("/consent/keys/{name}", status_code=204, summary="Forget a consent key; hosts do not")
    async def remove_consent_key(me: Me, name: KeyName) -> None:
        known = {each.name for each in await api.provider.consent_keys(me.tenant)}
        if name not in known or not await api.provider.remove_consent_key(me.tenant, name):
            raise not_there()
        note(api, me, "consent-key.remove", f"consent-key:{name}")


async def states_of(api: Api, tenant: TenantId, asked: Sequence[ConsentRequest]) -> list[Known]:
    """Return what became of each request of the tenant."""
    denials = await api.provider.denials(tenant, [request.id for request in asked])
    newest = [read(kept) for kept in await api.provider.grants(tenant, MOST_GRANTS)] if asked else []
    known = []
    for request in asked:
        answer, denial = answering(request, newest, api.now()), denials.get(request.id)
        state = state_of(request, answer.kept if answer else None, denial, api.now())
        known.append(Known(request, state, denial, answer))
    return known


async def _known(api: Api, me: Caller, id: str) -> Known:
    request = await api.provider.consent_request(me.tenant, id) if is_id(id) else None
    if request is None:
        raise not_there()
    (known,) = await states_of(api, me.tenant, [request])
    return known


async def _keep(api: Api, request: ConsentRequest, text: str) -> KeptGrant | None:
    """Keep a grant beside the signatures it has; None if it adds nothing.

    Raises:
        Refused: it does not answer the request, is over or unsigned, or its id is another's.
    """
    signed = parse(text)
    grant, _ = open_grant(signed, {})
    check_fit(request, grant)
    if api.now() >= grant.until:
        raise Refused(Reason.GRANT_EXPIRED, f"it ended {grant.until.isoformat()}")
    if not signed.signatures:
        raise Refused(Reason.GRANT_UNSIGNED, "expected a signature, got none")
    for _ in range(_ATTEMPTS):
        known = await api.provider.grant_for(request.tenant, request.id)
        both = signed
        if known is not None and known.id == grant.id:
            if known.revoked_at is not None:
                raise Refused(Reason.GRANT_REVOKED, grant.id)
            both = merge(parse(known.text), signed)
            if len(both.signatures) == known.signatures:
                return None
        wanted = KeptGrant(
            request.tenant, grant.id, request.id, build(both), grant.until, signatures=len(both.signatures)
        )
        if await api.provider.save_grant(wanted):
            return wanted
        if known is None or known.id != grant.id:
            # Unless somebody else kept it just now, which the next look shows, the id is another's.
            known = await api.provider.grant_for(request.tenant, request.id)
            if known is None or known.id != grant.id:
                break
    raise Refused(Reason.GRANT_OTHER, "another grant has its id")


async def _views(api: Api, me: Caller, known: Iterable[Known]) -> list[RequestView]:
    names = {host.id: host.name for host in await api.store.hosts() if host.tenant == me.tenant}
    keys = await api.provider.consent_keys(me.tenant)
    return [_request_view(api, each, names, keys) for each in known]


def _request_view(
    api: Api, known: Known, names: dict[HostId, str], keys: Sequence[ConsentKey]
) -> RequestView:
    request, denial = known.request, known.denial
    return RequestView(
        id=request.id,
        host=request.host,
        host_name=names.get(request.host, ""),
        staff=request.staff,
        role=request.role,
        scope=request.scope,
        target=request.target,
        purpose=request.purpose,
        ticket_number=request.ticket_number,
        asked_at=request.asked_at,
        state=known.state,
        denied_by=denial.by if denial else None,
        denied_at=denial.at if denial else None,
        grant=_grant_view(api, known.answer, keys) if known.answer else None,
    )


def _grant_view(api: Api, known: ReadGrant, keys: Sequence[ConsentKey]) -> GrantView:
    kept = known.kept
    names = {fingerprint(key.public_key): key for key in keys}
    trusted = {print: key.public_key for print, key in names.items()}
    held = open_grant(known.signed, trusted)[1] if known.signed and known.grant else frozenset()
    state = ConsentState.GRANTED if api.now() < kept.until else ConsentState.EXPIRED
    return GrantView(
        id=kept.id,
        request=kept.request,
        state=ConsentState.REVOKED if kept.revoked_at else state,
        until=kept.until,
        revoked_at=kept.revoked_at,
        signed_by=sorted(names[print].name for print in held),
        signatures=kept.signatures,
        grant=_facts(known),
        text=kept.text,
    )


def _facts(known: ReadGrant) -> GrantFactsView | None:
    grant = known.grant
    if grant is None:
        return None
    names = [name for name in GrantFactsView.model_fields if name not in ("scopes", "targets")]
    return GrantFactsView(
        scopes=sorted(grant.scopes),
        targets=sorted(grant.targets),
        **{name: getattr(grant, name) for name in names},
    )


def _key_view(key: ConsentKey) -> KeyView:
    return KeyView(name=key.name, public_key=key.public_key.hex(), fingerprint=fingerprint(key.public_key))
