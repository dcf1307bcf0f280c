"""Any bytes give messages that survive encoding, or `WireError`, and move a session only along its table."""

from dialback.wire.agent.version import VersionRange
from dialback.wire.errors import WireError
from dialback.wire.management.messages import (
    HEAD_BYTES,
    AskFacts,
    FrameReader,
    Ignored,
    decode_from_agent,
    decode_from_console,
    encode,
)
from dialback.wire.management.session import (
    AGENT_TABLE,
    CONSOLE_TABLE,
    AgentSession,
    ConsoleGreeted,
    ConsoleSession,
)

VERSIONS = VersionRange(1, 2)


def fuzz(data: bytes) -> None:
    """Decode the bytes as each kind of message, then play them, as frames and as lines, to both sides."""
    for decode in (decode_from_agent, decode_from_console):
        try:
            message = decode(data)
        except WireError:
            continue
        if not isinstance(message, Ignored):
            assert decode(encode(message)[HEAD_BYTES:]) == message
    lines = data.split(b"\n")
    framed = b"".join(len(line).to_bytes(HEAD_BYTES, "big") + line for line in lines)
    for stream in (data, framed):
        for session in (_new_console(), _asking_console(), _new_agent(), _open_agent()):
            _play(session, stream)
    _check_frames(framed)


def _play(session: ConsoleSession | AgentSession, stream: bytes) -> None:
    table = CONSOLE_TABLE if isinstance(session, ConsoleSession) else AGENT_TABLE
    for at in range(0, len(stream), 97):
        before = session.state
        try:
            events = session.receive(stream[at : at + 97])
        except WireError:
            return
        assert events or session.state is before
        assert session.state is before or session.state in table.values()


def _check_frames(stream: bytes) -> None:
    reader = FrameReader()
    try:
        whole = list(reader.feed(stream))
    except WireError:
        return
    assert b"".join(len(each).to_bytes(HEAD_BYTES, "big") + each for each in whole) == stream
    assert not reader.within_frame


def _new_console() -> ConsoleSession:
    console = ConsoleSession(bytes(32), "h", "ab" * 32, console_version="1", versions=VERSIONS)
    console.greet()
    return console


def _asking_console() -> ConsoleSession:
    console = ConsoleSession(bytes(32), "h", "ab" * 32, console_version="1", versions=VERSIONS)
    greeted = _new_agent().receive(console.greet())[0]
    assert isinstance(greeted, ConsoleGreeted)
    console.receive(greeted.reply)
    console.accept()
    console.ask(AskFacts())
    return console


def _new_agent() -> AgentSession:
    return AgentSession(
        "h", lambda signed: bytes(64), "ab" * 32, agent_version="1", scopes=(), versions=VERSIONS
    )


def _open_agent() -> AgentSession:
    agent = _new_agent()
    agent.receive(ConsoleSession(bytes(32), "h", "ab" * 32, console_version="1").greet())
    return agent
