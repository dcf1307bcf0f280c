"""What a client is told, in the words of MS-TSGU: why it is refused, and what it may redirect.

Of a refusal the client never learns more than a code. Handshake, tunnel and channel responses need the
HRESULT form (0x8007xxxx): FreeRDP looks at the failure bit alone there and takes a short Win32 code for
success.
"""

from collections.abc import Set

from dialback.domain.errors import Reason
from dialback.domain.pools import Redirection
from dialback.wire.tsgu import codes
from dialback.wire.tsgu.codes import ErrorCode

_CODES: dict[Reason, ErrorCode] = {
    Reason.TOKEN_MISSING: ErrorCode.COOKIE_ACCESS_DENIED,
    Reason.TOKEN_MALFORMED: ErrorCode.COOKIE_BAD_PACKET,
    Reason.TOKEN_OVERSIZED: ErrorCode.COOKIE_ACCESS_DENIED,
    Reason.TOKEN_UNKNOWN: ErrorCode.COOKIE_ACCESS_DENIED,
    Reason.TOKEN_EXPIRED: ErrorCode.COOKIE_ACCESS_DENIED,
    Reason.TOKEN_REVOKED: ErrorCode.COOKIE_ACCESS_DENIED,
    Reason.USER_DISABLED: ErrorCode.NAP_ACCESS_DENIED,
    Reason.RESOURCE_NOT_GRANTED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.RESOURCE_NOT_ASSIGNED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.HOST_OFFLINE: ErrorCode.TS_CONNECT_FAILED,
    Reason.HOST_REVOKED: ErrorCode.TS_CONNECT_FAILED,
    Reason.AGENT_REFUSED: ErrorCode.TS_CONNECT_FAILED,
    Reason.AGENT_SILENT: ErrorCode.TS_CONNECT_FAILED,
    Reason.RDP_SERVER_DOWN: ErrorCode.TS_CONNECT_FAILED,
    Reason.HOST_LEG_LATE: ErrorCode.TS_CONNECT_FAILED,
    Reason.POOL_EMPTY: ErrorCode.TS_CONNECT_FAILED,
    Reason.HOSTS_UNHEALTHY: ErrorCode.TS_CONNECT_FAILED,
    Reason.HOSTS_DRAINED: ErrorCode.TS_CONNECT_FAILED,
    Reason.HOSTS_FULL: ErrorCode.TS_CONNECT_FAILED,
    Reason.PERSONAL_HOST_MISSING: ErrorCode.TS_CONNECT_FAILED,
    Reason.PERSONAL_HOSTS_TAKEN: ErrorCode.TS_CONNECT_FAILED,
    Reason.CONSENT_FORBIDDEN: ErrorCode.RAP_ACCESS_DENIED,
    Reason.CONSENT_WANTED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_OTHER: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_INVALID: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_UNSIGNED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_EARLY: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_EXPIRED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_REVOKED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.GRANT_USED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.APPROVAL_DENIED: ErrorCode.RAP_ACCESS_DENIED,
    Reason.APPROVAL_TIMED_OUT: ErrorCode.RAP_ACCESS_DENIED,
    Reason.TOO_MANY_APPROVALS: ErrorCode.RAP_ACCESS_DENIED,
    Reason.WAKE_FAILED: ErrorCode.TS_CONNECT_FAILED,
    Reason.WAKE_TIMED_OUT: ErrorCode.TS_CONNECT_FAILED,
    Reason.METHOD_UNSUPPORTED: ErrorCode.CAPABILITY_MISMATCH,
}


def code_of(reason: Reason) -> ErrorCode:
    """Return the code that tells a client of the refusal; everything not its business is one and the same."""
    return _CODES.get(reason, ErrorCode.INTERNAL_ERROR)


_DISABLED: dict[Redirection, codes.Redirection] = {
    Redirection.CLIPBOARD: codes.Redirection.DISABLE_CLIPBOARD,
    Redirection.DRIVES: codes.Redirection.DISABLE_DRIVE,
    Redirection.PRINTERS: codes.Redirection.DISABLE_PRINTER,
    Redirection.SERIAL_PORTS: codes.Redirection.DISABLE_PORT,
    Redirection.PLUG_AND_PLAY: codes.Redirection.DISABLE_PNP,
}
"""What a gateway can say of each; of all others it can say nothing."""


def redirection_flags(allowed: Set[Redirection]) -> int:
    """Return what tells a client which redirections are allowed. Advice: some clients do not heed it.

    Source: [MS-TSGU] HTTP_TUNNEL_REDIR_FLAGS Enumeration.
    """
    if not allowed:
        return codes.Redirection.DISABLE_ALL
    flags = codes.Redirection(0)
    for redirection, disabled in _DISABLED.items():
        if redirection not in allowed:
            flags |= disabled
    return flags or codes.Redirection.ENABLE_ALL
