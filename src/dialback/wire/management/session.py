"""A management session: the order of its messages, on the console's side and on the agent's.

The console greets with a nonce, the agent proves that it holds the host's key, and then the console asks one
thing after the other and gets one answer to each. All of it runs inside TLS whose server is the agent.
Rules of this file:

- What the peer sends out of order is a `WireError`, what the caller asks out of order a `StateError`; neither
  changes the state.
- The agent's certificate is made for one session and signed by nobody; what makes it the host's is the
  signature in the hello. It covers a purpose, the nonce, the host, the certificate and both version ranges:
  whoever shows another certificate cannot use it, nor use it again, nor talk the two sides down.
- The signature is verified before a word of the hello is believed; so two sides without a common version know
  that it is so.
- Nothing is asked before the last answer is there: who asks too early is wrong, and nobody has to queue.

Left out: TLS, verifying (`cryptography` belongs to `identity`), and clocks.

Source: docs/protocols/management.md; RFC 5929 section 4, "The 'tls-server-end-point' Channel Binding Type",
from which the binding to the certificate is taken.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum

from dialback.wire.agent.messages import (
    NONCE_BYTES,
    SIGNATURE_BYTES,
    clip,
    decode_base64url,
    encode_base64url,
)
from dialback.wire.agent.version import VersionRange, choose_version
from dialback.wire.errors import StateError, WireError
from dialback.wire.management.messages import (
    AgentHello,
    Answer,
    Ask,
    ConsoleHello,
    FrameReader,
    Goodbye,
    Ignored,
    decode_from_agent,
    decode_from_console,
    encode,
)
from dialback.wire.management.version import SUPPORTED

MANAGEMENT_TARGET = "management"
"""The target of a dial order that the agent serves itself; no RDP server can have it, for it has no port."""

_PURPOSE = "dialback management 1"


class SessionState(Enum):
    """How far a session is, seen from one side."""

    NEW = "new"
    GREETED = "greeted"  # console: waits for the agent's hello
    VERIFYING = "verifying"  # console: the caller judges the signature
    IDLE = "idle"
    ASKED = "asked"
    CLOSED = "closed"


class Step(Enum):
    """What moves a session: a message of the peer, or a call of ours (`send-…`)."""

    SEND_HELLO = "send-hello"
    HELLO = "hello"
    UNFIT_HELLO = "unfit-hello"
    ACCEPT = "accept"
    SEND_ASK = "send-ask"
    ASK = "ask"
    SEND_ANSWER = "send-answer"
    ANSWER = "answer"
    SEND_GOODBYE = "send-goodbye"
    GOODBYE = "goodbye"


Table = dict[tuple[SessionState, Step], SessionState]

CONSOLE_TABLE: Table = {
    (SessionState.NEW, Step.SEND_HELLO): SessionState.GREETED,
    (SessionState.GREETED, Step.HELLO): SessionState.VERIFYING,
    (SessionState.GREETED, Step.GOODBYE): SessionState.CLOSED,
    (SessionState.VERIFYING, Step.ACCEPT): SessionState.IDLE,
    (SessionState.VERIFYING, Step.GOODBYE): SessionState.CLOSED,
    (SessionState.IDLE, Step.SEND_ASK): SessionState.ASKED,
    (SessionState.IDLE, Step.GOODBYE): SessionState.CLOSED,
    (SessionState.ASKED, Step.ANSWER): SessionState.IDLE,
    (SessionState.ASKED, Step.GOODBYE): SessionState.CLOSED,
}
AGENT_TABLE: Table = {
    (SessionState.NEW, Step.HELLO): SessionState.IDLE,
    (SessionState.NEW, Step.UNFIT_HELLO): SessionState.CLOSED,
    (SessionState.NEW, Step.SEND_GOODBYE): SessionState.CLOSED,
    (SessionState.IDLE, Step.ASK): SessionState.ASKED,
    (SessionState.IDLE, Step.SEND_GOODBYE): SessionState.CLOSED,
    (SessionState.ASKED, Step.SEND_ANSWER): SessionState.IDLE,
    (SessionState.ASKED, Step.SEND_GOODBYE): SessionState.CLOSED,
}


@dataclass(frozen=True, slots=True)
class AgentGreeted:
    """Console: verify `signature` over `signed` by the host's key; then `accept`.

    `version` is what both speak, None if nothing.
    """

    signature: bytes
    signed: bytes
    versions: VersionRange
    version: int | None
    agent_version: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """Console: the answer to what was asked."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class AgentLeft:
    """Console: the agent has ended the session; `why` is its own claim."""

    why: str


@dataclass(frozen=True, slots=True)
class ConsoleGreeted:
    """Agent: send `reply`, the signed hello; without a common `version` the session is closed."""

    reply: bytes
    versions: VersionRange
    version: int | None
    console_version: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Agent: what the console wants; answer it. `Ignored` is what this code does not know."""

    ask: Ask | Ignored


ConsoleEvent = AgentGreeted | Answered | AgentLeft
AgentEvent = ConsoleGreeted | Asked


class _Session:
    """What both sides have: a state, a table, and a reader of frames."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._reader = FrameReader()
        self.state = SessionState.NEW

    @property
    def within_frame(self) -> bool:
        """Whether a frame has begun that is not whole: who closes now breaks off."""
        return self._reader.within_frame

    def _heard(self, step: Step) -> None:
        after = self._table.get((self.state, step))
        if after is None:
            raise WireError(f"expected no {step.value} while {self.state.value}, got one")
        self.state = after

    def _said(self, step: Step) -> None:
        after = self._table.get((self.state, step))
        if after is None:
            raise StateError(f"expected no {step.value} while {self.state.value}")
        self.state = after


class ConsoleSession(_Session):
    """The console's side.

    Args:
        nonce: 32 random bytes, used once.
        host_id: the host that is meant.
        certificate_sha256: of the certificate that the far end showed in TLS, in hexadecimal.
    """

    def __init__(
        self,
        nonce: bytes,
        host_id: str,
        certificate_sha256: str,
        *,
        console_version: str,
        versions: VersionRange = SUPPORTED,
    ) -> None:
        if len(nonce) != NONCE_BYTES:
            raise StateError(f"expected a nonce of {NONCE_BYTES} bytes, got {len(nonce)}")
        super().__init__(CONSOLE_TABLE)
        self._nonce = encode_base64url(nonce)
        self._host_id = host_id
        self._certificate_sha256 = certificate_sha256
        self._console_version = clip(console_version)
        self._versions = versions

    def greet(self) -> bytes:
        """Return the hello to send first."""
        self._said(Step.SEND_HELLO)
        return encode(
            ConsoleHello(
                lowest_version=self._versions.lowest,
                highest_version=self._versions.highest,
                nonce=self._nonce,
                console_version=self._console_version,
            )
        )

    def accept(self) -> None:
        """Note that the signature holds and a version is common; from now on the console may ask."""
        self._said(Step.ACCEPT)

    def ask(self, ask: Ask) -> bytes:
        """Return the bytes that ask for something."""
        self._said(Step.SEND_ASK)
        return encode(ask)

    def receive(self, data: bytes) -> list[ConsoleEvent]:
        """Take bytes of the agent.

        Raises:
            WireError: they break the format or the order.
        """
        events = (self._take(content) for content in self._reader.feed(data))
        return [event for event in events if event is not None]

    def _take(self, content: bytes) -> ConsoleEvent | None:
        message = decode_from_agent(content)
        if isinstance(message, Ignored):
            return None
        if isinstance(message, AgentHello):
            return self._greeted(message)
        if isinstance(message, Goodbye):
            self._heard(Step.GOODBYE)
            return AgentLeft(message.why)
        self._heard(Step.ANSWER)
        return Answered(message)

    def _greeted(self, hello: AgentHello) -> AgentGreeted:
        signature = decode_base64url(hello.signature, SIGNATURE_BYTES)
        theirs = VersionRange(hello.lowest_version, hello.highest_version)
        self._heard(Step.HELLO)
        signed = signed_hello(self._nonce, self._host_id, self._certificate_sha256, self._versions, theirs)
        version = choose_version(self._versions, theirs)
        return AgentGreeted(signature, signed, theirs, version, hello.agent_version, frozenset(hello.scopes))


class AgentSession(_Session):
    """The agent's side.

    Args:
        sign: signs with the host's key.
        certificate_sha256: of the certificate that this end shows in TLS, in hexadecimal.
        scopes: the consent it was dialled with.
    """

    def __init__(
        self,
        host_id: str,
        sign: Callable[[bytes], bytes],
        certificate_sha256: str,
        *,
        agent_version: str,
        scopes: Collection[str],
        versions: VersionRange = SUPPORTED,
    ) -> None:
        super().__init__(AGENT_TABLE)
        self._host_id = host_id
        self._sign = sign
        self._certificate_sha256 = certificate_sha256
        self._agent_version = clip(agent_version)
        self._scopes = tuple(sorted(scopes))
        self._versions = versions

    def answer(self, answer: Answer) -> bytes:
        """Return the bytes that answer what was asked."""
        self._said(Step.SEND_ANSWER)
        return encode(answer)

    def leave(self, why: str) -> bytes:
        """Return the bytes that end the session."""
        self._said(Step.SEND_GOODBYE)
        return encode(Goodbye(why=clip(why)))

    def receive(self, data: bytes) -> list[AgentEvent]:
        """Take bytes of the console.

        Raises:
            WireError: they break the format or the order.
        """
        return [self._take(content) for content in self._reader.feed(data)]

    def _take(self, content: bytes) -> AgentEvent:
        message = decode_from_console(content)
        if isinstance(message, ConsoleHello):
            return self._greeted(message)
        self._heard(Step.ASK)
        return Asked(message)

    def _greeted(self, hello: ConsoleHello) -> ConsoleGreeted:
        decode_base64url(hello.nonce, NONCE_BYTES)
        theirs = VersionRange(hello.lowest_version, hello.highest_version)
        version = choose_version(self._versions, theirs)
        self._heard(Step.HELLO if version is not None else Step.UNFIT_HELLO)
        signed = signed_hello(hello.nonce, self._host_id, self._certificate_sha256, theirs, self._versions)
        reply = AgentHello(
            lowest_version=self._versions.lowest,
            highest_version=self._versions.highest,
            signature=encode_base64url(self._sign(signed)),
            agent_version=self._agent_version,
            scopes=self._scopes,
        )
        return ConsoleGreeted(encode(reply), theirs, version, hello.console_version)


def signed_hello(
    nonce: str, host_id: str, certificate_sha256: str, console: VersionRange, agent: VersionRange
) -> bytes:
    """Return the bytes an agent signs in its hello; no part can hold the NUL that separates them."""
    parts = (_PURPOSE, nonce, host_id, certificate_sha256, str(console), str(agent))
    return "\0".join(parts).encode()
