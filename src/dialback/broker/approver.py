"""Step-up approval by parking: ask, wait for the decision, go on or refuse.

Whether a connection has to wait is decided in `domain/approvals.py`. While it does, its client's channel
request is simply not answered. The decision is heard at once when it falls in this process, and within
`LOOK_EVERY_S` when it falls in another. Rules of this file:

- An approval that is asked for ends: approved, denied, expired, or left by its client. The first holds, so a
  deadline that passes while somebody approves loses.
- While the store is away nothing is decided; the wait goes on until its deadline.
- A user has a bounded number of waits, so that a leaked file cannot bury the one that is theirs without end:
  the oldest is refused.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from dialback.broker.decisions import HeardApprovals
from dialback.broker.settings import BrokerSettings
from dialback.domain.access import TokenKind
from dialback.domain.accounts import Accounts
from dialback.domain.approvals import Approval, Cause, Decision, cause_of, number_of
from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.contracts import Admission, Approver, Attempt, StoreUnavailable
from dialback.domain.directory import Published
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, TenantId, UserId
from dialback.observe.log import get_logger
from dialback.observe.tasks import set_within

LOOK_EVERY_S = 1.0
_log = get_logger(__name__)


class StepUpApprover(Approver):
    """Asks the user, where the host pool or a stale ticket wants it."""

    def __init__(
        self,
        approvals: HeardApprovals,
        accounts: Accounts,
        recorder: Recorder,
        settings: BrokerSettings | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._approvals = approvals
        self._accounts = accounts
        self._recorder = recorder
        self._settings = settings or BrokerSettings()
        self._now = now
        self._look_every_s = look_every_s
        self._waits: dict[tuple[TenantId, UserId], OrderedDict[ConnectionId, asyncio.Event]] = {}

    async def approve(self, admission: Admission, published: Published, attempt: Attempt) -> str:
        """Return once the connection may be opened. Cancel-safe: its approval then says that the client left.

        Returns:
            Who approved it and when, for the user to read; empty if nobody needed to.

        Raises:
            Refused: `APPROVAL_DENIED`, `APPROVAL_TIMED_OUT`, `TOO_MANY_APPROVALS` or `STORE_UNAVAILABLE`.
        """
        try:
            cause = await self._cause(admission, published, attempt)
            if cause is None:
                return ""
            approval = self._approval(admission, published, attempt, cause)
            with self._approvals.heard(approval.tenant) as changed, self._place_among(approval, changed):
                approved = await self._ask(approval, changed)
                return f"Approved by {approved.decided_by} at {approved.decided_at:%H:%M} UTC."
        except StoreUnavailable as error:
            raise Refused(Reason.STORE_UNAVAILABLE, str(error)) from error

    async def _cause(self, admission: Admission, published: Published, attempt: Attempt) -> Cause | None:
        step_up, ticket = published.pool.step_up, admission.kind is TokenKind.TICKET
        if not step_up.wanted and not ticket:
            return None
        who = (admission.tenant, admission.user_id, attempt.client_address)
        sign_in = await self._accounts.last_sign_in(*who) if ticket else None
        return cause_of(
            step_up,
            ticket,
            sign_in.seen_at if sign_in else None,
            await self._approvals.last_approved(*who),
            self._settings.ticket_sign_in_hours,
            self._now(),
        )

    def _approval(
        self, admission: Admission, published: Published, attempt: Attempt, cause: Cause
    ) -> Approval:
        now = self._now()
        return Approval(
            id=attempt.connection_id,
            tenant=admission.tenant,
            user=admission.user_id,
            resource=admission.resource,
            cause=cause,
            number=None if admission.kind is TokenKind.TICKET else number_of(admission.token_hash),
            client_address=attempt.client_address,
            client_name=attempt.client_name,
            asked_at=now,
            expires_at=now + timedelta(seconds=published.pool.step_up.timeout_s),
        )

    @contextlib.contextmanager
    def _place_among(self, approval: Approval, changed: asyncio.Event) -> Iterator[None]:
        """Take a place among the user's waits; who has to give theirs away is told by their event."""
        key = (approval.tenant, approval.user)
        waits = self._waits.setdefault(key, OrderedDict())
        waits[approval.id] = changed
        if len(waits) > self._settings.approvals_per_user:
            waits.popitem(last=False)[1].set()
        try:
            yield
        finally:
            waits.pop(approval.id, None)
            if not waits:
                self._waits.pop(key, None)

    async def _ask(self, approval: Approval, changed: asyncio.Event) -> Approval:
        """Ask; return the approval once it is approved."""
        try:
            await self._approvals.ask(approval)
            _log.info("connection waits for approval", **_fields(approval), cause=approval.cause.value)
            while (approved := await self._approved(approval)) is None:
                left_s = (approval.expires_at - self._now()).total_seconds()
                await set_within(changed, min(self._look_every_s, left_s))
                changed.clear()
        except asyncio.CancelledError:
            await asyncio.shield(self._end(approval, Decision.LEFT))
            raise
        _log.info("connection approved", **_fields(approval), by=approved.decided_by)
        return approved

    async def _approved(self, approval: Approval) -> Approval | None:
        """Return it if it is approved by now, None if it waits; raise `Refused` if it will not be."""
        kept = await self._look(approval)
        if kept.decision is Decision.APPROVED:
            return kept
        if kept.decision is not None:
            raise Refused(_REASONS[kept.decision], kept.decided_by)
        ousted = approval.id not in self._waits.get((approval.tenant, approval.user), {})
        if ousted and await self._end(approval, Decision.EXPIRED):
            raise Refused(Reason.TOO_MANY_APPROVALS, f"{self._settings.approvals_per_user} newer ones wait")
        if self._now() >= approval.expires_at and await self._end(approval, Decision.EXPIRED):
            waited_s = (approval.expires_at - approval.asked_at).total_seconds()
            raise Refused(Reason.APPROVAL_TIMED_OUT, f"not approved within {waited_s:g} s")
        return None

    async def _look(self, approval: Approval) -> Approval:
        """Return the approval as it is kept now; undecided while the store is away."""
        try:
            kept = await self._approvals.approval(approval.tenant, approval.id)
        except StoreUnavailable as error:
            _log.debug("approval not looked at", **_fields(approval), why=str(error))
            return approval
        if kept is None:
            raise Refused(Reason.APPROVAL_TIMED_OUT, "the approval was forgotten")
        return kept

    async def _end(self, approval: Approval, decision: Decision) -> bool:
        """Keep that nobody decided it; False if somebody did in the last moment."""
        now = self._now()
        try:
            if not await self._approvals.decide(approval.tenant, approval.id, decision, "", now):
                return False
        except StoreUnavailable as error:
            _log.warning("end of an approval not kept", **_fields(approval), why=str(error))
        actor = Actor(ActorKind.SYSTEM, "", approval.client_address)
        subject = f"connection:{approval.id}"
        detail = f"{approval.resource} for user {approval.user}"
        entry = AuditEntry(
            approval.tenant, now, actor, f"approval.{decision.value}", subject, detail, allowed=False
        )
        self._recorder.note(entry)
        return True


_REASONS = {
    Decision.DENIED: Reason.APPROVAL_DENIED,
    Decision.EXPIRED: Reason.APPROVAL_TIMED_OUT,
    Decision.LEFT: Reason.CLIENT_LEFT,
}


def _fields(approval: Approval) -> dict[str, str]:
    return {
        "connection_id": approval.id,
        "tenant": approval.tenant,
        "user": approval.user,
        "resource": approval.resource,
        "peer": approval.client_address,
    }
