"""Messages of the agent protocol: JSON objects told apart by `type`, and the two bodies of enrolment.

One message is one unfragmented text frame of at most 64 KiB. Rules of this file:

- Every text is bounded and every id has an alphabet. Texts a person will read hold no control, line break or
  direction mark; `clip` makes such a text out of any other.
- Fields and types nobody here knows come from a newer minor and are ignored; a known field of another kind
  than declared is an error, and nothing is converted.
- The text of an error names the field and the rule, never the value: messages carry tickets and secrets.

Left out: the order of messages (`link`), and what the ids mean.

Source: docs/protocols/agent.md.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from dialback.wire.errors import WireError

MAX_MESSAGE_BYTES = 65536
MAX_RDP_SERVERS = 16
MAX_FAILING = 16
MAX_SESSIONS = 500
MAX_OFFERS = 32
MAX_GRANT_CHARS = 16_000
MAX_FLIGHT_LINES = 100
MAX_FLIGHT_LINE_CHARS = 4_000
NONCE_BYTES = 32
SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 32

# The patterns are read by pydantic's engine, where `$` is the very end of the text.
_PRINTABLE = (
    r"^[^\x00-\x1f\x7f-\x9f\x{061c}\x{200e}\x{200f}\x{2028}\x{2029}\x{202a}-\x{202e}\x{2066}-\x{2069}]*$"
)
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_T = TypeVar("_T")
_TYPE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$", repr=False)]
Nonce = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Signature = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]
PublicKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Address = Annotated[
    str,
    Field(
        pattern=r"^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):[0-9]{1,5}$"
    ),
]
Lines = Annotated[str, Field(pattern=_PRINTABLE.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f"), max_length=500)]
Target = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=300)]
Name = Annotated[str, Field(pattern=_PRINTABLE, min_length=1, max_length=253)]
Text = Annotated[str, Field(pattern=_PRINTABLE, max_length=400)]
Version = Annotated[int, Field(ge=1, le=65535)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
HostUser = Annotated[str, Field(pattern=_PRINTABLE, min_length=1, max_length=104)]
Offers = Annotated[tuple[Word, ...], Field(max_length=MAX_OFFERS)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class _Range(_Model):
    lowest_version: Version
    highest_version: Version

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.lowest_version > self.highest_version:
            raise ValueError("expected a range of versions, got its ends the other way round")
        return self


class Challenge(_Range):
    """Server, first: what to sign, and the versions the server speaks. `nonce` is 32 bytes, base64url."""

    type: Literal["challenge"] = "challenge"
    nonce: Nonce


class Hello(_Range):
    """Agent, first: who it says it is, the signed challenge, and what it runs on."""

    type: Literal["hello"] = "hello"
    host_id: Id
    signature: Signature
    agent_version: Text
    host_name: Text
    system: Text


class Welcome(_Model):
    """Server: the link is open; `version` is spoken, and the agent says `Heartbeat` every `heartbeat_s`."""

    type: Literal["welcome"] = "welcome"
    version: Version
    heartbeat_s: Annotated[int, Field(ge=1, le=3600)]
    server_time: AwareDatetime


class RdpServer(_Model):
    """What the agent's probe found at one target; texts are empty where nothing was learnt.

    `signature` is the host key's of the certificate, as it was at `signed_at`; see `certificate`.
    """

    target: Target
    answers: bool
    security: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,16}$")] = ""
    tls_version: Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{0,16}$")] = ""
    certificate_sha256: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")] = ""
    problem: Text = ""
    signed_at: Annotated[str, Field(pattern=r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z)?$")] = ""
    signature: Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9_-]{86})?$")] = ""


class Failing(_Model):
    """A check of the host that fails, such as `disk`, and why in words."""

    check: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
    detail: Text = ""


class ManagementOffer(_Range):
    """The versions of the management protocol the agent speaks, and what a console may ask its host for."""

    offers: Offers = ()


class Report(_Model):
    """Agent: the state of its host, in place of what it reported before.

    `management` is left out by an agent whose host is not to be managed, and by one of before it was known.
    """

    type: Literal["report"] = "report"
    rdp_servers: Annotated[tuple[RdpServer, ...], Field(max_length=MAX_RDP_SERVERS)] = ()
    failing: Annotated[tuple[Failing, ...], Field(max_length=MAX_FAILING)] = ()
    management: ManagementOffer | None = None


SessionState = Literal["active", "disconnected"]


class HostSession(_Model):
    """One session on the host: `user` is the host's name for them, `since` when `state` began.

    `locked` is left out where the host does not tell whether the screen is locked.
    """

    id: Id
    user: HostUser
    state: SessionState
    since: AwareDatetime
    locked: bool | None = None


class Sessions(_Model):
    """Agent: every session on its host, in place of those it listed before; or why it cannot list them."""

    type: Literal["sessions"] = "sessions"
    sessions: Annotated[tuple[HostSession, ...], Field(max_length=MAX_SESSIONS)] = ()
    problem: Text = ""


class ConsentOrder(_Model):
    """Who of the provider asks for what at the host, why, and the signed grant that is shown for it, if any.

    It stands in a `Dial`, whose target is what is asked for; the host is the link's own.
    """

    request_id: Id
    tenant: Id
    staff: Annotated[str, Field(pattern=_PRINTABLE, min_length=1, max_length=104)]
    role: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
    scope: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
    purpose: Annotated[str, Field(pattern=_PRINTABLE, min_length=1, max_length=400)]
    asked_at: AwareDatetime
    ticket_number: Annotated[str, Field(pattern=_PRINTABLE, max_length=100)] = ""
    grant: Annotated[str, Field(pattern=r"^[ -~]+$", max_length=MAX_GRANT_CHARS)] | None = None


class Dial(_Model):
    """Server: dial `gateway` (`name:port`, with this leaf certificate), present the ticket, join `target`.

    With `consent` it is for somebody of the provider, without it for a user of the tenant.
    """

    type: Literal["dial"] = "dial"
    connection_id: Id
    gateway: Address
    certificate_sha256: Fingerprint
    ticket: Token
    target: Target
    user: Name
    consent: ConsentOrder | None = None


class Dialled(_Model):
    """Agent: the host leg of this connection stands, and so does the connection to the target."""

    type: Literal["dialled"] = "dialled"
    connection_id: Id


DialRefusal = Literal[
    "agent-refused",
    "rdp-server-down",
    "gateway-unreachable",
    "consent-forbidden",
    "consent-wanted",
    "grant-other",
    "grant-invalid",
    "grant-unsigned",
    "grant-early",
    "grant-expired",
    "grant-revoked",
    "grant-used",
]
"""Why an agent does not dial; those about consent are said about a dial with consent alone."""


class DialRefused(_Model):
    """Agent: there will be no host leg for this connection, or, about one that stands, it ends now."""

    type: Literal["dial-refused"] = "dial-refused"
    connection_id: Id
    reason: DialRefusal
    detail: Text = ""


class Canary(_Model):
    """Server: dial `gateway` as for a connection and present the ticket, but join nothing."""

    type: Literal["canary"] = "canary"
    connection_id: Id
    gateway: Address
    certificate_sha256: Fingerprint
    ticket: Token


class GrantRevoked(_Model):
    """Server: the tenant has revoked this grant; what it opened ends, and it opens nothing more."""

    type: Literal["grant-revoked"] = "grant-revoked"
    grant_id: Id


SessionAction = Literal["message", "disconnect", "log-off"]


class SessionOrder(_Model):
    """Server: show a message, which may have several lines, in a session; disconnect it; or log it off.

    `user` is whose session it was when it was listed, since hosts give an id to another session later on. It
    is left out by a server of before it was known.
    """

    type: Literal["session-order"] = "session-order"
    order_id: Id
    action: SessionAction
    session: Id
    text: Lines = ""
    user: HostUser | None = None


class SessionOrderDone(_Model):
    """Agent: the order was carried out, or `problem` says why not."""

    type: Literal["session-order-done"] = "session-order-done"
    order_id: Id
    problem: Text = ""


FlightLine = Annotated[str, Field(pattern=r"^[ -~]+$", max_length=MAX_FLIGHT_LINE_CHARS)]
FlightCount = Annotated[int, Field(ge=0, le=1_000_000)]


class Flight(_Model):
    """Server: entries of a connection's flight record, in their order; those the agent has add nothing."""

    type: Literal["flight"] = "flight"
    connection_id: Id
    entries: Annotated[tuple[FlightLine, ...], Field(min_length=1, max_length=MAX_FLIGHT_LINES)]


class FlightSigned(_Model):
    """Agent: it keeps the entries, and this is its host key's signature of the chain's head as it is now."""

    type: Literal["flight-signed"] = "flight-signed"
    connection_id: Id
    count: FlightCount
    hash: Fingerprint
    signature: Signature


class FlightRefused(_Model):
    """Agent: the entries do not follow the `count` it keeps, or it cannot keep them; `problem` says which."""

    type: Literal["flight-refused"] = "flight-refused"
    connection_id: Id
    count: FlightCount
    problem: Text = ""


class FlightHead(_Model):
    """Server: the head of a chain with the signatures of both, and the platform's public key."""

    type: Literal["flight-head"] = "flight-head"
    connection_id: Id
    count: FlightCount
    hash: Fingerprint
    agent_signature: Signature
    platform_signature: Signature
    platform_key: PublicKey


class Heartbeat(_Model):
    """Agent: still here."""

    type: Literal["heartbeat"] = "heartbeat"


class HeartbeatEcho(_Model):
    """Server: the heartbeat came through."""

    type: Literal["heartbeat-echo"] = "heartbeat-echo"


class Goodbye(_Model):
    """Server, last: why the link ends."""

    type: Literal["goodbye"] = "goodbye"
    reason: Text


class Ignored(_Model):
    """A message of a type this version does not know; never sent."""

    type: str


class EnrolRequest(_Model):
    """The body of an enrolment: the secret of a join code, and the key the host made (Ed25519, base64url)."""

    join_secret: Token
    public_key: PublicKey
    host_name: Text
    system: Text
    agent_version: Text


class EnrolAnswer(_Model):
    """The answer to an enrolment: the host's id, and the name the administrator gave it."""

    host_id: Id
    host_name: Name


FromServer = (
    Challenge
    | Welcome
    | Dial
    | Canary
    | SessionOrder
    | GrantRevoked
    | Flight
    | FlightHead
    | HeartbeatEcho
    | Goodbye
)
FromAgent = (
    Hello
    | Report
    | Sessions
    | Dialled
    | DialRefused
    | SessionOrderDone
    | FlightSigned
    | FlightRefused
    | Heartbeat
)

_FROM_SERVER: TypeAdapter[FromServer] = TypeAdapter(Annotated[FromServer, Field(discriminator="type")])
_FROM_AGENT: TypeAdapter[FromAgent] = TypeAdapter(Annotated[FromAgent, Field(discriminator="type")])
_ENROL_REQUEST = TypeAdapter(EnrolRequest)
_ENROL_ANSWER = TypeAdapter(EnrolAnswer)


def encode(message: FromServer | FromAgent | EnrolRequest | EnrolAnswer) -> str:
    """Encode a message as one line of JSON; what is not there is left out."""
    return message.model_dump_json(exclude_none=True)


def decode_from_server(text: str | bytes) -> FromServer | Ignored:
    """Decode what a server sent.

    Raises:
        WireError: no JSON object, a field missing or beyond its rule, or over 64 KiB.
    """
    return _decode(_FROM_SERVER, text)


def decode_from_agent(text: str | bytes) -> FromAgent | Ignored:
    """Decode what an agent sent; raises as `decode_from_server`."""
    return _decode(_FROM_AGENT, text)


def decode_enrol_request(text: str | bytes) -> EnrolRequest:
    """Decode the body of an enrolment; raises as `decode_from_server`."""
    return _validate(_ENROL_REQUEST, text)


def decode_enrol_answer(text: str | bytes) -> EnrolAnswer:
    """Decode the answer to an enrolment; raises as `decode_from_server`."""
    return _validate(_ENROL_ANSWER, text)


def clip(text: str, limit_chars: int = 400) -> str:
    """Make any text fit for a field a person reads: one line, bounded, each unprintable run one space."""
    return _UNPRINTABLE.sub(" ", text[: 2 * limit_chars]).strip()[:limit_chars]


def encode_base64url(raw: bytes) -> str:
    """Encode bytes as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_base64url(text: str, size_bytes: int | None = None) -> bytes:
    """Decode base64url without padding, in its one canonical spelling.

    Raises:
        WireError: other characters, stray bits, or not `size_bytes` bytes.
    """
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise WireError("expected base64url without padding, got other text")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64url(raw) != text:
        raise WireError("expected base64url without stray bits, got some")
    if size_bytes is not None and len(raw) != size_bytes:
        raise WireError(f"expected {size_bytes} bytes in base64url, got {len(raw)}")
    return raw


class _UnknownType(WireError):
    def __init__(self, tag: str) -> None:
        super().__init__("expected a known type, got another")
        self.tag = tag


def _decode(adapter: TypeAdapter[_T], text: str | bytes) -> _T | Ignored:
    try:
        return _validate(adapter, text)
    except _UnknownType as unknown:
        if not _TYPE.fullmatch(unknown.tag):
            raise WireError("expected a lower-case word as type, got something else") from None
        return Ignored(type=unknown.tag)


def _validate(adapter: TypeAdapter[_T], text: str | bytes) -> _T:
    try:
        raw = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise WireError("expected text in UTF-8, got lone surrogates") from None
    if len(raw) > MAX_MESSAGE_BYTES:
        raise WireError(f"expected at most {MAX_MESSAGE_BYTES} bytes of message, got {len(raw)}")
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
    raise _blame(first)


def _blame(first: Any) -> WireError:
    """Turn pydantic's first error into ours: the field's name if it is one of ours, and the rule's name."""
    if first["type"] == "union_tag_invalid":
        return _UnknownType(str(first["ctx"]["tag"]))
    where = ".".join(str(part) for part in first["loc"]) or "message"
    return WireError(f"expected a valid {where}, got a breach of rule {first['type']}")
