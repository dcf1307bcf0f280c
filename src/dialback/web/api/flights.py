"""`/flights`: the flight records of what the provider did in the tenant, as they are kept.

Whether a chain is whole is for its reader to check, with lines and signatures that stand here unchanged.
"""

from datetime import datetime

from fastapi import APIRouter

from dialback.domain.flight import Flight, SignedHead
from dialback.domain.ids import ConnectionId
from dialback.web.api.consent import Some
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import Api, Id, Me, View
from dialback.web.api.problems import not_there


class SignedHeadView(View):
    """A head that was signed; signatures are hexadecimal, empty while one has not signed."""

    count: int
    hash: str
    agent_signature: str
    platform_signature: str


class FlightView(View):
    """A chain by its connection: when it began, its end, and the newest head that was signed."""

    connection: str
    begun_at: datetime
    count: int
    hash: str
    signed: SignedHeadView | None


class FlightsView(View):
    """The tenant's chains, newest first."""

    items: list[FlightView]


class FlightLinesView(FlightView):
    """A chain with its entries, each a line of JSON in its one spelling."""

    lines: list[str]


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""

    @router.get("/flights", summary="List flight records, newest first")
    async def list_flights(me: Me, limit: Some = 100) -> FlightsView:
        found = await api.provider.flights(me.tenant, limit)
        return FlightsView(items=[view_of(flight) for flight in found])

    @router.get("/flights/{id}", summary="Read the flight record of a connection")
    async def read_flight(me: Me, id: Id) -> FlightLinesView:
        connection = ConnectionId(id)
        flight = await api.provider.flight(me.tenant, connection) if is_id(id) else None
        if flight is None:
            raise not_there()
        lines = await api.provider.flight_lines(me.tenant, connection)
        return FlightLinesView(**view_of(flight).model_dump(), lines=list(lines))


def view_of(flight: Flight) -> FlightView:
    """Return a chain as it is listed."""
    return FlightView(
        connection=flight.end.connection_id,
        begun_at=flight.begun_at,
        count=flight.end.count,
        hash=flight.end.hash,
        signed=_signed(flight.signed) if flight.signed else None,
    )


def _signed(signed: SignedHead) -> SignedHeadView:
    return SignedHeadView(
        count=signed.head.count,
        hash=signed.head.hash,
        agent_signature=signed.agent_signature.hex(),
        platform_signature=signed.platform_signature.hex(),
    )
