"""What the engine tells the window. Every event is a value: it may cross from one thread to another."""

from dataclasses import dataclass
from datetime import datetime

from dialback.console.actions import Action, HostAnswer
from dialback.console.connecting import Step
from dialback.console.window.platform import Order, Place
from dialback.console.window.tree import Tree
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.messages import Facts, Sessions


@dataclass(frozen=True, slots=True)
class TreeRead:
    """Tenants and hosts as they are now."""

    tree: Tree
    at: datetime


@dataclass(frozen=True, slots=True)
class PlatformLost:
    """The platform does not answer, or refuses; what was read before is shown on."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A remote desktop, from asking for access to its end.

    `address` is the redirector's, empty before there is one. `problem` says why it ended or was not opened,
    empty if nothing was wrong; `proof` what is known of the certificate.
    """

    number: int
    order: Order
    started_at: datetime
    step: Step = Step.ASKING
    address: str = ""
    to_host_bytes: int = 0
    to_client_bytes: int = 0
    proof: str = ""
    problem: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.step is Step.ENDED


@dataclass(frozen=True, slots=True)
class ConsoleOpening:
    """The console is on its way to a host."""

    order: Order


@dataclass(frozen=True, slots=True)
class ConsoleSeen:
    """The console is connected to a host; this is what its agent says now."""

    order: Order
    facts: Facts
    sessions: Sessions


@dataclass(frozen=True, slots=True)
class ConsoleClosed:
    """The console is connected no more, or never was; `problem` is empty if the technician closed it."""

    order: Order
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VersionsWarned:
    """Console and agent have no version in common."""

    order: Order
    console: VersionRange
    agent: VersionRange


@dataclass(frozen=True, slots=True)
class Asked:
    """A host is asked for something, which its tenant may have to consent to."""

    place: Place
    action: Action


@dataclass(frozen=True, slots=True)
class Answered:
    """What the host answered."""

    place: Place
    action: Action
    answer: HostAnswer


@dataclass(frozen=True, slots=True)
class NotDone:
    """What was asked was not done; the sentence says why."""

    place: Place
    action: Action
    sentence: str


@dataclass(frozen=True, slots=True)
class NotSaved:
    """What was to be remembered was not; the sentence says why."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The engine has ended, and with it all it had started."""


Event = (
    TreeRead
    | PlatformLost
    | Visit
    | ConsoleOpening
    | ConsoleSeen
    | ConsoleClosed
    | VersionsWarned
    | Asked
    | Answered
    | NotDone
    | NotSaved
    | Stopped
)
