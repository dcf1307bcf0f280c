"""Messages of the management protocol: JSON objects told apart by `type`, each in a frame with its size.

**Wire**: size, 4 bytes, unsigned, big-endian, of what follows; then the message in UTF-8, 256 KiB at most.

Rules of this file:

- Both sides are hostile to each other: every text, list and number is bounded. Texts a person will read hold
  no control, line break or direction mark, and instants lie within what every clock can show.
- Fields and types nobody here knows come from a newer agent or console and are passed over; a known field of
  another kind than declared is an error, and nothing is converted.
- The text of an error names the field and the rule, never the value.

Left out: the order of messages (`session`), and who may ask for what.

Source: docs/protocols/management.md.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
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

from dialback.wire.agent.messages import (
    MAX_FAILING,
    MAX_RDP_SERVERS,
    Failing,
    Id,
    Name,
    Nonce,
    Offers,
    RdpServer,
    SessionState,
    Signature,
    Target,
    Text,
    Version,
    Word,
    clip,
)
from dialback.wire.errors import StateError, WireError

MAX_MESSAGE_BYTES = 256 * 1024
HEAD_BYTES = 4
MAX_LINES = 1000
MAX_LINE_CHARS = 500
MAX_SESSIONS = 500
MAX_DISKS = 32
MAX_SCOPES = 32
MAX_WINDOWS = 32
_LISTED_BYTES = MAX_MESSAGE_BYTES - 8192
"""What a list may take of a message; the rest is for the fields beside it."""

_TYPE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_T = TypeVar("_T")

Line = Annotated[Text, Field(max_length=MAX_LINE_CHARS)]
Instant = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 2, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))
]
Bytes = Annotated[int, Field(ge=0, le=2**63 - 1)]
Source = Literal["agent", "rdp"]


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


class ConsoleHello(_Range):
    """Console, first: the versions it speaks, and what the agent is to sign: 32 random bytes, base64url."""

    type: Literal["console-hello"] = "console-hello"
    nonce: Nonce
    console_version: Text


class AgentHello(_Range):
    """Agent, first: proof that it holds the host's key, its versions, and the consent it was dialled with."""

    type: Literal["agent-hello"] = "agent-hello"
    signature: Signature
    agent_version: Text
    scopes: Annotated[tuple[Word, ...], Field(max_length=MAX_SCOPES)] = ()


class AskFacts(_Model):
    """Console: how is the host?"""

    type: Literal["ask-facts"] = "ask-facts"


class AskLog(_Model):
    """Console: the last lines of a log, the agent's own or that of the RDP service."""

    type: Literal["ask-log"] = "ask-log"
    source: Source = "agent"
    lines: Annotated[int, Field(ge=1, le=MAX_LINES)]


class AskSessions(_Model):
    """Console: which sessions are on the host?"""

    type: Literal["ask-sessions"] = "ask-sessions"


class LogOff(_Model):
    """Console: end a session and everything in it."""

    type: Literal["log-off"] = "log-off"
    session: Id


class RestartRdp(_Model):
    """Console: restart the RDP service."""

    type: Literal["restart-rdp"] = "restart-rdp"


class RestartAgent(_Model):
    """Console: restart the agent; it answers, and then ends the session."""

    type: Literal["restart-agent"] = "restart-agent"


class UpdateAgent(_Model):
    """Console: start an update of the agent."""

    type: Literal["update-agent"] = "update-agent"


class Disk(_Model):
    """A file system: where it is, its size, and what ordinary users can still write."""

    path: Name
    size_bytes: Bytes
    free_bytes: Bytes


class Policy(_Model):
    """What the host's own policy says to the provider, as its agent tells it."""

    mode: Word
    windows: Annotated[tuple[Text, ...], Field(max_length=MAX_WINDOWS)] = ()
    scopes: Annotated[tuple[Word, ...], Field(max_length=MAX_SCOPES)] = ()
    approvers: Annotated[int, Field(ge=0, le=100)] = 1


class Facts(_Model):
    """Agent: how its host is. What it cannot tell is None or empty; `sessions_problem` says why not.

    `offers` names what the host's settings let a console ask for beside looking.
    """

    type: Literal["facts"] = "facts"
    host_name: Text
    system: Text
    agent_version: Text
    now: Instant
    offers: Offers
    uptime_s: Annotated[int, Field(ge=0, le=10**10)] | None = None
    load_per_cpu: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] | None = None
    free_memory_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    disks: Annotated[tuple[Disk, ...], Field(max_length=MAX_DISKS)] = ()
    active_sessions: Annotated[int, Field(ge=0, le=10**6)] | None = None
    disconnected_sessions: Annotated[int, Field(ge=0, le=10**6)] | None = None
    sessions_problem: Text = ""
    rdp_servers: Annotated[tuple[RdpServer, ...], Field(max_length=MAX_RDP_SERVERS)] = ()
    failing: Annotated[tuple[Failing, ...], Field(max_length=MAX_FAILING)] = ()
    targets: Annotated[tuple[Target, ...], Field(max_length=MAX_RDP_SERVERS)] = ()
    policy: Policy | None = None


class Log(_Model):
    """Agent: lines of a log, oldest first; `cut` if there were more than were asked for or fit."""

    type: Literal["log"] = "log"
    lines: Annotated[tuple[Line, ...], Field(max_length=MAX_LINES)] = ()
    cut: bool = False


class Session(_Model):
    """One session on the host: `user` is the host's name for them, `since` when `state` began.

    `locked` is None where the host does not tell whether the screen is locked.
    """

    id: Id
    user: Annotated[Name, Field(max_length=104)]
    state: SessionState
    since: Instant
    locked: bool | None = None


class Sessions(_Model):
    """Agent: the sessions on its host; `cut` if there are more than fit."""

    type: Literal["sessions"] = "sessions"
    sessions: Annotated[tuple[Session, ...], Field(max_length=MAX_SESSIONS)] = ()
    cut: bool = False


class Done(_Model):
    """Agent: what was asked for was done; `detail` may say how."""

    type: Literal["done"] = "done"
    detail: Text = ""


class RefusedAsk(_Model):
    """Agent: what was asked for was not done; `reason` is one of the platform's reasons."""

    type: Literal["refused"] = "refused"
    reason: Word
    detail: Text = ""


class Goodbye(_Model):
    """Agent, last: why it ends the session."""

    type: Literal["goodbye"] = "goodbye"
    why: Text


class Ignored(_Model):
    """A message of a type this code does not know; never sent."""

    type: str


Ask = AskFacts | AskLog | AskSessions | LogOff | RestartRdp | RestartAgent | UpdateAgent
Answer = Facts | Log | Sessions | Done | RefusedAsk
FromConsole = ConsoleHello | Ask
FromAgent = AgentHello | Answer | Goodbye

_FROM_CONSOLE: TypeAdapter[FromConsole] = TypeAdapter(Annotated[FromConsole, Field(discriminator="type")])
_FROM_AGENT: TypeAdapter[FromAgent] = TypeAdapter(Annotated[FromAgent, Field(discriminator="type")])


def encode(message: FromConsole | FromAgent) -> bytes:
    """Encode a message as a whole frame.

    Raises:
        StateError: it is over 256 KiB.
    """
    raw = message.model_dump_json().encode()
    if len(raw) > MAX_MESSAGE_BYTES:
        raise StateError(f"expected at most {MAX_MESSAGE_BYTES} bytes of message, got {len(raw)}")
    return len(raw).to_bytes(HEAD_BYTES, "big") + raw


def decode_from_console(raw: bytes) -> FromConsole | Ignored:
    """Decode the content of a frame that a console sent.

    Raises:
        WireError: no JSON object, or a field missing or beyond its rule.
    """
    return _decode(_FROM_CONSOLE, raw)


def decode_from_agent(raw: bytes) -> FromAgent | Ignored:
    """Decode the content of a frame that an agent sent; raises as `decode_from_console`."""
    return _decode(_FROM_AGENT, raw)


class FrameReader:
    """Takes bytes as they come, and gives the content of each frame that is whole.

    **Invariant**: it holds less than one frame of the greatest size, and what was given last.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what is whole; raise `WireError` at a frame of a size that none has."""
        self._held += data
        while len(self._held) >= HEAD_BYTES:
            size = int.from_bytes(self._held[:HEAD_BYTES], "big")
            if not 2 <= size <= MAX_MESSAGE_BYTES:
                raise WireError(f"expected a frame of 2 to {MAX_MESSAGE_BYTES} bytes, got {size}")
            if len(self._held) < HEAD_BYTES + size:
                return
            content = bytes(self._held[HEAD_BYTES : HEAD_BYTES + size])
            del self._held[: HEAD_BYTES + size]
            yield content

    @property
    def within_frame(self) -> bool:
        """Whether a frame has begun that is not whole."""
        return bool(self._held)


def fit_lines(lines: Sequence[str], wanted: int) -> Log:
    """Return the last lines, as many as are wanted and fit, each made fit to be read."""
    last = [clip(line, MAX_LINE_CHARS) for line in lines[-wanted:]]
    kept = _fitting(last[::-1], lambda line: len(json.dumps(line, ensure_ascii=False).encode()))
    return Log(lines=tuple(kept[::-1]), cut=len(kept) < len(lines))


def fit_sessions(sessions: Sequence[Session]) -> Sessions:
    """Return the first sessions, as many as fit."""
    kept = _fitting(sessions[:MAX_SESSIONS], lambda session: len(session.model_dump_json().encode()))
    return Sessions(sessions=tuple(kept), cut=len(kept) < len(sessions))


def _fitting(items: Sequence[_T], size_of: Callable[[_T], int]) -> list[_T]:
    left_bytes = _LISTED_BYTES
    kept: list[_T] = []
    for item in items:
        left_bytes -= size_of(item) + 1
        if left_bytes < 0:
            break
        kept.append(item)
    return kept


def _decode(adapter: TypeAdapter[_T], raw: bytes) -> _T | Ignored:
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "union_tag_invalid":
        return _ignored(str(first["ctx"]["tag"]))
    where = ".".join(str(part) for part in first["loc"]) or "message"
    raise WireError(f"expected a valid {where}, got a breach of rule {first['type']}")


def _ignored(tag: str) -> Ignored:
    if not _TYPE.fullmatch(tag):
        raise WireError("expected a lower-case word as type, got something else")
    return Ignored(type=tag)
