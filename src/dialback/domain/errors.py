"""Every reason for which a connection is refused or ends, and the sentences that people read.

One enumeration for the whole platform: a reason is stored with the connection, logged, counted, and shown to
the person who can act on it. That is an administrator first, who reads `SENTENCES`; the user who met the
reason reads what `sentence_for_user` gives. What the peer is told instead is decided in one table at the rim
(`gateway/codes.py`).
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a connection was refused or ended; the value is what logs, tables and `--json` carry."""

    # The token a client presents.
    TOKEN_MISSING = "token-missing"
    TOKEN_MALFORMED = "token-malformed"
    TOKEN_OVERSIZED = "token-oversized"
    TOKEN_UNKNOWN = "token-unknown"
    TOKEN_EXPIRED = "token-expired"
    TOKEN_REVOKED = "token-revoked"
    # The user, and the resource they ask for.
    USER_DISABLED = "user-disabled"
    RESOURCE_NOT_GRANTED = "resource-not-granted"
    RESOURCE_NOT_ASSIGNED = "resource-not-assigned"
    # The session host.
    HOST_OFFLINE = "host-offline"
    HOST_REVOKED = "host-revoked"
    AGENT_REFUSED = "agent-refused"
    AGENT_SILENT = "agent-silent"
    RDP_SERVER_DOWN = "rdp-server-down"
    HOST_LEG_LATE = "host-leg-late"
    SESSION_ORDER_FAILED = "session-order-failed"
    # The host pool.
    POOL_EMPTY = "pool-empty"
    HOSTS_UNHEALTHY = "hosts-unhealthy"
    HOSTS_DRAINED = "hosts-drained"
    HOSTS_FULL = "hosts-full"
    PERSONAL_HOST_MISSING = "personal-host-missing"
    PERSONAL_HOSTS_TAKEN = "personal-hosts-taken"
    # The approval or the host a parked client waits for.
    APPROVAL_DENIED = "approval-denied"
    APPROVAL_TIMED_OUT = "approval-timed-out"
    TOO_MANY_APPROVALS = "too-many-approvals"
    WAKE_FAILED = "wake-failed"
    WAKE_TIMED_OUT = "wake-timed-out"
    # A host leg or an enrolment.
    TICKET_UNKNOWN = "ticket-unknown"
    TICKET_USED = "ticket-used"
    TICKET_OTHER_HOST = "ticket-other-host"
    JOIN_CODE_UNKNOWN = "join-code-unknown"
    JOIN_CODE_USED = "join-code-used"
    JOIN_CODE_EXPIRED = "join-code-expired"
    JOIN_CODE_POOL_GONE = "join-code-pool-gone"
    HOST_KEY_KNOWN = "host-key-known"
    HOST_KEY_REFUSED = "host-key-refused"
    # A sign-in.
    SIGN_IN_REFUSED = "sign-in-refused"
    SIGN_IN_REPLAYED = "sign-in-replayed"
    SIGN_IN_LOCKED = "sign-in-locked"
    SIGN_IN_ENDED = "sign-in-ended"
    CODE_WANTED = "code-wanted"
    CODE_REFUSED = "code-refused"
    INVITATION_UNKNOWN = "invitation-unknown"
    INVITATION_USED = "invitation-used"
    INVITATION_EXPIRED = "invitation-expired"
    PASSWORD_WEAK = "password-weak"
    IDENTITY_UNKNOWN = "identity-unknown"
    IDENTITY_NAME_TAKEN = "identity-name-taken"
    # A sign-in at an OpenID provider.
    OIDC_STATE_WRONG = "oidc-state-wrong"
    OIDC_DENIED = "oidc-denied"
    OIDC_CLIENT_REFUSED = "oidc-client-refused"
    OIDC_TOKEN_INVALID = "oidc-token-invalid"
    OIDC_CLAIM_UNFIT = "oidc-claim-unfit"
    OIDC_PROVIDER_UNAVAILABLE = "oidc-provider-unavailable"
    # The provider's staff, and the terms of a tenant.
    STAFF_NOT_ASSIGNED = "staff-not-assigned"
    TENANT_SUSPENDED = "tenant-suspended"
    TENANT_LEASE_OVER = "tenant-lease-over"
    TENANT_LIMIT = "tenant-limit"
    CONSOLE_OUTSIDE = "console-outside"
    # The tenant's consent to the provider.
    CONSENT_FORBIDDEN = "consent-forbidden"
    CONSENT_WANTED = "consent-wanted"
    CONSENT_DENIED = "consent-denied"
    CONSENT_TIMED_OUT = "consent-timed-out"
    AGENT_TOO_OLD = "agent-too-old"
    GRANT_OTHER = "grant-other"
    GRANT_INVALID = "grant-invalid"
    GRANT_UNSIGNED = "grant-unsigned"
    GRANT_EARLY = "grant-early"
    GRANT_EXPIRED = "grant-expired"
    GRANT_REVOKED = "grant-revoked"
    GRANT_USED = "grant-used"
    HOST_CERTIFICATE_OTHER = "host-certificate-other"
    HOST_KEY_OTHER = "host-key-other"
    # The management of a host.
    MANAGEMENT_OFF = "management-off"
    MANAGEMENT_FAILED = "management-failed"
    # The protocol and its deadlines.
    PROTOCOL_VIOLATION = "protocol-violation"
    METHOD_UNSUPPORTED = "method-unsupported"
    DEADLINE_PASSED = "deadline-passed"
    CLIENT_LEFT = "client-left"
    TOO_MANY_TUNNELS = "too-many-tunnels"
    # The platform itself.
    STORE_UNAVAILABLE = "store-unavailable"
    INTERNAL_ERROR = "internal-error"
    SERVER_STOPPED = "server-stopped"
    # The end of a relay that worked.
    CLIENT_ENDED = "client-ended"
    HOST_ENDED = "host-ended"
    CLIENT_LOST = "client-lost"
    HOST_LOST = "host-lost"
    CUT_BY_ADMINISTRATOR = "cut-by-administrator"


SENTENCES: dict[Reason, str] = {
    Reason.TOKEN_MISSING: "The client presented no token; open a file made by `dialback connect-file`.",
    Reason.TOKEN_MALFORMED: "The token is damaged; make a new connection file.",
    Reason.TOKEN_OVERSIZED: "The token is longer than any issued here; make a new connection file.",
    Reason.TOKEN_UNKNOWN: "No such token was ever issued here; make a new connection file.",
    Reason.TOKEN_EXPIRED: "The token has expired; make a new connection file, or connect anew.",
    Reason.TOKEN_REVOKED: "The token was revoked; ask the administrator, or make a new connection file.",
    Reason.USER_DISABLED: "The user is disabled; an administrator can enable them again.",
    Reason.RESOURCE_NOT_GRANTED: "The token does not open this resource; use the file made for it.",
    Reason.RESOURCE_NOT_ASSIGNED: "The resource is gone or no longer the user's; publish or assign it again.",
    Reason.HOST_OFFLINE: "The host is off, asleep or cut off: no agent link; start it, or ask who can.",
    Reason.HOST_REVOKED: "The session host was removed; enrol it again with a new join code.",
    Reason.AGENT_REFUSED: "The host's own policy forbids this target; see `targets` in its agent settings.",
    Reason.AGENT_SILENT: "The agent did not answer: its host sleeps, hangs or is cut off; ask who can look.",
    Reason.RDP_SERVER_DOWN: "The RDP server on the host does not answer; start it, or correct the target.",
    Reason.HOST_LEG_LATE: "The host did not dial back in time; check that it reaches the gateway's address.",
    Reason.SESSION_ORDER_FAILED: "The host did not do what was ordered for a session; the detail says why.",
    Reason.POOL_EMPTY: "The host pool has no session host; add one to it.",
    Reason.HOSTS_UNHEALTHY: "No session host of the pool is healthy; the detail counts what fails on them.",
    Reason.HOSTS_DRAINED: "Every healthy host of the pool is in drain mode; end it on one, or add a host.",
    Reason.HOSTS_FULL: "Every healthy host of the pool has reached its session limit; wait, or add a host.",
    Reason.PERSONAL_HOST_MISSING: "No host of the personal pool belongs to the user; assign one to them.",
    Reason.PERSONAL_HOSTS_TAKEN: "Every host of the personal pool belongs to another user; add a host to it.",
    Reason.APPROVAL_DENIED: "The user denied the connection; if it was not theirs, revoke the file it used.",
    Reason.APPROVAL_TIMED_OUT: "Nobody approved the connection in time; connect again, then approve it.",
    Reason.TOO_MANY_APPROVALS: "Too many connections of the user wait for approval; deny what is not theirs.",
    Reason.WAKE_FAILED: "The start-on-connect hook of the pool failed; the detail says how.",
    Reason.WAKE_TIMED_OUT: "The host was woken, but its agent or RDP server was not up in time; look at it.",
    Reason.TICKET_UNKNOWN: "A host leg brought a reverse ticket this gateway never issued.",
    Reason.TICKET_USED: "A host leg brought a reverse ticket that was used before or came too late.",
    Reason.TICKET_OTHER_HOST: "A host leg brought a reverse ticket that was issued to another host.",
    Reason.JOIN_CODE_UNKNOWN: "No such join code was issued here; make one with `dialback host code`.",
    Reason.JOIN_CODE_USED: "The join code was used before; make a new one with `dialback host code`.",
    Reason.JOIN_CODE_EXPIRED: "The join code has expired; make a new one with `dialback host code`.",
    Reason.JOIN_CODE_POOL_GONE: "The join code's host pool was removed; make a new code for another pool.",
    Reason.HOST_KEY_KNOWN: "A host with this key is enrolled already; join again, which makes a new key.",
    Reason.HOST_KEY_REFUSED: "The agent's signature does not match the key it enrolled with; enrol it again.",
    Reason.SIGN_IN_REFUSED: "User name or password is wrong.",
    Reason.SIGN_IN_REPLAYED: (
        "The message that proves the password came before; clients make a new one each time, so it may have "
        "been copied on its way."
    ),
    Reason.SIGN_IN_LOCKED: "Too many attempts to sign in failed; wait, then try again.",
    Reason.SIGN_IN_ENDED: "The sign-in has ended; sign in again.",
    Reason.CODE_WANTED: "Signing in takes a one-time code as well; enter it, or a recovery code.",
    Reason.CODE_REFUSED: "The one-time code is wrong or was used before; wait for the next one.",
    Reason.INVITATION_UNKNOWN: "No such invitation is good here; ask the administrator for a new one.",
    Reason.INVITATION_USED: "The invitation was used before; sign in, or ask for a new one.",
    Reason.INVITATION_EXPIRED: "The invitation has expired; ask the administrator for a new one.",
    Reason.PASSWORD_WEAK: "The password is too easy to guess; choose a longer one.",
    Reason.IDENTITY_UNKNOWN: "The sign-in service knows the person, but no user here is theirs.",
    Reason.IDENTITY_NAME_TAKEN: "Another user has the name that the sign-in service gives; rename one.",
    Reason.OIDC_STATE_WRONG: "The sign-in is another browser's, was used or is too old; begin it again.",
    Reason.OIDC_DENIED: "The sign-in service let nobody in; the detail holds its answer.",
    Reason.OIDC_CLIENT_REFUSED: "The sign-in service refuses this server; compare client id and secret.",
    Reason.OIDC_TOKEN_INVALID: "The sign-in service's word cannot be trusted; the detail says why.",
    Reason.OIDC_CLAIM_UNFIT: "The account at the sign-in service lacks a claim; the detail names it.",
    Reason.OIDC_PROVIDER_UNAVAILABLE: "The sign-in service does not answer; the detail says how.",
    Reason.STAFF_NOT_ASSIGNED: "The staff member is assigned neither to the tenant nor to a tag of its.",
    Reason.TENANT_SUSPENDED: "The tenant is suspended; the provider's administrator can resume it.",
    Reason.TENANT_LEASE_OVER: "The tenant's lease does not run now; the detail says when it does.",
    Reason.TENANT_LIMIT: "The tenant has reached a limit of its terms; the detail says which.",
    Reason.CONSOLE_OUTSIDE: "The provider allows no console at this address; its settings say from where.",
    Reason.CONSENT_FORBIDDEN: "The host's own policy forbids this to the provider; the detail says what.",
    Reason.CONSENT_WANTED: "The host wants the consent of its tenant, who has not given it.",
    Reason.CONSENT_DENIED: "The tenant has denied what was asked; the detail says who did.",
    Reason.CONSENT_TIMED_OUT: "Nobody of the tenant has answered in time; ask them, then connect again.",
    Reason.AGENT_TOO_OLD: "The host's agent is too old to judge consent; the detail names both versions.",
    Reason.GRANT_OTHER: "The grant is for somebody or something else; the detail says for what.",
    Reason.GRANT_INVALID: "The grant is damaged or was changed; ask the tenant for a new one.",
    Reason.GRANT_UNSIGNED: "Too few keys that the host trusts have signed the grant; have it approved again.",
    Reason.GRANT_EARLY: "The grant has not begun by the host's clock; compare the clocks, or wait.",
    Reason.GRANT_EXPIRED: "The grant is over by the host's clock; ask the tenant for a new one.",
    Reason.GRANT_REVOKED: "The tenant has revoked the grant; ask for a new one.",
    Reason.GRANT_USED: "The grant has been used as often as it allows; ask the tenant for a new one.",
    Reason.HOST_CERTIFICATE_OTHER: "The host does not show the certificate that its agent announced.",
    Reason.HOST_KEY_OTHER: "The host has another key than at the first connection; ask its tenant why.",
    Reason.MANAGEMENT_OFF: "The host does not offer this; see `[management]` in its agent settings.",
    Reason.MANAGEMENT_FAILED: "The host could not do what the console asked for; the detail says why.",
    Reason.PROTOCOL_VIOLATION: "The peer broke the protocol; the log names the rule.",
    Reason.METHOD_UNSUPPORTED: "The client offered no token authentication; open it with a connection file.",
    Reason.DEADLINE_PASSED: "The peer was silent past a deadline; the log names which.",
    Reason.CLIENT_LEFT: "The client left before its connection was open.",
    Reason.TOO_MANY_TUNNELS: "Too many unfinished tunnels come from this address; wait, then try again.",
    Reason.STORE_UNAVAILABLE: "The database does not answer; run `dialback doctor` on the server.",
    Reason.INTERNAL_ERROR: "The platform failed inside; the log holds details under the connection's id.",
    Reason.SERVER_STOPPED: "The server was stopped or restarted during the connection; connect again.",
    Reason.CLIENT_ENDED: "The client ended the connection.",
    Reason.HOST_ENDED: "The host ended the connection: the user logged off, or the RDP server closed it.",
    Reason.CLIENT_LOST: "The client's connection broke; the session goes on at the host.",
    Reason.HOST_LOST: "The host leg broke: the agent stopped, or the network to the host failed.",
    Reason.CUT_BY_ADMINISTRATOR: "An administrator ended the connection; the session goes on at the host.",
}

_USER_SENTENCES: dict[Reason, str] = {
    Reason.TOKEN_MISSING: "The client presented no token; download a new connection file, open it as it is.",
    Reason.TOKEN_MALFORMED: "The connection file is damaged; download a new one.",
    Reason.TOKEN_OVERSIZED: "The connection file was changed; download a new one.",
    Reason.TOKEN_UNKNOWN: "The connection file was not made here, or is very old; download a new one.",
    Reason.TOKEN_EXPIRED: "The connection file has expired; download a new one.",
    Reason.TOKEN_REVOKED: "The connection file was revoked; download a new one, or ask your administrator.",
    Reason.USER_DISABLED: "Your user is disabled; ask your administrator.",
    Reason.RESOURCE_NOT_GRANTED: "The connection file is for another desktop or app; download the right one.",
    Reason.RESOURCE_NOT_ASSIGNED: "The desktop or app is gone, or no longer yours; ask your administrator.",
    Reason.HOST_OFFLINE: "The computer is not reachable now; try again later or tell your administrator.",
    Reason.HOST_REVOKED: "The computer was removed; ask your administrator.",
    Reason.AGENT_REFUSED: "The computer does not allow this connection; tell your administrator.",
    Reason.AGENT_SILENT: "The computer did not answer; try again later or tell your administrator.",
    Reason.RDP_SERVER_DOWN: "The computer takes no desktops now; try again later or tell your administrator.",
    Reason.HOST_LEG_LATE: "The computer did not connect in time; try again, or tell your administrator.",
    Reason.SESSION_ORDER_FAILED: "The computer did not do that; try again, or tell your administrator.",
    Reason.POOL_EMPTY: "There is no computer for this yet; tell your administrator.",
    Reason.HOSTS_UNHEALTHY: "No computer for this is well now; try again later or tell your administrator.",
    Reason.HOSTS_DRAINED: "The computers for this take nobody new now; try again later.",
    Reason.HOSTS_FULL: "Every computer for this is full; try again later.",
    Reason.PERSONAL_HOST_MISSING: "No computer is yours yet; ask your administrator for one.",
    Reason.PERSONAL_HOSTS_TAKEN: "No computer is free for you; ask your administrator for one.",
    Reason.APPROVAL_DENIED: "The connection was denied; if it was not yours, tell your administrator.",
    Reason.TOO_MANY_APPROVALS: "Too many connections of yours wait for approval; deny what is not yours.",
    Reason.WAKE_FAILED: "The computer could not be started; tell your administrator.",
    Reason.WAKE_TIMED_OUT: "The computer did not start in time; try again, or tell your administrator.",
    Reason.JOIN_CODE_UNKNOWN: "No such join code was issued here; ask your administrator for one.",
    Reason.JOIN_CODE_USED: "The join code was used before; ask your administrator for a new one.",
    Reason.JOIN_CODE_EXPIRED: "The join code has expired; ask your administrator for a new one.",
    Reason.IDENTITY_UNKNOWN: "The sign-in service knows you, but no user here is yours; ask for one.",
    Reason.IDENTITY_NAME_TAKEN: "Another user here has your name; ask your administrator.",
    Reason.OIDC_CLIENT_REFUSED: "The sign-in service refuses this server; tell your administrator.",
    Reason.OIDC_TOKEN_INVALID: "The sign-in service's word cannot be trusted; tell your administrator.",
    Reason.OIDC_CLAIM_UNFIT: "What the sign-in service says of you is not enough; tell your administrator.",
    Reason.OIDC_PROVIDER_UNAVAILABLE: "The sign-in service does not answer; try again later.",
    Reason.CONSENT_FORBIDDEN: "The computer does not allow this to you; ask your administrator.",
    Reason.CONSENT_WANTED: "The computer takes nobody without consent; ask your administrator.",
    Reason.MANAGEMENT_OFF: "The computer does not offer this; ask its administrator.",
    Reason.PROTOCOL_VIOLATION: "Client and server did not understand each other; tell your administrator.",
    Reason.DEADLINE_PASSED: "Something did not answer in time; try again.",
    Reason.STORE_UNAVAILABLE: "The service is not available now; try again later.",
    Reason.INTERNAL_ERROR: "The service failed inside; try again, or tell your administrator.",
    Reason.HOST_ENDED: "The computer ended the connection, or you logged off.",
    Reason.CLIENT_LOST: "Your connection broke; your session goes on, and the next connection finds it.",
    Reason.HOST_LOST: "The way to the computer broke; connect again in a moment.",
    Reason.CUT_BY_ADMINISTRATOR: "An administrator ended the connection; your session goes on.",
}
"""What the user reads, where it is not the administrator's sentence: what they can do, and no command."""


def sentence_for_user(reason: Reason) -> str:
    """Return the sentence for the user who met the reason, who may know no command and read no log."""
    return _USER_SENTENCES.get(reason, SENTENCES[reason])


DETAIL_TOLD = frozenset({Reason.SESSION_ORDER_FAILED})
"""Refusals whose sentence promises the detail, which was written for whoever asked."""
_INSIDE = {Reason.STORE_UNAVAILABLE, Reason.INTERNAL_ERROR}
"""Reasons whose detail is about the platform's inside."""


def told_detail(reason: Reason, detail: str) -> str:
    """Return what of a detail is for somebody who is known by name, and does not run the platform."""
    return "" if reason in _INSIDE else detail


class Problem(Exception):
    """Something is not as it must be, and a person can mend it: the message is one sentence for that person.

    Each module that meets such things has its own kind; the command line shows any of them and ends with
    status 1.
    """


class Refused(Exception):
    """Policy or circumstance said no.

    `reason` is the reason of record; `detail` adds what the person who can act needs (a target, a deadline).
    Neither is ever sent to the refused peer.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
