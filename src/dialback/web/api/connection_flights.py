"""Flight records by connection: for the tenant whose host was reached, and for the provider's staff.

A tenant sees all of its own. Of the provider's staff, administrators and auditors see those of the tenants
they serve; a technician sees only who they were themselves. What is answered is a whole copy, which
`dialback audit verify` judges; what it says of itself here is a help for people, not what proves it.

And `/provider/connections/{id}/proof`: what a technician's console has seen of the host's certificate.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from dialback.domain.audit import AuditEntry
from dialback.domain.flight import Flight, FlightProof
from dialback.domain.ids import ConnectionId, TenantId
from dialback.domain.provider import StaffRole
from dialback.web.api.consent import Some
from dialback.web.api.flights import FlightsView, view_of
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import Api, Body, Caller, Id, Me, View, note
from dialback.web.api.problems import not_there
from dialback.web.api.provider import InTenant, served_tenant
from dialback.web.api.provider_connections import OfTenant
from dialback.web.flight_copies import asked_in, read_flight

Fingerprint = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")]


class FlightCopyView(View):
    """A connection's flight record: the whole copy, lines of JSON, and what it was found to prove here.

    `proven` is whether both sides have signed all of it; `sentence` says what is proven, or what is wrong.
    `certificate` is the newest that a console said of the host's certificate, empty if none did.
    """

    connection: str
    begun_at: datetime
    count: int
    proven: bool
    sentence: str
    certificate: str
    export: str


class ProofBody(Body):
    """What a console has seen: the fingerprints of the certificate shown and of the one announced."""

    proven: Literal["proven", "other", "not-announced", "without-tls"]
    shown: Fingerprint = ""
    announced: Fingerprint = ""


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""

    @router.get("/connections/{id}/flight", summary="Read what happened on a connection, and what proves it")
    async def read_connection_flight(me: Me, id: Id) -> FlightCopyView:
        return await _read(api, me.tenant, id)

    @router.get("/provider/tenants/{tenant}/flights", summary="List the flight records of a tenant")
    async def list_served_flights(me: Me, tenant: InTenant, limit: Some = 100) -> FlightsView:
        found, _ = await served_tenant(api, me, tenant)
        flights = await api.provider.flights(found.id, limit)
        return FlightsView(items=[view_of(each) for each in flights if await _may_read(api, me, each)])

    @router.get("/provider/tenants/{tenant}/flights/{id}", summary="Read a flight record of a tenant")
    async def read_served_flight(me: Me, tenant: InTenant, id: Id) -> FlightCopyView:
        found, _ = await served_tenant(api, me, tenant)
        flight = await api.provider.flight(found.id, ConnectionId(id)) if is_id(id) else None
        if flight is None or not await _may_read(api, me, flight):
            raise not_there()
        return await _read(api, found.id, id)

    @router.post(
        "/provider/connections/{id}/proof",
        status_code=204,
        summary="Say what was seen of the host's certificate",
    )
    async def prove_reach(me: Me, id: Id, tenant: OfTenant, body: ProofBody) -> Response:
        found, _ = await served_tenant(api, me, tenant)
        request = await api.provider.consent_request(found.id, id) if is_id(id) else None
        if request is None or request.staff != me.person.name:
            raise not_there()
        if api.flight_proofs is not None:
            proof = FlightProof(body.proven, body.shown, body.announced, str(me.person.name))
            api.flight_proofs.proven(found.id, request.id, proof)
        _note(api, me, found.id, request.id, body)
        return Response(status_code=204)


async def _read(api: Api, tenant: TenantId, id: str) -> FlightCopyView:
    connection = ConnectionId(id if is_id(id) else "-")
    read = await read_flight(api.provider, api.store, api.platform_key, tenant, connection)
    if read is None:
        raise not_there()
    return FlightCopyView(
        connection=connection,
        begun_at=read.flight.begun_at,
        count=read.flight.end.count,
        proven=read.proven,
        sentence=read.sentence,
        certificate=read.certificate,
        export=read.export,
    )


async def _may_read(api: Api, me: Caller, flight: Flight) -> bool:
    if me.staff is None or me.staff.role is not StaffRole.TECHNICIAN:
        return True
    asked = asked_in(await api.provider.flight_lines(flight.tenant, flight.end.connection_id))
    return asked is not None and asked.facts.get("user") == me.person.name


def _note(api: Api, me: Caller, tenant: TenantId, request: str, body: ProofBody) -> None:
    """Write into both audit logs what was seen."""
    detail = f"{body.proven}: shown {body.shown or 'none'}, announced {body.announced or 'none'}"
    note(api, me, "connection.proof", f"consent-request:{tenant}/{request}", detail)
    theirs = AuditEntry(tenant, api.now(), me.actor, "connection.proof", f"consent-request:{request}", detail)
    api.recorder.note(theirs)
