"""Any bytes give a message that survives encoding, or `WireError`, and move a link only along its table."""

from datetime import UTC, datetime

from dialback.wire.agent.link import AgentLink, ServerLink
from dialback.wire.agent.messages import (
    Ignored,
    decode_enrol_answer,
    decode_enrol_request,
    decode_from_agent,
    decode_from_server,
    encode,
)
from dialback.wire.errors import WireError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fuzz(data: bytes) -> None:
    """Decode the bytes as each kind of message, then play them, line by line, to both sides of a link."""
    for decode in (decode_from_agent, decode_from_server, decode_enrol_request, decode_enrol_answer):
        try:
            message = decode(data)
        except WireError:
            continue
        if not isinstance(message, Ignored):
            assert decode(encode(message)) == message
    lines = data.split(b"\n")
    _play(_open_server_link(), lines)
    _play(_new_agent_link(), lines)


def _play(link: ServerLink | AgentLink, lines: list[bytes]) -> None:
    for line in lines:
        before = link.state
        try:
            link.receive(line)
        except WireError:
            assert link.state is before


def _open_server_link() -> ServerLink:
    server, agent = ServerLink(bytes(32), "ab" * 32, 5), _new_agent_link()
    hello = agent.receive(server.start())
    server.receive(hello.reply)  # type: ignore[union-attr]
    server.welcome(NOW)
    return server


def _new_agent_link() -> AgentLink:
    return AgentLink("h", lambda signed: bytes(64), "ab" * 32, agent_version="1", host_name="h", system="s")
