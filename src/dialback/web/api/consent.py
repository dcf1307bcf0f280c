"""`/consent`: what the provider asks of a tenant, and what the tenant answers.

What all of it means, and what is refused, is in `web/consents.py`, which the portal stands on too.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from dialback.domain.consent import ConsentScope, ConsentState
from dialback.domain.ids import GrantId, HostId
from dialback.domain.provider import ConsentKey
from dialback.identity.grants import MAX_SIGNED_CHARS, ReadGrant, fingerprint, parse_public_key, read
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import Api, Body, Caller, Id, Me, View, fitting, note
from dialback.web.api.problems import ApiProblem, ApiReason, broken_rule, not_there
from dialback.web.consents import MOST_KEYS, MOST_REQUESTS, Consents, Known, Unheard, grant_state, signers_of

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


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_requests(router, api)
    _add_grants(router, api)
    _add_keys(router, api)


def _add_requests(router: APIRouter, api: Api) -> None:
    @router.get("/consent/requests", summary="List what the provider asks for, newest first")
    async def list_consent_requests(me: Me, limit: Some = 100, state: State = None) -> RequestsView:
        asked = await api.provider.consent_requests(me.tenant, limit)
        known = await consents_of(api).states(me.tenant, asked)
        wanted = [each for each in known if state in (None, each.state)]
        return RequestsView(items=await _views(api, me, wanted))

    @router.get("/consent/requests/{id}", summary="Read what the provider asks for")
    async def read_consent_request(me: Me, id: Id) -> RequestView:
        (view,) = await _views(api, me, [await _known(api, me, id)])
        return view

    @router.post("/consent/requests/{id}/deny", status_code=204, summary="Deny what the provider asks for")
    async def deny_consent(me: Me, id: Id) -> None:
        known = await _known(api, me, id)
        if not await consents_of(api).deny(known, me.person.name):
            raise ApiProblem(ApiReason.ALREADY_DECIDED)
        note(
            api, me, "consent.deny", f"consent-request:{id}", f"{known.request.staff} on {known.request.host}"
        )
        await consents_of(api).events.denied(me.tenant, id)

    @router.put("/consent/requests/{id}/grant", summary="Keep the signed grant that answers a request")
    async def save_consent_grant(me: Me, id: Id, body: GrantBody) -> GrantView:
        known = await _known(api, me, id)
        if known.denial is not None:
            raise ApiProblem(ApiReason.ALREADY_DECIDED)
        kept = await consents_of(api).keep(known.request, body.grant)
        if kept is not None:
            note(
                api,
                me,
                "consent.grant",
                f"consent-request:{id}",
                f"grant {kept.id} until {kept.until.isoformat()}, {kept.signatures} signatures",
            )
            await consents_of(api).events.granted(me.tenant, id)
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
        await consents_of(api).events.revoked(me.tenant, grant)


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


def consents_of(api: Api) -> Consents:
    """Return requests and grants behind the API."""
    return Consents(api.provider, api.now, api.consent_events or Unheard())


async def _known(api: Api, me: Caller, id: str) -> Known:
    known = await consents_of(api).request(me.tenant, id) if is_id(id) else None
    if known is None:
        raise not_there()
    return known


async def _views(api: Api, me: Caller, known: Collection[Known]) -> list[RequestView]:
    names = await api.store.host_names(me.tenant, {each.request.host for each in known})
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
    return GrantView(
        id=kept.id,
        request=kept.request,
        state=grant_state(kept, api.now()),
        until=kept.until,
        revoked_at=kept.revoked_at,
        signed_by=signers_of(known, keys),
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
