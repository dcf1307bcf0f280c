"""What the provider asks of a tenant and what the tenant answers, for pages and API alike.

A grant arrives signed, with keys that this server never has. What is said here of its signatures is a help
for people: the host verifies them by itself, with keys that were put there by hand.

What is left out: who may do it, and the audit log. Whoever changes something here notes it, and then tells
`events`, so that what is cut because of it is never without its note.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dialback.domain.consent import MAX_WAIT, ConsentRequest, ConsentState, Denial, check_fit
from dialback.domain.contracts import ConsentEvents
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, TenantId
from dialback.domain.provider import ConsentKey, KeptGrant, Provider, state_of
from dialback.identity.grants import (
    ReadGrant,
    answering,
    build,
    fingerprint,
    merge,
    open_grant,
    parse,
    read,
)

MOST_REQUESTS = 500
MOST_GRANTS = 500
MOST_KEYS = 50
OPEN = (ConsentState.WAITING, ConsentState.LAPSED)
"""States in which nobody has answered."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Known:
    """A request, what became of it, and how it was answered."""

    request: ConsentRequest
    state: ConsentState
    denial: Denial | None
    answer: ReadGrant | None


class Unheard(ConsentEvents):
    """Nobody is told."""

    async def granted(self, tenant: TenantId, request_id: str) -> None:
        """Do nothing."""

    async def denied(self, tenant: TenantId, request_id: str) -> None:
        """Do nothing."""

    async def revoked(self, tenant: TenantId, grant_id: GrantId) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Consents:
    """Requests and grants of every tenant; each method answers about one."""

    provider: Provider
    now: Callable[[], datetime]
    events: ConsentEvents = field(default_factory=Unheard)

    async def states(self, tenant: TenantId, asked: Sequence[ConsentRequest]) -> list[Known]:
        """Return what became of each request of the tenant."""
        denials = await self.provider.denials(tenant, [request.id for request in asked])
        newest = [read(kept) for kept in await self.provider.grants(tenant, MOST_GRANTS)] if asked else []
        known = []
        for request in asked:
            answer, denial = answering(request, newest, self.now()), denials.get(request.id)
            state = state_of(request, answer.kept if answer else None, denial, self.now())
            known.append(Known(request, state, denial, answer))
        return known

    async def request(self, tenant: TenantId, id: str) -> Known | None:
        """Return the request of that id, None if there is none."""
        request = await self.provider.consent_request(tenant, id)
        return (await self.states(tenant, [request]))[0] if request is not None else None

    async def waiting(self, tenant: TenantId) -> list[Known]:
        """Return what waits for an answer, newest first."""
        asked = await self.provider.consent_requests(tenant, MOST_REQUESTS)
        recent = [request for request in asked if self.now() < request.asked_at + MAX_WAIT]
        return [each for each in await self.states(tenant, recent) if each.state is ConsentState.WAITING]

    async def deny(self, known: Known, by: str) -> bool:
        """Deny the request; False if it was answered before."""
        if known.state not in OPEN:
            return False
        return await self.provider.deny_consent(known.request.tenant, known.request.id, by, self.now())

    async def keep(self, request: ConsentRequest, text: str) -> KeptGrant | None:
        """Keep a grant beside the signatures it has; None if it adds nothing.

        Raises:
            Refused: it does not answer the request, is over or unsigned, or its id is another's.
        """
        signed = parse(text)
        grant, _ = open_grant(signed, {})
        check_fit(request, grant)
        if self.now() >= grant.until:
            raise Refused(Reason.GRANT_EXPIRED, f"it ended {grant.until.isoformat()}")
        if not signed.signatures:
            raise Refused(Reason.GRANT_UNSIGNED, "expected a signature, got none")
        for _ in range(_ATTEMPTS):
            known = await self.provider.grant_for(request.tenant, request.id)
            both = signed
            if known is not None and known.id == grant.id:
                if known.revoked_at is not None:
                    raise Refused(Reason.GRANT_REVOKED, grant.id)
                both = merge(parse(known.text), signed)
                if len(both.signatures) == known.signatures:
                    return None
            wanted = KeptGrant(
                request.tenant,
                grant.id,
                request.id,
                build(both),
                grant.until,
                signatures=len(both.signatures),
            )
            if await self.provider.save_grant(wanted):
                return wanted
            if known is None or known.id != grant.id:
                # Unless somebody else kept it just now, which the next look shows, the id is another's.
                known = await self.provider.grant_for(request.tenant, request.id)
                if known is None or known.id != grant.id:
                    break
        raise Refused(Reason.GRANT_OTHER, "another grant has its id")


def grant_state(kept: KeptGrant, now: datetime) -> ConsentState:
    """Return how a grant that is kept stands."""
    if kept.revoked_at is not None:
        return ConsentState.REVOKED
    return ConsentState.GRANTED if now < kept.until else ConsentState.EXPIRED


def signers_of(known: ReadGrant, keys: Sequence[ConsentKey]) -> list[str]:
    """Return the names of those keys whose signatures of the grant hold."""
    if known.signed is None or known.grant is None:
        return []
    names = {fingerprint(key.public_key): key for key in keys}
    _, held = open_grant(known.signed, {print: key.public_key for print, key in names.items()})
    return sorted(names[print].name for print in held)
