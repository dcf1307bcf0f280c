"""The agent link: the order of its messages, on the server's side and on the agent's.

Two tables say what may come when; a machine holds its state and little else. The server challenges, the agent
signs, the server (whose caller looks the key up and verifies) welcomes, and from then on either side speaks
as it likes. Rules of this file:

- What the peer sends out of order is a `WireError`, what the caller asks out of order a `StateError`; neither
  changes the state.
- A signature covers a purpose, the nonce or ticket, the host, and the certificate the agent saw in TLS: an
  answer made for a man in the middle is of no use at the real server, nor one purpose's for another.
- What came with a later version is sent to nobody who speaks an earlier one: such an order would be passed
  over without an answer.
- Clocks are the caller's: how long to wait for a hello, when to say a heartbeat, when a peer is silent.

Left out: verifying (`cryptography` belongs to `identity`), and which dials are outstanding (an answer for a
connection nobody asked about is the caller's to drop).

Source: docs/protocols/agent.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from dialback.wire.agent.messages import (
    MAX_FLIGHT_LINES,
    MAX_MESSAGE_BYTES,
    MAX_SESSIONS,
    NONCE_BYTES,
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    Canary,
    Challenge,
    ConsentOrder,
    Dial,
    Dialled,
    DialRefusal,
    DialRefused,
    Failing,
    Flight,
    FlightHead,
    FlightRefused,
    FlightSigned,
    Goodbye,
    GrantRevoked,
    Heartbeat,
    HeartbeatEcho,
    Hello,
    HostSession,
    Ignored,
    ManagementOffer,
    RdpServer,
    Report,
    SessionAction,
    SessionOrder,
    SessionOrderDone,
    Sessions,
    Welcome,
    clip,
    decode_base64url,
    decode_from_agent,
    decode_from_server,
    encode,
    encode_base64url,
)
from dialback.wire.agent.version import (
    CANARY_VERSION,
    CONSENT_VERSION,
    FLIGHT_VERSION,
    SUPPORTED,
    VersionRange,
    choose_version,
)
from dialback.wire.errors import StateError, WireError

LINK_PATH = "/agent/link"
LINK_SUBPROTOCOL = "dialback-agent.v1"
REVERSE_PATH = "/agent/reverse"
REVERSE_UPGRADE = "dialback-reverse/1"
HOST_HEADER = "Dialback-Host"
TICKET_HEADER = "Dialback-Ticket"
SIGNATURE_HEADER = "Dialback-Signature"
ENROL_PATH = "/agent/enrol"

_CHALLENGE_PURPOSE = "dialback agent link 1"
_TICKET_PURPOSE = "dialback host leg 1"


class LinkState(Enum):
    """How far a link has come, seen from one side."""

    NEW = "new"
    CHALLENGED = "challenged"  # server: waits for hello
    VERIFYING = "verifying"  # server: the caller judges the signature
    ANSWERED = "answered"  # agent: waits for welcome
    OPEN = "open"
    CLOSED = "closed"


class Step(Enum):
    """What moves a link: a message of the peer, or a call of ours (`send-…`)."""

    SEND_CHALLENGE = "send-challenge"
    SEND_WELCOME = "send-welcome"
    SEND_REFUSAL = "send-refusal"
    SEND_DIAL = "send-dial"
    SEND_CANARY = "send-canary"
    SEND_SESSION_ORDER = "send-session-order"
    SEND_GRANT_REVOKED = "send-grant-revoked"
    SEND_FLIGHT = "send-flight"
    SEND_FLIGHT_HEAD = "send-flight-head"
    SEND_GOODBYE = "send-goodbye"
    HELLO = "hello"
    UNFIT_HELLO = "unfit-hello"
    REPORT = "report"
    SESSIONS = "sessions"
    DIALLED = "dialled"
    DIAL_REFUSED = "dial-refused"
    SESSION_ORDER_DONE = "session-order-done"
    FLIGHT_SIGNED = "flight-signed"
    FLIGHT_REFUSED = "flight-refused"
    HEARTBEAT = "heartbeat"

    CHALLENGE = "challenge"
    UNFIT_CHALLENGE = "unfit-challenge"
    WELCOME = "welcome"
    DIAL = "dial"
    CANARY = "canary"
    SESSION_ORDER = "session-order"
    GRANT_REVOKED = "grant-revoked"
    FLIGHT = "flight"
    FLIGHT_HEAD = "flight-head"
    HEARTBEAT_ECHO = "heartbeat-echo"
    GOODBYE = "goodbye"
    SEND_REPORT = "send-report"
    SEND_SESSIONS = "send-sessions"
    SEND_DIALLED = "send-dialled"
    SEND_DIAL_REFUSED = "send-dial-refused"
    SEND_SESSION_ORDER_DONE = "send-session-order-done"
    SEND_FLIGHT_SIGNED = "send-flight-signed"
    SEND_FLIGHT_REFUSED = "send-flight-refused"
    SEND_HEARTBEAT = "send-heartbeat"

    IGNORED = "ignored"


Table = dict[tuple[LinkState, Step], LinkState]

SERVER_TABLE: Table = {
    (LinkState.NEW, Step.SEND_CHALLENGE): LinkState.CHALLENGED,
    (LinkState.CHALLENGED, Step.HELLO): LinkState.VERIFYING,
    (LinkState.CHALLENGED, Step.UNFIT_HELLO): LinkState.CLOSED,
    (LinkState.CHALLENGED, Step.IGNORED): LinkState.CHALLENGED,
    (LinkState.CHALLENGED, Step.SEND_REFUSAL): LinkState.CLOSED,
    (LinkState.VERIFYING, Step.SEND_WELCOME): LinkState.OPEN,
    (LinkState.VERIFYING, Step.SEND_REFUSAL): LinkState.CLOSED,
    (LinkState.OPEN, Step.REPORT): LinkState.OPEN,
    (LinkState.OPEN, Step.SESSIONS): LinkState.OPEN,
    (LinkState.OPEN, Step.DIALLED): LinkState.OPEN,
    (LinkState.OPEN, Step.DIAL_REFUSED): LinkState.OPEN,
    (LinkState.OPEN, Step.SESSION_ORDER_DONE): LinkState.OPEN,
    (LinkState.OPEN, Step.FLIGHT_SIGNED): LinkState.OPEN,
    (LinkState.OPEN, Step.FLIGHT_REFUSED): LinkState.OPEN,
    (LinkState.OPEN, Step.HEARTBEAT): LinkState.OPEN,
    (LinkState.OPEN, Step.IGNORED): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_DIAL): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_CANARY): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_SESSION_ORDER): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_GRANT_REVOKED): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_FLIGHT): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_FLIGHT_HEAD): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_GOODBYE): LinkState.CLOSED,
}

AGENT_TABLE: Table = {
    (LinkState.NEW, Step.CHALLENGE): LinkState.ANSWERED,
    (LinkState.NEW, Step.UNFIT_CHALLENGE): LinkState.CLOSED,
    (LinkState.NEW, Step.IGNORED): LinkState.NEW,
    (LinkState.NEW, Step.GOODBYE): LinkState.CLOSED,
    (LinkState.ANSWERED, Step.WELCOME): LinkState.OPEN,
    (LinkState.ANSWERED, Step.IGNORED): LinkState.ANSWERED,
    (LinkState.ANSWERED, Step.GOODBYE): LinkState.CLOSED,
    (LinkState.OPEN, Step.DIAL): LinkState.OPEN,
    (LinkState.OPEN, Step.CANARY): LinkState.OPEN,
    (LinkState.OPEN, Step.SESSION_ORDER): LinkState.OPEN,
    (LinkState.OPEN, Step.GRANT_REVOKED): LinkState.OPEN,
    (LinkState.OPEN, Step.FLIGHT): LinkState.OPEN,
    (LinkState.OPEN, Step.FLIGHT_HEAD): LinkState.OPEN,
    (LinkState.OPEN, Step.HEARTBEAT_ECHO): LinkState.OPEN,
    (LinkState.OPEN, Step.IGNORED): LinkState.OPEN,
    (LinkState.OPEN, Step.GOODBYE): LinkState.CLOSED,
    (LinkState.OPEN, Step.SEND_REPORT): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_SESSIONS): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_DIALLED): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_DIAL_REFUSED): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_SESSION_ORDER_DONE): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_FLIGHT_SIGNED): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_FLIGHT_REFUSED): LinkState.OPEN,
    (LinkState.OPEN, Step.SEND_HEARTBEAT): LinkState.OPEN,
}


@dataclass(frozen=True, slots=True)
class HelloReceived:
    """An agent says who it is: verify `signature` over `signed` by the host key, then welcome or refuse."""

    host_id: str
    signature: bytes
    signed: bytes
    version: int
    agent_version: str
    host_name: str
    system: str


@dataclass(frozen=True, slots=True)
class NoCommonVersion:
    """The peer speaks other versions, and the link is closed; `reply`, if not empty, still has to be sent."""

    theirs: VersionRange
    reply: str = ""


@dataclass(frozen=True, slots=True)
class ReportReceived:
    """The agent reports what it found at its targets, what fails on its host, and how that is managed."""

    rdp_servers: tuple[RdpServer, ...]
    failing: tuple[Failing, ...] = ()
    management: ManagementOffer | None = None


@dataclass(frozen=True, slots=True)
class SessionsReceived:
    """The agent lists the sessions on its host, or says why it cannot."""

    sessions: tuple[HostSession, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class SessionOrderDoneReceived:
    """The agent has carried an order for a session out, or `problem`, its own claim, says why not."""

    order_id: str
    problem: str


@dataclass(frozen=True, slots=True)
class FlightSignedReceived:
    """The agent keeps a flight record up to this head: verify `signature` by the host key."""

    connection_id: str
    count: int
    hash: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class FlightRefusedReceived:
    """The agent has not taken entries of a flight record; it keeps `count`. `problem` is its own claim."""

    connection_id: str
    count: int
    problem: str


@dataclass(frozen=True, slots=True)
class DialledReceived:
    """The agent has dialled for this connection."""

    connection_id: str


@dataclass(frozen=True, slots=True)
class DialRefusedReceived:
    """The agent has not dialled for this connection; `detail` is its own claim."""

    connection_id: str
    reason: DialRefusal
    detail: str


@dataclass(frozen=True, slots=True)
class HeartbeatReceived:
    """The agent is there; `reply` has to be sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class ChallengeReceived:
    """The server challenges; `reply`, the signed hello, has to be sent."""

    reply: str


@dataclass(frozen=True, slots=True)
class WelcomeReceived:
    """The link is open; a heartbeat is due every `heartbeat_s` seconds."""

    version: int
    heartbeat_s: int
    server_time: datetime


@dataclass(frozen=True, slots=True)
class DialReceived:
    """The server orders the agent to dial; answer with `dialled` or `dial_refused`."""

    order: Dial


@dataclass(frozen=True, slots=True)
class CanaryReceived:
    """The server wants to see a host leg; answer with `dialled` or `dial_refused`."""

    order: Canary


@dataclass(frozen=True, slots=True)
class SessionOrderReceived:
    """The server orders something done to a session; answer with `session_order_done`."""

    order: SessionOrder


@dataclass(frozen=True, slots=True)
class GrantRevokedReceived:
    """The tenant has revoked a grant: end what it opened; there is no answer."""

    grant_id: str


@dataclass(frozen=True, slots=True)
class FlightReceived:
    """The server tells entries of a flight record; answer with `flight_signed` or `flight_refused`."""

    connection_id: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlightHeadReceived:
    """The server shows a head with both signatures: verify them, then keep it; there is no answer."""

    connection_id: str
    count: int
    hash: str
    agent_signature: bytes
    platform_signature: bytes
    platform_key: bytes


@dataclass(frozen=True, slots=True)
class EchoReceived:
    """The server heard a heartbeat."""


@dataclass(frozen=True, slots=True)
class GoodbyeReceived:
    """The server ends the link, and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageIgnored:
    """The peer sent a message of a type that is not known here."""

    type: str


ServerEvent = (
    HelloReceived
    | NoCommonVersion
    | ReportReceived
    | SessionsReceived
    | DialledReceived
    | DialRefusedReceived
    | SessionOrderDoneReceived
    | FlightSignedReceived
    | FlightRefusedReceived
    | HeartbeatReceived
    | MessageIgnored
)
AgentEvent = (
    ChallengeReceived
    | NoCommonVersion
    | WelcomeReceived
    | DialReceived
    | CanaryReceived
    | SessionOrderReceived
    | GrantRevokedReceived
    | FlightReceived
    | FlightHeadReceived
    | EchoReceived
    | GoodbyeReceived
    | MessageIgnored
)


def signed_challenge(
    nonce: str, host_id: str, certificate_sha256: str, server: VersionRange, agent: VersionRange
) -> bytes:
    """Return the bytes an agent signs to open a link.

    The certificate is the leaf the agent saw in TLS; both version ranges are in it, so that nobody in
    between can talk the two sides down. No part can hold the NUL that separates them.
    """
    return _joined(_CHALLENGE_PURPOSE, nonce, host_id, certificate_sha256, str(server), str(agent))


def signed_ticket(ticket: str, host_id: str, certificate_sha256: str) -> bytes:
    """Return the bytes an agent signs to open a host leg; the certificate is the leaf it saw in TLS."""
    return _joined(_TICKET_PURPOSE, ticket, host_id, certificate_sha256)


def _joined(*parts: str) -> bytes:
    return "\0".join(parts).encode()


def _fitting(sessions: Sequence[HostSession]) -> tuple[HostSession, ...]:
    """Return the first sessions, as many as one message takes beside a problem of the greatest size."""
    left_bytes = MAX_MESSAGE_BYTES - 4096
    fitting: list[HostSession] = []
    for session in sessions[:MAX_SESSIONS]:
        left_bytes -= len(session.model_dump_json().encode()) + 1
        if left_bytes < 0:
            break
        fitting.append(session)
    return tuple(fitting)


def _fitting_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the first lines, as many as one message takes; each is of printable ASCII."""
    left_bytes = MAX_MESSAGE_BYTES - 4096
    fitting: list[str] = []
    for line in lines[:MAX_FLIGHT_LINES]:
        # JSON escapes quotes and backslashes, nothing else of what may be in a line.
        left_bytes -= len(line) + line.count('"') + line.count("\\") + 3
        if left_bytes < 0:
            break
        fitting.append(line)
    return tuple(fitting)


class _Link:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._state = LinkState.NEW
        self._version = 0

    @property
    def state(self) -> LinkState:
        """How far the link has come."""
        return self._state

    @property
    def version(self) -> int:
        """The version spoken; 0 until it is agreed."""
        return self._version

    @property
    def takes_canaries(self) -> bool:
        """Whether the version spoken has canaries, session lists and session orders."""
        return self._version >= CANARY_VERSION

    @property
    def takes_consent(self) -> bool:
        """Whether the version spoken has dials with consent, and grants that are revoked."""
        return self._version >= CONSENT_VERSION

    @property
    def takes_flights(self) -> bool:
        """Whether the version spoken has flight records."""
        return self._version >= FLIGHT_VERSION

    def _check_newer(self, step: Step, version: int = CANARY_VERSION) -> None:
        if self._state is LinkState.OPEN and self._version < version:
            raise StateError(
                f"expected version {version} for {step.value}, got a link that speaks {self._version}"
            )

    def _receive_step(self, step: Step) -> None:
        self._move(step, WireError)

    def _send_step(self, step: Step) -> None:
        self._move(step, StateError)

    def _move(self, step: Step, error: type[WireError] | type[StateError]) -> None:
        following = self._table.get((self._state, step))
        if following is None:
            fitting = ", ".join(known.value for state, known in self._table if state is self._state)
            raise error(
                f"expected {fitting or 'nothing'} on a link that is {self._state.value}, got {step.value}"
            )
        self._state = following


class ServerLink(_Link):
    """The server's side of one agent link: texts of the agent in, events out.

    Args:
        nonce: 32 fresh random bytes.
        certificate_sha256: the leaf certificate this server showed in TLS, 64 hexadecimal characters.
        heartbeat_s: how often the agent is to say a heartbeat, in seconds, 1 to 3600.
        versions: what this server speaks.
    """

    def __init__(
        self,
        nonce: bytes,
        certificate_sha256: str,
        heartbeat_s: int,
        versions: VersionRange = SUPPORTED,
    ) -> None:
        super().__init__(SERVER_TABLE)
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"expected a nonce of {NONCE_BYTES} bytes, got {len(nonce)}")
        self._nonce = encode_base64url(nonce)
        self._certificate_sha256 = certificate_sha256
        self._heartbeat_s = heartbeat_s
        self._versions = versions

    def start(self) -> str:
        """Return the challenge, the first text of the link."""
        self._send_step(Step.SEND_CHALLENGE)
        ours = self._versions
        return encode(Challenge(nonce=self._nonce, lowest_version=ours.lowest, highest_version=ours.highest))

    def receive(self, text: str | bytes) -> ServerEvent:
        """Take one text of the agent.

        Raises:
            WireError: the text is no message, or one that may not come now.
        """
        message = decode_from_agent(text)
        match message:
            case Hello():
                return self._receive_hello(message)
            case Report():
                self._receive_step(Step.REPORT)
                return ReportReceived(message.rdp_servers, message.failing, message.management)
            case Sessions():
                self._receive_step(Step.SESSIONS)
                return SessionsReceived(message.sessions, message.problem)
            case Dialled():
                self._receive_step(Step.DIALLED)
                return DialledReceived(message.connection_id)
            case DialRefused():
                self._receive_step(Step.DIAL_REFUSED)
                return DialRefusedReceived(message.connection_id, message.reason, message.detail)
            case SessionOrderDone():
                self._receive_step(Step.SESSION_ORDER_DONE)
                return SessionOrderDoneReceived(message.order_id, message.problem)
            case FlightSigned():
                signature = decode_base64url(message.signature, SIGNATURE_BYTES)
                self._receive_step(Step.FLIGHT_SIGNED)
                return FlightSignedReceived(message.connection_id, message.count, message.hash, signature)
            case FlightRefused():
                self._receive_step(Step.FLIGHT_REFUSED)
                return FlightRefusedReceived(message.connection_id, message.count, message.problem)
            case Heartbeat():
                self._receive_step(Step.HEARTBEAT)
                return HeartbeatReceived(encode(HeartbeatEcho()))
            case Ignored():
                self._receive_step(Step.IGNORED)
                return MessageIgnored(message.type)

    def _receive_hello(self, hello: Hello) -> HelloReceived | NoCommonVersion:
        theirs = VersionRange(hello.lowest_version, hello.highest_version)
        signature = decode_base64url(hello.signature, SIGNATURE_BYTES)
        version = choose_version(self._versions, theirs)
        if version is None:
            self._receive_step(Step.UNFIT_HELLO)
            reason = f"no common version: the server speaks {self._versions}, the agent {theirs}"
            return NoCommonVersion(theirs, encode(Goodbye(reason=reason)))
        self._receive_step(Step.HELLO)
        self._version = version
        signed = signed_challenge(
            self._nonce, hello.host_id, self._certificate_sha256, self._versions, theirs
        )
        return HelloReceived(
            host_id=hello.host_id,
            signature=signature,
            signed=signed,
            version=version,
            agent_version=hello.agent_version,
            host_name=hello.host_name,
            system=hello.system,
        )

    def welcome(self, server_time: datetime) -> str:
        """Return the text that opens the link, the signature having been found good."""
        self._send_step(Step.SEND_WELCOME)
        return encode(Welcome(version=self._version, heartbeat_s=self._heartbeat_s, server_time=server_time))

    def refuse(self, reason: str) -> str:
        """Return the text that refuses an agent before it was welcomed; its administrator reads `reason`."""
        self._send_step(Step.SEND_REFUSAL)
        return encode(Goodbye(reason=clip(reason)))

    def dial(
        self,
        *,
        connection_id: str,
        gateway: str,
        certificate_sha256: str,
        ticket: str,
        target: str,
        user: str,
        consent: ConsentOrder | None = None,
    ) -> str:
        """Return the order to dial `gateway` (`name:port`, with this leaf certificate) for a connection.

        Raises:
            StateError: the link is not open, or there is a consent and the agent's version has none.
            ValueError: an argument breaks the rule of its field; the message does not show its value.
        """
        message = Dial(
            connection_id=connection_id,
            gateway=gateway,
            certificate_sha256=certificate_sha256,
            ticket=ticket,
            target=target,
            user=user,
            consent=consent,
        )
        if consent is not None:
            self._check_newer(Step.SEND_DIAL, CONSENT_VERSION)
        self._send_step(Step.SEND_DIAL)
        return encode(message)

    def canary(self, *, connection_id: str, gateway: str, certificate_sha256: str, ticket: str) -> str:
        """Return the order to dial `gateway` and present the ticket, for nothing but to show that it works.

        Raises:
            StateError: the link is not open, or the agent speaks a version without canaries.
            ValueError: as `dial`.
        """
        message = Canary(
            connection_id=connection_id, gateway=gateway, certificate_sha256=certificate_sha256, ticket=ticket
        )
        self._check_newer(Step.SEND_CANARY)
        self._send_step(Step.SEND_CANARY)
        return encode(message)

    def session_order(
        self, order_id: str, action: SessionAction, session: str, text: str = "", user: str | None = None
    ) -> str:
        """Return an order for a session of the user; `text` is the message, of 500 characters.

        Raises as `canary`.
        """
        message = SessionOrder(order_id=order_id, action=action, session=session, text=text, user=user)
        self._check_newer(Step.SEND_SESSION_ORDER)
        self._send_step(Step.SEND_SESSION_ORDER)
        return encode(message)

    def grant_revoked(self, grant_id: str) -> str:
        """Return the news that a grant is good no more.

        Raises:
            StateError: the link is not open, or the agent speaks a version without consent.
            ValueError: as `dial`.
        """
        message = GrantRevoked(grant_id=grant_id)
        self._check_newer(Step.SEND_GRANT_REVOKED, CONSENT_VERSION)
        self._send_step(Step.SEND_GRANT_REVOKED)
        return encode(message)

    def flight(self, connection_id: str, entries: Sequence[str]) -> str:
        """Return entries of a flight record: those that fit into one message, of the first 100.

        Raises:
            StateError: the link is not open, or the agent speaks a version without flight records.
            ValueError: as `dial`.
        """
        message = Flight(connection_id=connection_id, entries=_fitting_lines(entries))
        self._check_newer(Step.SEND_FLIGHT, FLIGHT_VERSION)
        self._send_step(Step.SEND_FLIGHT)
        return encode(message)

    def flight_head(
        self,
        connection_id: str,
        count: int,
        hash: str,
        *,
        agent_signature: bytes,
        platform_signature: bytes,
        platform_key: bytes,
    ) -> str:
        """Return the head of a flight record with the signatures of both. Raises as `flight`."""
        message = FlightHead(
            connection_id=connection_id,
            count=count,
            hash=hash,
            agent_signature=encode_base64url(agent_signature),
            platform_signature=encode_base64url(platform_signature),
            platform_key=encode_base64url(platform_key),
        )
        self._check_newer(Step.SEND_FLIGHT_HEAD, FLIGHT_VERSION)
        self._send_step(Step.SEND_FLIGHT_HEAD)
        return encode(message)

    def goodbye(self, reason: str) -> str:
        """Return the text that ends an open link."""
        self._send_step(Step.SEND_GOODBYE)
        return encode(Goodbye(reason=clip(reason)))


class AgentLink(_Link):
    """The agent's side of its link: texts of the server in, events out.

    Args:
        host_id: the id the host was given at enrolment.
        sign: makes the Ed25519 signature, 64 bytes, with the host key.
        certificate_sha256: the leaf certificate the server showed in TLS, 64 hexadecimal characters.
        agent_version, host_name, system: what the agent says of itself; clipped to what a field takes.
        versions: what this agent speaks.
    """

    def __init__(
        self,
        host_id: str,
        sign: Callable[[bytes], bytes],
        certificate_sha256: str,
        *,
        agent_version: str,
        host_name: str,
        system: str,
        versions: VersionRange = SUPPORTED,
    ) -> None:
        super().__init__(AGENT_TABLE)
        self._host_id = host_id
        self._sign = sign
        self._certificate_sha256 = certificate_sha256
        self._agent_version = clip(agent_version)
        self._host_name = clip(host_name)
        self._system = clip(system)
        self._versions = versions

    def receive(self, text: str | bytes) -> AgentEvent:
        """Take one text of the server.

        Raises:
            WireError: the text is no message, or one that may not come now.
        """
        message = decode_from_server(text)
        match message:
            case Challenge():
                return self._receive_challenge(message)
            case Welcome():
                return self._receive_welcome(message)
            case Dial():
                self._receive_step(Step.DIAL)
                return DialReceived(message)
            case Canary():
                self._receive_step(Step.CANARY)
                return CanaryReceived(message)
            case SessionOrder():
                self._receive_step(Step.SESSION_ORDER)
                return SessionOrderReceived(message)
            case GrantRevoked():
                self._receive_step(Step.GRANT_REVOKED)
                return GrantRevokedReceived(message.grant_id)
            case Flight():
                self._receive_step(Step.FLIGHT)
                return FlightReceived(message.connection_id, message.entries)
            case FlightHead():
                return self._receive_flight_head(message)
            case HeartbeatEcho():
                self._receive_step(Step.HEARTBEAT_ECHO)
                return EchoReceived()
            case Goodbye():
                self._receive_step(Step.GOODBYE)
                return GoodbyeReceived(message.reason)
            case Ignored():
                self._receive_step(Step.IGNORED)
                return MessageIgnored(message.type)

    def _receive_challenge(self, challenge: Challenge) -> ChallengeReceived | NoCommonVersion:
        theirs = VersionRange(challenge.lowest_version, challenge.highest_version)
        version = choose_version(self._versions, theirs)
        if version is None:
            self._receive_step(Step.UNFIT_CHALLENGE)
            return NoCommonVersion(theirs)
        self._receive_step(Step.CHALLENGE)
        self._version = version
        signed = signed_challenge(
            challenge.nonce, self._host_id, self._certificate_sha256, theirs, self._versions
        )
        return ChallengeReceived(encode(self._hello(self._sign(signed))))

    def _receive_flight_head(self, message: FlightHead) -> FlightHeadReceived:
        received = FlightHeadReceived(
            message.connection_id,
            message.count,
            message.hash,
            agent_signature=decode_base64url(message.agent_signature, SIGNATURE_BYTES),
            platform_signature=decode_base64url(message.platform_signature, SIGNATURE_BYTES),
            platform_key=decode_base64url(message.platform_key, PUBLIC_KEY_BYTES),
        )
        self._receive_step(Step.FLIGHT_HEAD)
        return received

    def _hello(self, signature: bytes) -> Hello:
        return Hello(
            host_id=self._host_id,
            signature=encode_base64url(signature),
            lowest_version=self._versions.lowest,
            highest_version=self._versions.highest,
            agent_version=self._agent_version,
            host_name=self._host_name,
            system=self._system,
        )

    def _receive_welcome(self, welcome: Welcome) -> WelcomeReceived:
        if self._state is LinkState.ANSWERED and welcome.version != self._version:
            raise WireError(f"expected version {self._version} in welcome, got {welcome.version}")
        self._receive_step(Step.WELCOME)
        return WelcomeReceived(welcome.version, welcome.heartbeat_s, welcome.server_time)

    def report(
        self,
        rdp_servers: Sequence[RdpServer],
        failing: Sequence[Failing] = (),
        management: ManagementOffer | None = None,
    ) -> str:
        """Return the report of what was found at the targets and what fails on the host, 16 each at most.

        `management` is None if the host is not to be managed.
        """
        message = Report(rdp_servers=tuple(rdp_servers), failing=tuple(failing), management=management)
        self._send_step(Step.SEND_REPORT)
        return encode(message)

    def sessions(self, sessions: Sequence[HostSession], problem: str = "") -> str:
        """Return the list of sessions: as many as fit into one message, 500 at most.

        Raises:
            StateError: the link is not open, or the server speaks a version without session lists.
        """
        self._check_newer(Step.SEND_SESSIONS)
        self._send_step(Step.SEND_SESSIONS)
        return encode(Sessions(sessions=_fitting(sessions), problem=clip(problem)))

    def dialled(self, connection_id: str) -> str:
        """Return the answer to an order that was carried out."""
        self._send_step(Step.SEND_DIALLED)
        return encode(Dialled(connection_id=connection_id))

    def dial_refused(self, connection_id: str, reason: DialRefusal, detail: str = "") -> str:
        """Return the answer to an order that was not; `detail` is clipped to what the field takes."""
        self._send_step(Step.SEND_DIAL_REFUSED)
        return encode(DialRefused(connection_id=connection_id, reason=reason, detail=clip(detail)))

    def session_order_done(self, order_id: str, problem: str = "") -> str:
        """Return the answer to an order for a session; `problem`, clipped, says why it was not done."""
        self._send_step(Step.SEND_SESSION_ORDER_DONE)
        return encode(SessionOrderDone(order_id=order_id, problem=clip(problem)))

    def flight_signed(self, connection_id: str, count: int, hash: str, signature: bytes) -> str:
        """Return the answer to entries that are kept: the signature of the head, 64 bytes."""
        message = FlightSigned(
            connection_id=connection_id, count=count, hash=hash, signature=encode_base64url(signature)
        )
        self._send_step(Step.SEND_FLIGHT_SIGNED)
        return encode(message)

    def flight_refused(self, connection_id: str, count: int, problem: str) -> str:
        """Return the answer to entries that are not; `problem` is clipped to what the field takes."""
        message = FlightRefused(connection_id=connection_id, count=count, problem=clip(problem))
        self._send_step(Step.SEND_FLIGHT_REFUSED)
        return encode(message)

    def heartbeat(self) -> str:
        """Return a heartbeat."""
        self._send_step(Step.SEND_HEARTBEAT)
        return encode(Heartbeat())
