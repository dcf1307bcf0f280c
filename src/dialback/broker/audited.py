"""A broker whose decisions are in the audit log: where a connection was placed, and why one was refused.

What is left out: refusals that are no decision of ours but a broken protocol or a client that left, which
have their records; and how a connection that worked ended. A refused token admits nobody, so it belongs to no
tenant; its entry is in the first one's log, where whoever runs the server looks, without any detail.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.contracts import Admission, Attempt, Broker, DialOrder, Placement
from dialback.domain.errors import Reason
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord, Stage
from dialback.domain.tenancy import MAIN

UNDECIDED = frozenset(
    {
        Reason.TOKEN_MISSING,
        Reason.PROTOCOL_VIOLATION,
        Reason.METHOD_UNSUPPORTED,
        Reason.DEADLINE_PASSED,
        Reason.CLIENT_LEFT,
        Reason.TOO_MANY_TUNNELS,
        Reason.STORE_UNAVAILABLE,
        Reason.INTERNAL_ERROR,
        Reason.SERVER_STOPPED,
    }
)


class AuditedBroker(Broker):
    """Another broker, and the entries about what it decides."""

    def __init__(
        self, broker: Broker, recorder: Recorder, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._broker = broker
        self._recorder = recorder
        self._now = now

    async def admit(self, token: Secret) -> Admission:
        return await self._broker.admit(token)

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        placement = await self._broker.place(admission, attempt)
        host = f"{placement.host_name} (host {placement.host_id})"
        detail = f"{admission.resource} on {host}: {placement.because}"
        actor = Actor(ActorKind.USER, admission.user, attempt.client_address)
        subject = f"connection:{attempt.connection_id}"
        self._recorder.note(
            AuditEntry(admission.tenant, self._now(), actor, "connection.place", subject, detail)
        )
        return placement

    async def dial(self, order: DialOrder) -> None:
        await self._broker.dial(order)

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        return await self._broker.consent(placement, attempt)

    async def opened(self, record: ConnectionRecord) -> None:
        await self._broker.opened(record)

    async def ended(self, record: ConnectionRecord) -> None:
        if Stage.REVERSE not in record.timeline and record.reason not in UNDECIDED:
            self._recorder.note(_refusal(record, self._now()))
        await self._broker.ended(record)


def _refusal(record: ConnectionRecord, now: datetime) -> AuditEntry:
    actor = Actor(ActorKind.USER, record.user or "", record.client_address)
    # Without the connection's id, so that refusals that repeat are alike.
    subject = f"resource:{record.resource}" if record.resource else ""
    detail = str(record.reason)
    if record.tenant is not None and record.detail:
        detail = f"{detail}: {record.detail}"
    return AuditEntry(record.tenant or MAIN, now, actor, "connection.refused", subject, detail, allowed=False)
