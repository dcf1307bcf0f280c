"""Both sides of a session against each other, and each against every step."""

import pytest

from dialback.wire.agent.version import VersionRange
from dialback.wire.errors import StateError, WireError
from dialback.wire.management.messages import (
    HEAD_BYTES,
    AskFacts,
    AskLog,
    ConsoleHello,
    Done,
    Goodbye,
    Ignored,
    Log,
    RefusedAsk,
    encode,
)
from dialback.wire.management.session import (
    AGENT_TABLE,
    CONSOLE_TABLE,
    AgentGreeted,
    AgentLeft,
    AgentSession,
    Answered,
    Asked,
    ConsoleGreeted,
    ConsoleSession,
    SessionState,
    Step,
    signed_hello,
)

NONCE = bytes(range(32))
SHOWN = "ab" * 32
FIRST = VersionRange(1, 1)


def sign(signed: bytes) -> bytes:
    return signed[-64:].ljust(64, b"\0")


def console(versions: VersionRange = FIRST, certificate: str = SHOWN) -> ConsoleSession:
    return ConsoleSession(NONCE, "host", certificate, console_version="0.1", versions=versions)


def agent(versions: VersionRange = FIRST) -> AgentSession:
    return AgentSession("host", sign, SHOWN, agent_version="0.1", scopes=("log", "facts"), versions=versions)


def greet(one: ConsoleSession, other: AgentSession) -> tuple[ConsoleGreeted, AgentGreeted]:
    [heard] = other.receive(one.greet())
    assert isinstance(heard, ConsoleGreeted)
    [answered] = one.receive(heard.reply)
    assert isinstance(answered, AgentGreeted)
    return heard, answered


def opened() -> tuple[ConsoleSession, AgentSession]:
    one, other = console(), agent()
    greet(one, other)
    one.accept()
    return one, other


def test_agent_proves_itself_for_the_nonce_and_the_certificate_seen() -> None:
    one, other = console(), agent()
    heard, answered = greet(one, other)
    assert (heard.version, heard.versions, heard.console_version) == (1, VersionRange(1, 1), "0.1")
    assert answered.signature == sign(answered.signed)
    assert (answered.version, answered.agent_version, answered.scopes) == (1, "0.1", {"facts", "log"})
    assert answered.signed.startswith(b"dialback management 1\0")
    assert one.state is SessionState.VERIFYING


def test_signature_is_of_no_use_with_another_certificate_nonce_host_or_range() -> None:
    ours, theirs = VersionRange(1, 2), VersionRange(1, 1)
    told = {
        signed_hello(*parts)
        for parts in (
            ("n", "h", "c", ours, theirs),
            ("m", "h", "c", ours, theirs),
            ("n", "i", "c", ours, theirs),
            ("n", "h", "d", ours, theirs),
            ("n", "h", "c", theirs, theirs),
            ("n", "h", "c", ours, ours),
            ("n", "hc", "", ours, theirs),
        )
    }
    assert len(told) == 7


def test_two_ends_that_see_different_certificates_sign_and_verify_different_bytes() -> None:
    kept: list[bytes] = []

    def keep(signed: bytes) -> bytes:
        kept.append(signed)
        return bytes(64)

    other = AgentSession("host", keep, SHOWN, agent_version="", scopes=())
    _, answered = greet(console(certificate="cd" * 32), other)
    assert [answered.signed] != kept
    other = AgentSession("host", keep, SHOWN, agent_version="", scopes=())
    _, answered = greet(console(), other)
    assert answered.signed == kept[-1]


@pytest.mark.parametrize(
    ("ours", "theirs", "version"),
    [((1, 1), (1, 3), 1), ((1, 3), (2, 2), 2), ((2, 2), (1, 1), None), ((1, 1), (2, 3), None)],
)
def test_highest_common_version_is_spoken_and_both_know_when_there_is_none(
    ours: tuple[int, int], theirs: tuple[int, int], version: int | None
) -> None:
    one, other = console(VersionRange(*ours)), agent(VersionRange(*theirs))
    heard, answered = greet(one, other)
    assert heard.version == answered.version == version
    assert answered.versions == VersionRange(*theirs)
    assert other.state is (SessionState.IDLE if version else SessionState.CLOSED)


def test_each_ask_gets_its_answer() -> None:
    one, other = opened()
    for ask, answer in ((AskFacts(), RefusedAsk(reason="consent-wanted")), (AskLog(lines=1), Log())):
        assert other.receive(one.ask(ask)) == [Asked(ask)]
        assert one.receive(other.answer(answer)) == [Answered(answer)]


def test_ask_that_nobody_here_knows_wants_an_answer_too() -> None:
    one, other = opened()
    one.ask(AskFacts())
    asked = b'{"type":"ask-weather"}'
    assert other.receive(len(asked).to_bytes(HEAD_BYTES, "big") + asked) == [
        Asked(Ignored(type="ask-weather"))
    ]
    assert one.receive(other.answer(Done())) == [Answered(Done())]


def test_message_of_a_newer_agent_is_passed_over() -> None:
    one, _ = opened()
    said = b'{"type":"by-the-way"}'
    assert one.receive(len(said).to_bytes(HEAD_BYTES, "big") + said) == []
    assert one.state is SessionState.IDLE


def test_agent_may_leave_at_any_time() -> None:
    one, other = opened()
    one.ask(AskFacts())
    assert one.receive(other.leave("it restarts")) == [AgentLeft("it restarts")]
    assert (one.state, other.state) == (SessionState.CLOSED, SessionState.CLOSED)


def test_agent_refuses_an_ask_before_the_hello_and_before_its_answer() -> None:
    other = agent()
    with pytest.raises(WireError, match="expected no ask while new"):
        other.receive(encode(AskFacts()))
    one, other = opened()
    other.receive(one.ask(AskFacts()))
    with pytest.raises(WireError, match="expected no ask while asked"):
        other.receive(encode(AskFacts()))


def test_console_refuses_an_answer_that_nobody_asked_for() -> None:
    one, _ = opened()
    with pytest.raises(WireError, match="expected no answer while idle"):
        one.receive(encode(Done()))


def test_console_asks_nothing_before_it_has_accepted() -> None:
    one, other = console(), agent()
    greet(one, other)
    with pytest.raises(StateError):
        one.ask(AskFacts())


def test_nonce_of_another_size_is_refused() -> None:
    with pytest.raises(StateError, match="32 bytes"):
        ConsoleSession(b"short", "host", SHOWN, console_version="")


def test_frame_that_is_not_whole_is_known() -> None:
    one, other = opened()
    frame = one.ask(AskFacts())
    assert other.receive(frame[:-1]) == []
    assert other.within_frame
    assert other.receive(frame[-1:]) == [Asked(AskFacts())]
    assert not other.within_frame


def put(session: ConsoleSession | AgentSession, state: SessionState) -> None:
    session.state = state


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("step", [Step.HELLO, Step.ANSWER, Step.GOODBYE])
def test_console_hears_what_its_table_has_and_nothing_else(state: SessionState, step: Step) -> None:
    _, other = console(), agent()
    [heard] = other.receive(console().greet())
    assert isinstance(heard, ConsoleGreeted)
    said = {Step.HELLO: heard.reply, Step.ANSWER: encode(Done()), Step.GOODBYE: encode(Goodbye(why=""))}
    session = console()
    put(session, state)
    if (state, step) in CONSOLE_TABLE:
        session.receive(said[step])
        assert session.state is CONSOLE_TABLE[state, step]
    else:
        with pytest.raises(WireError):
            session.receive(said[step])
        assert session.state is state


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("step", [Step.SEND_HELLO, Step.ACCEPT, Step.SEND_ASK])
def test_console_says_what_its_table_has_and_nothing_else(state: SessionState, step: Step) -> None:
    session = console()
    put(session, state)
    say = {
        Step.SEND_HELLO: session.greet,
        Step.ACCEPT: session.accept,
        Step.SEND_ASK: lambda: session.ask(AskFacts()),
    }[step]
    if (state, step) in CONSOLE_TABLE:
        say()
        assert session.state is CONSOLE_TABLE[state, step]
    else:
        with pytest.raises(StateError):
            say()
        assert session.state is state


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("step", [Step.HELLO, Step.UNFIT_HELLO, Step.ASK])
def test_agent_hears_what_its_table_has_and_nothing_else(state: SessionState, step: Step) -> None:
    said = {
        Step.HELLO: console().greet(),
        Step.UNFIT_HELLO: console(VersionRange(7, 9)).greet(),
        Step.ASK: encode(AskFacts()),
    }
    session = agent()
    put(session, state)
    if (state, step) in AGENT_TABLE:
        session.receive(said[step])
        assert session.state is AGENT_TABLE[state, step]
    else:
        with pytest.raises(WireError):
            session.receive(said[step])
        assert session.state is state


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("step", [Step.SEND_ANSWER, Step.SEND_GOODBYE])
def test_agent_says_what_its_table_has_and_nothing_else(state: SessionState, step: Step) -> None:
    session = agent()
    put(session, state)
    if (state, step) in AGENT_TABLE:
        session.answer(Done()) if step is Step.SEND_ANSWER else session.leave("")
        assert session.state is AGENT_TABLE[state, step]
    else:
        with pytest.raises(StateError):
            session.answer(Done()) if step is Step.SEND_ANSWER else session.leave("")
        assert session.state is state


def test_hello_with_stray_bits_in_its_nonce_is_refused() -> None:
    hello = ConsoleHello(lowest_version=1, highest_version=1, nonce="A" * 42 + "B", console_version="")
    session = agent()
    with pytest.raises(WireError, match="stray bits"):
        session.receive(encode(hello))
    assert session.state is SessionState.NEW
