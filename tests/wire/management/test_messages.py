"""Messages, each with its bytes, read whole, byte by byte and with bytes trailing."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.agent.messages import Failing, RdpServer
from dialback.wire.errors import StateError, WireError
from dialback.wire.management import messages
from dialback.wire.management.messages import (
    HEAD_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_SESSIONS,
    AgentHello,
    AskFacts,
    AskLog,
    AskSessions,
    ConsoleHello,
    Disk,
    Done,
    Facts,
    FrameReader,
    FromAgent,
    FromConsole,
    Goodbye,
    Ignored,
    Log,
    LogOff,
    Policy,
    RefusedAsk,
    RestartAgent,
    RestartRdp,
    Session,
    Sessions,
    UpdateAgent,
    decode_from_agent,
    decode_from_console,
    encode,
    fit_lines,
    fit_sessions,
)

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
SESSION = Session(id="xrdp-10", user="ann", state="active", since=NOW)
FROM_CONSOLE: list[tuple[FromConsole, str]] = [
    (
        ConsoleHello(lowest_version=1, highest_version=2, nonce="A" * 43, console_version="0.1"),
        '{"lowest_version":1,"highest_version":2,"type":"console-hello","nonce":"%s","console_version":"0.1"}'
        % ("A" * 43),
    ),
    (AskFacts(), '{"type":"ask-facts"}'),
    (AskLog(lines=7), '{"type":"ask-log","source":"agent","lines":7}'),
    (AskLog(lines=1000, source="rdp"), '{"type":"ask-log","source":"rdp","lines":1000}'),
    (AskSessions(), '{"type":"ask-sessions"}'),
    (LogOff(session="xrdp-10"), '{"type":"log-off","session":"xrdp-10"}'),
    (RestartRdp(), '{"type":"restart-rdp"}'),
    (RestartAgent(), '{"type":"restart-agent"}'),
    (UpdateAgent(), '{"type":"update-agent"}'),
]
FACTS = Facts(
    host_name="desk",
    system="Debian 12, x86_64",
    agent_version="0.1",
    now=NOW,
    offers=("restart-rdp",),
    uptime_s=5,
    disks=(Disk(path="/", size_bytes=9, free_bytes=4),),
    rdp_servers=(RdpServer(target="127.0.0.1:3389", answers=True, security="tls"),),
    failing=(Failing(check="disk", detail="full"),),
    targets=("127.0.0.1:3389",),
    policy=Policy(mode="window", windows=("mon-fri 08:00-18:00",), scopes=("facts",)),
)
FROM_AGENT: list[tuple[FromAgent, str]] = [
    (
        AgentHello(
            lowest_version=1,
            highest_version=1,
            signature="A" * 86,
            agent_version="0.1",
            scopes=("facts", "log"),
        ),
        '{"lowest_version":1,"highest_version":1,"type":"agent-hello","signature":"%s","agent_version":"0.1",'
        '"scopes":["facts","log"]}' % ("A" * 86),
    ),
    (Log(lines=("a", "b"), cut=True), '{"type":"log","lines":["a","b"],"cut":true}'),
    (
        Sessions(sessions=(SESSION,)),
        '{"type":"sessions","sessions":[{"id":"xrdp-10","user":"ann","state":"active",'
        '"since":"2026-05-04T03:02:01Z","locked":null}],"cut":false}',
    ),
    (Done(detail="ok"), '{"type":"done","detail":"ok"}'),
    (
        RefusedAsk(reason="consent-wanted", detail="d"),
        '{"type":"refused","reason":"consent-wanted","detail":"d"}',
    ),
    (Goodbye(why="idle"), '{"type":"goodbye","why":"idle"}'),
]


def framed(text: str) -> bytes:
    return len(text.encode()).to_bytes(HEAD_BYTES, "big") + text.encode()


@pytest.mark.parametrize(
    ("message", "text"), [*FROM_CONSOLE, *FROM_AGENT], ids=lambda each: type(each).__name__
)
def test_message_has_these_bytes(message: Any, text: str) -> None:
    assert encode(message) == framed(text)


@pytest.mark.parametrize(("message", "text"), FROM_CONSOLE, ids=lambda each: type(each).__name__)
def test_message_of_a_console_is_read(message: FromConsole, text: str) -> None:
    assert decode_from_console(text.encode()) == message


@pytest.mark.parametrize(("message", "text"), FROM_AGENT, ids=lambda each: type(each).__name__)
def test_message_of_an_agent_is_read(message: FromAgent, text: str) -> None:
    assert decode_from_agent(text.encode()) == message


def test_facts_survive() -> None:
    assert decode_from_agent(encode(FACTS)[HEAD_BYTES:]) == FACTS


def test_frames_are_read_whole_byte_by_byte_and_with_bytes_trailing() -> None:
    contents = [text.encode() for _, text in FROM_AGENT]
    stream = b"".join(framed(text) for _, text in FROM_AGENT)
    assert list(FrameReader().feed(stream)) == contents
    reader = FrameReader()
    assert [each for byte in stream for each in reader.feed(bytes([byte]))] == contents
    assert not reader.within_frame
    reader = FrameReader()
    assert list(reader.feed(stream + b"\0\0")) == contents
    assert reader.within_frame


@pytest.mark.parametrize("size", [0, 1, MAX_MESSAGE_BYTES + 1, 0xFFFFFFFF])
def test_frame_of_a_size_that_none_has_is_refused_at_its_head(size: int) -> None:
    with pytest.raises(WireError, match=f"got {size}"):
        list(FrameReader().feed(size.to_bytes(4, "big")))


def test_greatest_frame_is_read() -> None:
    content = b"x" * MAX_MESSAGE_BYTES
    assert list(FrameReader().feed(len(content).to_bytes(4, "big") + content)) == [content]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "valid message"),
        ("{", "json_invalid"),
        ("{}", "union_tag_not_found"),
        ('{"type":"A B"}', "lower-case word"),
        ('{"type":"ask-log","lines":0}', "ask-log.lines"),
        ('{"type":"ask-log","lines":1001}', "ask-log.lines"),
        ('{"type":"ask-log","lines":"5"}', "ask-log.lines"),
        ('{"type":"ask-log","lines":5,"source":"/etc/shadow"}', "ask-log.source"),
        ('{"type":"log-off","session":"../1"}', "log-off.session"),
        ('{"type":"console-hello","lowest_version":2,"highest_version":1,"nonce":"%s","console_version":""}'
         % ("A" * 43), "console-hello"),
    ],
)  # fmt: skip
def test_console_that_breaks_a_rule_is_told_which(text: str, said: str) -> None:
    with pytest.raises(WireError, match=said):
        decode_from_console(text.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"host_name": "\x1b[31mred"},
        {"system": "a\u202eb"},
        {"host_name": "x" * 401},
        {"now": "0001-01-01T00:00:00Z"},
        {"now": "9999-12-31T23:59:59Z"},
        {"now": "2026-01-01T00:00:00"},
        {"uptime_s": -1},
        {"uptime_s": 1e3},
        {"load_per_cpu": "NaN"},
        {"disks": [{"path": "/\n", "size_bytes": 1, "free_bytes": 1}]},
        {"disks": [{"path": "/", "size_bytes": 2**63, "free_bytes": 1}]},
        {"disks": [{"path": "/", "size_bytes": 1, "free_bytes": 1}] * 33},
        {"policy": {"mode": "<b>"}},
    ],
    ids=str,
)
def test_facts_beyond_their_bounds_are_refused(change: dict[str, Any]) -> None:
    plain = json.loads(encode(FACTS)[HEAD_BYTES:]) | change
    with pytest.raises(WireError, match="facts"):
        decode_from_agent(json.dumps(plain).encode())


def test_type_and_field_of_a_newer_peer_are_passed_over() -> None:
    assert decode_from_console(b'{"type":"ask-weather"}') == Ignored(type="ask-weather")
    assert decode_from_agent(b'{"type":"done","detail":"","mood":1}') == Done()


def test_message_that_does_not_fit_is_our_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_MESSAGE_BYTES", 10)
    with pytest.raises(StateError, match="at most 10 bytes"):
        encode(Done())


def test_last_lines_are_kept_and_made_fit() -> None:
    assert fit_lines(["a", "b\x1b[2J", "c" * 600], 2) == Log(lines=("b [2J", "c" * 500), cut=True)
    assert fit_lines(["a"], 5) == Log(lines=("a",))
    assert fit_lines([], 5) == Log()


@pytest.mark.parametrize("character", ["x", "\u4e2d", '"', "\\", "\U0001f600"])
def test_lines_of_the_greatest_size_fit_a_message(character: str) -> None:
    log = fit_lines([character * 500] * 1000, 1000)
    assert decode_from_agent(encode(log)[HEAD_BYTES:]) == log
    assert log.cut
    assert len(log.lines) > 100


def test_sessions_of_the_greatest_size_fit_a_message() -> None:
    many = [Session(id="x" * 64, user="\U0001f600" * 104, state="disconnected", since=NOW)] * 600
    sessions = fit_sessions(many)
    assert decode_from_agent(encode(sessions)[HEAD_BYTES:]) == sessions
    assert sessions.cut
    assert len(fit_sessions([SESSION] * MAX_SESSIONS).sessions) == MAX_SESSIONS


@given(st.lists(st.text(max_size=700), max_size=50), st.integers(1, 1000))
def test_any_lines_make_a_message_that_survives(lines: list[str], wanted: int) -> None:
    log = fit_lines(lines, wanted)
    assert decode_from_agent(encode(log)[HEAD_BYTES:]) == log
    assert len(log.lines) == min(wanted, len(lines))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_make_frames_or_an_error_however_they_are_cut(data: bytes, step: int) -> None:
    def read(pieces: list[bytes]) -> tuple[list[bytes], bool]:
        reader, found = FrameReader(), []
        try:
            for piece in pieces:
                found += list(reader.feed(piece))
        except WireError:
            return found, False
        return found, True

    # What was whole before a broken head counts either way only if it came in an earlier piece.
    whole, fine = read([data])
    cut, fine_too = read([data[at : at + step] for at in range(0, len(data), step)])
    assert fine == fine_too
    if fine:
        assert whole == cut


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for decode in (decode_from_agent, decode_from_console):
        try:
            message = decode(data)
        except WireError:
            continue
        assert message is not None
