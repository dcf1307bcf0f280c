"""Consent: may somebody of the provider come to this host now? The host decides, by its own policy.

A *grant* is the tenant's consent as an object: who may come, to which host and target, for what, until when,
and who approved it. It is signed with keys that the tenant holds, and the host verifies it against keys that
were put on the host itself. So neither the platform nor whoever changes its database can give consent: all
they can do is ask.

The rules of `decide`, the first that applies wins:

1. What the policy forbids altogether: everybody (`never`), this person or role, this target, this scope.
2. What it allows without being asked: everything else (`always`), or what is asked within its hours
   (`window`).
3. For all else a grant is needed: one that fits the request, holds now, was not revoked or used up, and has
   as many approvers as the policy wants.

What is left out: signatures (`identity/grants.py`) and how consent is asked for.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId, TenantId
from dialback.domain.names import MAX_USER_CHARS, check_id, check_name, check_text

MAX_PURPOSE_CHARS = 400
MAX_GRANT_LIFE = timedelta(days=31)
MAX_APPROVERS = 5
MAX_WAIT = timedelta(days=1)
"""How long a request that nobody answered is shown as one that waits."""
CLOCK_LEEWAY = timedelta(minutes=2)
"""How far the approver's clock and the host's may differ before a new grant seems to be of the future."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))? )?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


class ConsentMode(StrEnum):
    """How a host answers the provider when no grant is there."""

    NEVER = "never"
    ASK = "ask"
    WINDOW = "window"
    ALWAYS = "always"


class ConsentScope(StrEnum):
    """What somebody of the provider wants to do; consent to one is none to another."""

    DESKTOP = "desktop"
    FACTS = "facts"
    LOG = "log"
    RESTART_RDP = "restart-rdp"
    RESTART_AGENT = "restart-agent"
    UPDATE_AGENT = "update-agent"
    END_SESSIONS = "end-sessions"


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on some days of the week, in the host's own time; one that passes midnight ends the next day.

    `days` counts from Monday, 0; `begin` and `end` are minutes of the day.
    """

    days: frozenset[int]
    begin: int
    end: int

    def contains(self, local: datetime) -> bool:
        """Say whether the instant, in the host's time, lies inside."""
        minute = local.hour * 60 + local.minute
        if self.begin < self.end:
            return local.weekday() in self.days and self.begin <= minute < self.end
        yesterday = (local.weekday() - 1) % 7
        return (local.weekday() in self.days and minute >= self.begin) or (
            yesterday in self.days and minute < self.end
        )


def parse_window(text: str) -> Window:
    """Parse hours: `08:00-18:00`, `sat 09:00-12:00` or `mon-fri 22:00-04:00`.

    Raises:
        ValueError: the text is none of these.
    """
    match = _WINDOW.fullmatch(text.strip().lower())
    if match:
        first, last = match[1] or "mon", match[2] or match[1] or "sun"
        begin, end = (int(match[at]) * 60 + int(match[at + 1]) for at in (3, 5))
        in_day = int(match[4]) < 60 and int(match[6]) < 60 and begin < 1440 and end <= 1440
        if in_day and begin != end and {first, last} <= set(DAYS):
            return Window(_days_from(DAYS.index(first), DAYS.index(last)), begin, end)
    raise ValueError(f"expected hours like 'mon-fri 08:00-18:00', got {text[:60]!r}")


def _days_from(first: int, last: int) -> frozenset[int]:
    return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """What a host says to the provider. Empty sets name everybody, every role and every listed target.

    `approvers` is of how many owners keys must have signed a grant: two for a second pair of eyes.
    """

    mode: ConsentMode = ConsentMode.ASK
    windows: tuple[Window, ...] = ()
    staff: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    scopes: frozenset[ConsentScope] = frozenset(ConsentScope)
    approvers: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.approvers <= MAX_APPROVERS:
            raise ValueError(f"expected 1 to {MAX_APPROVERS} approvers, got {self.approvers}")
        if self.mode is ConsentMode.WINDOW and not self.windows:
            raise ValueError("expected hours with mode window, got none: it would never open")


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """Who of the provider wants to come to the host, for what, and why; all of it the platform's claim.

    `target` is empty for what needs none. `ticket_number` is the provider's own, of the case this is about.
    """

    id: str
    tenant: TenantId
    host: HostId
    staff: str
    role: str
    scope: ConsentScope
    target: str
    purpose: str
    asked_at: datetime
    ticket_number: str = ""

    def __post_init__(self) -> None:
        check_id(self.id, "consent request id")
        check_name(self.staff, "staff name", MAX_USER_CHARS)
        check_name(self.purpose, "purpose", MAX_PURPOSE_CHARS)
        check_text(self.ticket_number, "ticket number", 100)


class ConsentState(StrEnum):
    """What became of a request, as the platform knows it; the host decides by itself."""

    WAITING = "waiting"
    GRANTED = "granted"
    DENIED = "denied"
    REVOKED = "revoked"
    EXPIRED = "expired"
    """It was granted, and the grant is over."""
    LAPSED = "lapsed"
    """Nobody has answered."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Who denied a request, under the name they had then, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """The tenant's consent; see the module. Empty `targets` are all that the host's settings list.

    `uses` is how many visits it opens, 0 for as many as wanted until `until`.
    """

    id: GrantId
    tenant: TenantId
    host: HostId
    staff: str
    scopes: frozenset[ConsentScope]
    targets: frozenset[str]
    purpose: str
    begins_at: datetime
    until: datetime
    approved_by: str
    ticket_number: str = ""
    uses: int = 0

    def __post_init__(self) -> None:
        check_id(self.id, "grant id")
        check_name(self.staff, "staff name", MAX_USER_CHARS)
        check_name(self.purpose, "purpose", MAX_PURPOSE_CHARS)
        check_name(self.approved_by, "approver", MAX_USER_CHARS)
        check_text(self.ticket_number, "ticket number", 100)
        if self.begins_at.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("expected instants with a time zone in a grant")
        if not timedelta() < self.until - self.begins_at <= MAX_GRANT_LIFE:
            raise ValueError(
                f"expected a grant of {MAX_GRANT_LIFE.days} days at most, with an end after its begin"
            )
        if not self.scopes:
            raise ValueError("expected a scope at least in a grant, got none")
        if self.uses < 0:
            raise ValueError(f"expected 0 uses or more, got {self.uses}")


def grant_for(
    request: ConsentRequest, id: str, approver: str, begins_at: datetime, life: timedelta, uses: int
) -> Grant:
    """Return the grant of just what was asked, which is nothing until somebody has signed it.

    Raises:
        ValueError: as a grant's constructor does.
    """
    return Grant(
        id=GrantId(id),
        tenant=request.tenant,
        host=request.host,
        staff=request.staff,
        scopes=frozenset({request.scope}),
        targets=frozenset({request.target} if request.target else ()),
        purpose=request.purpose,
        begins_at=begins_at,
        until=begins_at + life,
        approved_by=approver,
        ticket_number=request.ticket_number,
        uses=uses,
    )


@dataclass(frozen=True, slots=True)
class GrantStanding:
    """What the host knows of a grant that came with a request.

    `signers` are the owners of the trusted keys whose signatures hold; `used` is how many other visits it has
    opened.
    """

    grant: Grant
    signers: frozenset[str] = field(default_factory=frozenset)
    used: int = 0
    revoked: bool = False


def decide(
    policy: ConsentPolicy, request: ConsentRequest, standing: GrantStanding | None, now: datetime
) -> None:
    """Return if the request is allowed; `now` is an aware datetime in the host's own time zone.

    Raises:
        Refused: `CONSENT_FORBIDDEN`, `CONSENT_WANTED`, `GRANT_OTHER`, `GRANT_UNSIGNED`, `GRANT_EARLY`,
            `GRANT_EXPIRED`, `GRANT_REVOKED` or `GRANT_USED`.
    """
    _check_forbidden(policy, request)
    if policy.mode is ConsentMode.ALWAYS:
        return
    if policy.mode is ConsentMode.WINDOW and any(window.contains(now) for window in policy.windows):
        return
    if standing is None:
        raise Refused(Reason.CONSENT_WANTED, f"{request.staff} asks for {request.scope}")
    check_fit(request, standing.grant)
    _check_standing(policy, standing, now)


def _check_forbidden(policy: ConsentPolicy, request: ConsentRequest) -> None:
    rules = [
        (policy.mode is ConsentMode.NEVER, "everybody of the provider"),
        (bool(policy.staff) and request.staff not in policy.staff, request.staff),
        (bool(policy.roles) and request.role not in policy.roles, f"the role {request.role}"),
        (request.scope not in policy.scopes, f"the scope {request.scope}"),
        (bool(request.target and policy.targets) and request.target not in policy.targets, request.target),
    ]
    for forbidden, what in rules:
        if forbidden:
            raise Refused(Reason.CONSENT_FORBIDDEN, f"the host's policy forbids {what}")


def check_fit(request: ConsentRequest, grant: Grant) -> None:
    """Return if the grant is for what was asked, whoever signed it and however long it holds.

    Raises:
        Refused: `GRANT_OTHER`, with what it is for.
    """
    rules = [
        ((grant.tenant, grant.host) == (request.tenant, request.host), f"host {grant.host}"),
        (grant.staff == request.staff, f"{grant.staff}"),
        (request.scope in grant.scopes, f"{', '.join(sorted(grant.scopes))}"),
        (not (request.target and grant.targets) or request.target in grant.targets, "other targets"),
    ]
    for fits, what in rules:
        if not fits:
            raise Refused(Reason.GRANT_OTHER, f"the grant is for {what}")


def _check_standing(policy: ConsentPolicy, standing: GrantStanding, now: datetime) -> None:
    grant = standing.grant
    if len(standing.signers) < policy.approvers:
        raise Refused(
            Reason.GRANT_UNSIGNED,
            f"expected trusted signatures of {policy.approvers} approvers, got {len(standing.signers)}",
        )
    if standing.revoked:
        raise Refused(Reason.GRANT_REVOKED, grant.id)
    if now < grant.begins_at - CLOCK_LEEWAY:
        raise Refused(
            Reason.GRANT_EARLY,
            f"it begins {grant.begins_at:%H:%M:%S %Z}, the host's clock says {now:%H:%M:%S %Z}",
        )
    if now >= grant.until:
        raise Refused(
            Reason.GRANT_EXPIRED,
            f"it ended {grant.until:%H:%M:%S %Z}, the host's clock says {now:%H:%M:%S %Z}",
        )
    if grant.uses and standing.used >= grant.uses:
        raise Refused(Reason.GRANT_USED, f"{grant.uses} of {grant.uses} uses")
