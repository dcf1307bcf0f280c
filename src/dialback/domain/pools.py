"""Host pools: alike session hosts, and the policy for connections to them.

A noun that breaks a rule cannot be made: its constructor raises `ValueError` with the rule in words.
`version` is explained in `domain/tenancy.py`. What is left out: which host of a pool a connection goes to
(`domain/placement.py`).
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from dialback.domain.ids import HostId, PoolId, TenantId, UserId
from dialback.domain.names import MAX_NAME_CHARS, check_id, check_name

MAX_SESSION_LIMIT = 1000
MAX_WEIGHT = 1000
USUAL_WEIGHT = 100


class PoolKind(StrEnum):
    """Whether any host of the pool serves any user, or each user has a host of their own."""

    POOLED = "pooled"
    PERSONAL = "personal"


class LoadBalancing(StrEnum):
    """How a pooled pool takes new sessions: over all hosts, or one host to its limit before the next."""

    BREADTH_FIRST = "breadth-first"
    DEPTH_FIRST = "depth-first"


class PersonalAssignment(StrEnum):
    """How a user of a personal pool gets a host: a free one at the first connection, or from a person."""

    AUTOMATIC = "automatic"
    DIRECT = "direct"


class Redirection(StrEnum):
    """Something of the client's machine that a session may use."""

    CLIPBOARD = "clipboard"
    DRIVES = "drives"
    PRINTERS = "printers"
    CAMERAS = "cameras"
    MICROPHONE = "microphone"
    SOUND = "sound"
    SMART_CARDS = "smart-cards"
    SECURITY_KEYS = "security-keys"
    SERIAL_PORTS = "serial-ports"
    USB = "usb"
    PLUG_AND_PLAY = "plug-and-play"
    LOCATION = "location"


USUAL_REDIRECTIONS = frozenset({Redirection.CLIPBOARD, Redirection.SOUND})


class WakeMethod(StrEnum):
    """What wakes a host: a command on the server, or a request to a URL."""

    COMMAND = "command"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class StartOnConnect:
    """How a sleeping host is woken when a user wants it. `what` is the command line or the URL.

    `what` may hold a password, so it is in no text form of this. `deadline_s` is how long the client is kept
    waiting, parked, for the host's agent link.
    """

    method: WakeMethod
    what: str = field(repr=False)
    deadline_s: int = 90

    def __post_init__(self) -> None:
        check_name(self.what, "start-on-connect hook", 2000)
        if self.method is WakeMethod.WEBHOOK and not self.what.startswith(("https://", "http://")):
            raise ValueError("expected a URL as webhook")
        if not 1 <= self.deadline_s <= 600:
            raise ValueError(f"expected 1 to 600 seconds to start a host, got {self.deadline_s}")


@dataclass(frozen=True, slots=True)
class StepUp:
    """Whether a connection waits for the user's approval, and for how long.

    An approval is remembered for `remembered_hours`, per user and device address; 0 asks each time.
    """

    wanted: bool = False
    timeout_s: int = 60
    remembered_hours: int = 0

    def __post_init__(self) -> None:
        if not 10 <= self.timeout_s <= 600:
            raise ValueError(f"expected 10 to 600 seconds to approve, got {self.timeout_s}")
        if not 0 <= self.remembered_hours <= 720:
            raise ValueError(f"expected 0 to 720 hours to remember an approval, got {self.remembered_hours}")


@dataclass(frozen=True, slots=True)
class HostPool:
    """A set of alike session hosts and the policy for connections to them.

    `session_limit` is how many sessions a host of usual weight takes, None for any number; it counts for
    pooled pools. `assignment` counts for personal ones.
    """

    tenant: TenantId
    id: PoolId
    name: str
    kind: PoolKind = PoolKind.POOLED
    load_balancing: LoadBalancing = LoadBalancing.BREADTH_FIRST
    session_limit: int | None = None
    assignment: PersonalAssignment = PersonalAssignment.AUTOMATIC
    start_on_connect: StartOnConnect | None = None
    redirections: frozenset[Redirection] = USUAL_REDIRECTIONS
    multi_monitor: bool = True
    step_up: StepUp = StepUp()
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "host pool id")
        check_name(self.name, "host pool name")
        if self.session_limit is not None and not 1 <= self.session_limit <= MAX_SESSION_LIMIT:
            raise ValueError(
                f"expected a session limit of 1 to {MAX_SESSION_LIMIT}, got {self.session_limit}"
            )
        if self.load_balancing is LoadBalancing.DEPTH_FIRST and self.session_limit is None:
            raise ValueError(
                "expected a session limit with depth-first, got none: no host would ever be full"
            )


@dataclass(frozen=True, slots=True)
class PoolHost:
    """A host's membership in its pool; a host is in one pool at most.

    `weight` is what the host can carry, in percent of a usual one. In drain mode it keeps its sessions and
    gets no new one. `owner` is the user of a personal host, None while it is free.
    """

    tenant: TenantId
    pool: PoolId
    host: HostId
    weight: int = USUAL_WEIGHT
    drained: bool = False
    owner: UserId | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"expected a weight of 1 to {MAX_WEIGHT}, got {self.weight}")


def pool_of_its_own(tenant: TenantId, host: HostId, name: str) -> HostPool:
    """Return the pool of a host that shares none: it has the host's id, and its name as far as it can."""
    try:
        return HostPool(tenant, PoolId(host), name.strip()[:MAX_NAME_CHARS].strip())
    except ValueError:
        return HostPool(tenant, PoolId(host), host)


def with_its_id(pool: HostPool) -> HostPool:
    """Return the pool under a name that no other has: its id follows."""
    room = max(0, MAX_NAME_CHARS - len(pool.id) - 1)
    return replace(pool, name=f"{pool.name[:room]} {pool.id}".strip())
