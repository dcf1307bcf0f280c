"""A broker whose connections have flight records: who asked, on what ground they came in, and how it ended.

Those of the provider's staff have one always, others where the settings say so. A refusal before a host was
chosen reaches no host and has no record; the audit log has it.
"""

from dialback.broker.flights import Facts, Flights
from dialback.domain.access import TokenKind
from dialback.domain.contracts import Admission, Attempt, Broker, DialOrder, Placement, Visit
from dialback.domain.errors import Refused
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord
from dialback.identity.grants import open_grant, parse


class RecordedBroker(Broker):
    """Another broker, and what the flight recorder is told of its connections.

    Args:
        everybody: whether connections of ordinary users are recorded too.
    """

    def __init__(self, broker: Broker, flights: Flights, everybody: bool = False) -> None:
        self._broker = broker
        self._flights = flights
        self._everybody = everybody

    async def admit(self, token: Secret) -> Admission:
        return await self._broker.admit(token)

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        placement = await self._broker.place(admission, attempt)
        if self._everybody or admission.kind is TokenKind.PROVIDER:
            request = placement.visit.request.id if placement.visit else ""
            asked = _asked(admission, attempt, placement)
            self._flights.begin(admission.tenant, attempt.connection_id, placement.host_id, asked, request)
        return placement

    async def dial(self, order: DialOrder) -> None:
        # Noted before, since the host leg may be there before the agent has said that it has dialled.
        self._flights.ordered(order.connection_id, _ground(order.visit))
        await self._broker.dial(order)

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        return await self._broker.consent(placement, attempt)

    async def opened(self, record: ConnectionRecord) -> None:
        self._flights.opened(record)
        await self._broker.opened(record)

    async def ended(self, record: ConnectionRecord) -> None:
        self._flights.ended(record)
        await self._broker.ended(record)


def _asked(admission: Admission, attempt: Attempt, placement: Placement) -> Facts:
    """Return who asked for what, and why."""
    asked = {
        "user": admission.user,
        "from": attempt.client_address,
        "resource": admission.resource,
        "target": placement.target,
        "because": placement.because.value,
    }
    if placement.notice:
        asked["notice"] = placement.notice
    if placement.visit is not None:
        request = placement.visit.request
        asked |= {
            "user": request.staff,
            "role": request.role,
            "scope": request.scope.value,
            "target": request.target,
            "purpose": request.purpose,
            "ticket_number": request.ticket_number,
            "request": request.id,
        }
    return asked


def _ground(visit: Visit | None) -> Facts:
    """Return on what ground the host lets them in, as the platform knows it: the host decides itself."""
    if visit is None:
        return {"ground": "assignment"}
    if not visit.grant:
        return {"ground": "policy"}
    try:
        signed = parse(visit.grant)
        grant, _ = open_grant(signed, {})
    except Refused as refused:
        return {"ground": "grant", "problem": str(refused)}
    return {
        "ground": "grant",
        "grant": grant.id,
        "approved_by": grant.approved_by,
        "until": grant.until.isoformat(),
        "keys": " ".join(sorted(signed.signatures)),
    }
