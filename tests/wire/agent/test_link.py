"""The agent link: each state against each step, playbooks of both sides, and one side against the other.

A playbook is a list of lines: `<` a text that comes in, `!` the event it gives (less its reply), `call` what
the caller does, `>` a text that goes out. What happened is written down in the same form, so that a failure
reads as a diff of two conversations.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dialback.wire.agent.link import (
    AGENT_TABLE,
    SERVER_TABLE,
    AgentLink,
    CanaryReceived,
    ChallengeReceived,
    DialledReceived,
    DialReceived,
    DialRefusedReceived,
    EchoReceived,
    FlightHeadReceived,
    FlightReceived,
    FlightRefusedReceived,
    FlightSignedReceived,
    GoodbyeReceived,
    GrantRevokedReceived,
    HeartbeatReceived,
    HelloReceived,
    LinkState,
    MessageIgnored,
    NoCommonVersion,
    ReportReceived,
    ServerLink,
    SessionOrderDoneReceived,
    SessionOrderReceived,
    SessionsReceived,
    Step,
    WelcomeReceived,
    signed_challenge,
    signed_ticket,
)
from dialback.wire.agent.messages import (
    MAX_MESSAGE_BYTES,
    Canary,
    ConsentOrder,
    Dial,
    Failing,
    HostSession,
    ManagementOffer,
    RdpServer,
    SessionOrder,
    decode_from_agent,
)
from dialback.wire.agent.version import VersionRange
from dialback.wire.errors import StateError, WireError

NONCE = bytes(range(32))
NONCE_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
SERVER_CERTIFICATE = "ab" * 32
NODE_CERTIFICATE = "cd" * 32
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ORDER = {
    "connection_id": "c1",
    "gateway": "gw:443",
    "certificate_sha256": NODE_CERTIFICATE,
    "ticket": "t1cket",
    "target": "127.0.0.1:3389",
    "user": "alice",
}
SIGNATURE = bytes(64)
ONE = VersionRange(1, 1)
TWO = VersionRange(2, 2)
THREE = VersionRange(3, 3)
FOUR = VersionRange(4, 4)
SERVER = RdpServer(target="127.0.0.1:3389", answers=True, security="tls")
FAILING = Failing(check="disk", detail="/ has 10 MB left")
OFFER = ManagementOffer(lowest_version=1, highest_version=2, offers=("restart-rdp",))
SESSION = HostSession(id="xrdp-10", user="anna", state="active", since=NOW)
SESSION_DICT = {"id": "xrdp-10", "user": "anna", "state": "active", "since": "2026-01-02T03:04:05Z"}
CANARY = {
    "connection_id": "c2",
    "gateway": "gw:443",
    "certificate_sha256": NODE_CERTIFICATE,
    "ticket": "t1cket",
}
SESSION_ORDER = {"order_id": "o1", "action": "message", "session": "xrdp-10", "text": "hello"}

HELLO = {
    "type": "hello",
    "host_id": "h1",
    "signature": "A" * 86,
    "lowest_version": 1,
    "highest_version": 1,
    "agent_version": "0.1",
    "host_name": "desk",
    "system": "Debian",
}
CHALLENGE = {"type": "challenge", "nonce": NONCE_TEXT, "lowest_version": 1, "highest_version": 1}
WELCOME = {"type": "welcome", "version": 1, "heartbeat_s": 5, "server_time": "2026-01-02T03:04:05Z"}


HELLO_2 = {**HELLO, "lowest_version": 2, "highest_version": 2}
CHALLENGE_2 = {**CHALLENGE, "lowest_version": 2, "highest_version": 2}
WELCOME_2 = {**WELCOME, "version": 2}
HELLO_3 = {**HELLO, "lowest_version": 3, "highest_version": 3}
CHALLENGE_3 = {**CHALLENGE, "lowest_version": 3, "highest_version": 3}
WELCOME_3 = {**WELCOME, "version": 3}
HELLO_4 = {**HELLO, "lowest_version": 4, "highest_version": 4}
CHALLENGE_4 = {**CHALLENGE, "lowest_version": 4, "highest_version": 4}
WELCOME_4 = {**WELCOME, "version": 4}
LINE = '{"at":"now"}'
KEY_TEXT = "A" * 43
SIGNED = {"connection_id": "c1", "count": 1, "hash": "ef" * 32}
FLIGHT_HEAD = {
    "type": "flight-head",
    **SIGNED,
    "agent_signature": "A" * 86,
    "platform_signature": "A" * 86,
    "platform_key": KEY_TEXT,
}
CONSENT_DICT = {
    "request_id": "r1",
    "tenant": "acme",
    "staff": "tom",
    "role": "technician",
    "scope": "desktop",
    "purpose": "the printer",
    "asked_at": "2026-01-02T03:04:05Z",
    "ticket_number": "4711",
    "grant": '{"grant":""}',
}
CONSENT = ConsentOrder(**{**CONSENT_DICT, "asked_at": NOW})


def server_link(versions=FOUR):
    return ServerLink(NONCE, SERVER_CERTIFICATE, 5, versions)


def agent_link(versions=FOUR, sign=lambda signed: SIGNATURE):
    return AgentLink(
        "h1",
        sign,
        SERVER_CERTIFICATE,
        agent_version="0.1",
        host_name="desk",
        system="Debian",
        versions=versions,
    )


# How each step is made to happen: by a text of the peer, or by a call.
RECEIVED_BY_SERVER = {
    Step.HELLO: HELLO_4,
    Step.UNFIT_HELLO: {**HELLO, "lowest_version": 8, "highest_version": 9},
    Step.REPORT: {"type": "report"},
    Step.SESSIONS: {"type": "sessions"},
    Step.DIALLED: {"type": "dialled", "connection_id": "c1"},
    Step.DIAL_REFUSED: {"type": "dial-refused", "connection_id": "c1", "reason": "agent-refused"},
    Step.SESSION_ORDER_DONE: {"type": "session-order-done", "order_id": "o1"},
    Step.FLIGHT_SIGNED: {"type": "flight-signed", **SIGNED, "signature": "A" * 86},
    Step.FLIGHT_REFUSED: {"type": "flight-refused", "connection_id": "c1", "count": 0, "problem": "other"},
    Step.HEARTBEAT: {"type": "heartbeat"},
    Step.IGNORED: {"type": "from-the-future"},
}
RECEIVED_BY_AGENT = {
    Step.CHALLENGE: CHALLENGE_4,
    Step.UNFIT_CHALLENGE: {**CHALLENGE, "lowest_version": 8, "highest_version": 9},
    Step.WELCOME: WELCOME_4,
    Step.DIAL: {"type": "dial", **ORDER},
    Step.CANARY: {"type": "canary", **CANARY},
    Step.SESSION_ORDER: {"type": "session-order", **SESSION_ORDER},
    Step.GRANT_REVOKED: {"type": "grant-revoked", "grant_id": "g1"},
    Step.FLIGHT: {"type": "flight", "connection_id": "c1", "entries": [LINE]},
    Step.FLIGHT_HEAD: FLIGHT_HEAD,
    Step.HEARTBEAT_ECHO: {"type": "heartbeat-echo"},
    Step.GOODBYE: {"type": "goodbye", "reason": "bye"},
    Step.IGNORED: {"type": "from-the-future"},
}
CALLS_OF_SERVER = {
    Step.SEND_CHALLENGE: lambda link: link.start(),
    Step.SEND_WELCOME: lambda link: link.welcome(NOW),
    Step.SEND_REFUSAL: lambda link: link.refuse("no"),
    Step.SEND_DIAL: lambda link: link.dial(**ORDER),
    Step.SEND_CANARY: lambda link: link.canary(**CANARY),
    Step.SEND_SESSION_ORDER: lambda link: link.session_order(**SESSION_ORDER),
    Step.SEND_GRANT_REVOKED: lambda link: link.grant_revoked("g1"),
    Step.SEND_FLIGHT: lambda link: link.flight("c1", [LINE]),
    Step.SEND_FLIGHT_HEAD: lambda link: link.flight_head(
        "c1", 1, "ef" * 32, agent_signature=SIGNATURE, platform_signature=SIGNATURE, platform_key=bytes(32)
    ),
    Step.SEND_GOODBYE: lambda link: link.goodbye("bye"),
}
CALLS_OF_AGENT = {
    Step.SEND_REPORT: lambda link: link.report([SERVER], [FAILING]),
    Step.SEND_SESSIONS: lambda link: link.sessions([SESSION]),
    Step.SEND_DIALLED: lambda link: link.dialled("c1"),
    Step.SEND_DIAL_REFUSED: lambda link: link.dial_refused("c1", "agent-refused"),
    Step.SEND_SESSION_ORDER_DONE: lambda link: link.session_order_done("o1"),
    Step.SEND_FLIGHT_SIGNED: lambda link: link.flight_signed("c1", 1, "ef" * 32, SIGNATURE),
    Step.SEND_FLIGHT_REFUSED: lambda link: link.flight_refused("c1", 0, "oth\ner"),
    Step.SEND_HEARTBEAT: lambda link: link.heartbeat(),
}
SIDES = {
    "server": (server_link, SERVER_TABLE, RECEIVED_BY_SERVER, CALLS_OF_SERVER),
    "agent": (agent_link, AGENT_TABLE, RECEIVED_BY_AGENT, CALLS_OF_AGENT),
}
CASES = [
    (side, state, step)
    for side, (_, table, received, calls) in SIDES.items()
    for state in sorted({state for state, _ in table} | set(table.values()), key=lambda state: state.value)
    for step in (*received, *calls)
]


def perform(side, link, step):
    _, _, received, calls = SIDES[side]
    if step in received:
        return link.receive(json.dumps(received[step]))
    return calls[step](link)


def path_to(table, goal):
    """Return the shortest list of steps from NEW to the state."""
    paths = {LinkState.NEW: []}
    while goal not in paths:
        for (state, step), following in table.items():
            if state in paths:
                paths.setdefault(following, [*paths[state], step])
    return paths[goal]


def link_in(side, state):
    make, table, _, _ = SIDES[side]
    link = make()
    for step in path_to(table, state):
        perform(side, link, step)
    assert link.state is state
    return link


@pytest.mark.parametrize(("side", "state", "step"), CASES, ids=lambda part: getattr(part, "value", part))
def test_each_step_in_each_state_is_in_the_table_or_refused(side, state, step):
    _, table, received, _ = SIDES[side]
    link = link_in(side, state)
    if (state, step) in table:
        perform(side, link, step)
        assert link.state is table[state, step]
    else:
        with pytest.raises(WireError if step in received else StateError, match=f"got {step.value}"):
            perform(side, link, step)
        assert link.state is state


@pytest.mark.parametrize("side", SIDES)
def test_every_step_of_the_table_is_exercised(side):
    _, table, received, calls = SIDES[side]
    assert {step for _, step in table} == {*received, *calls}


def play(link, script):
    """Run the script; return what happened in the same form."""
    happened = []
    for mark, line in script:
        if mark == "<":
            happened.append(("<", line))
            event = link.receive(json.dumps(line))
            reply = getattr(event, "reply", "")
            happened.append(("!", replace(event, reply="") if reply else event))
            if reply:
                happened.append((">", json.loads(reply)))
        elif mark == "call":
            happened += [("call", line), (">", json.loads(line(link)))]
    return happened


def signed():
    return signed_challenge(NONCE_TEXT, "h1", SERVER_CERTIFICATE, ONE, ONE)


def hello_received():
    return HelloReceived("h1", SIGNATURE, signed(), 1, "0.1", "desk", "Debian")


def hello_received_2():
    signed = signed_challenge(NONCE_TEXT, "h1", SERVER_CERTIFICATE, TWO, TWO)
    return replace(hello_received(), signed=signed, version=2)


START = [("call", ServerLink.start), (">", CHALLENGE)]
OPENING = [
    *START,
    ("<", HELLO),
    ("!", hello_received()),
    ("call", CALLS_OF_SERVER[Step.SEND_WELCOME]),
    (">", WELCOME),
]
OPENING_2 = [
    ("call", ServerLink.start),
    (">", CHALLENGE_2),
    ("<", HELLO_2),
    ("!", hello_received_2()),
    ("call", CALLS_OF_SERVER[Step.SEND_WELCOME]),
    (">", WELCOME_2),
]


def beat():
    return [
        ("<", {"type": "heartbeat"}),
        ("!", HeartbeatReceived("")),
        (">", {"type": "heartbeat-echo"}),
    ]


SERVER_PLAYBOOKS = {
    "link opens and carries one dial": [
        *OPENING,
        ("<", {"type": "report", "rdp_servers": [SERVER.model_dump()]}),
        ("!", ReportReceived((SERVER,))),
        *beat(),
        ("call", CALLS_OF_SERVER[Step.SEND_DIAL]),
        (">", {"type": "dial", **ORDER}),
        ("<", {"type": "dialled", "connection_id": "c1"}),
        ("!", DialledReceived("c1")),
        *beat(),
        ("call", CALLS_OF_SERVER[Step.SEND_GOODBYE]),
        (">", {"type": "goodbye", "reason": "bye"}),
    ],
    "agent refuses a dial": [
        *OPENING,
        ("call", CALLS_OF_SERVER[Step.SEND_DIAL]),
        (">", {"type": "dial", **ORDER}),
        ("<", {"type": "dial-refused", "connection_id": "c1", "reason": "rdp-server-down", "detail": "111"}),
        ("!", DialRefusedReceived("c1", "rdp-server-down", "111")),
    ],
    "server refuses a signature": [
        *START,
        ("<", {"type": "hum"}),
        ("!", MessageIgnored("hum")),
        ("<", HELLO),
        ("!", hello_received()),
        ("call", lambda link: link.refuse("unknown\nhost")),
        (">", {"type": "goodbye", "reason": "unknown host"}),
    ],
    "agent of another age": [
        *START,
        ("<", {**HELLO, "lowest_version": 2, "highest_version": 3}),
        ("!", NoCommonVersion(VersionRange(2, 3))),
        (">", {"type": "goodbye", "reason": "no common version: the server speaks 1-1, the agent 2-3"}),
    ],
}

SERVER_PLAYBOOKS_2 = {
    "host shows that it dials back": [
        *OPENING_2,
        ("call", CALLS_OF_SERVER[Step.SEND_CANARY]),
        (">", {"type": "canary", **CANARY}),
        ("<", {"type": "dialled", "connection_id": "c2"}),
        ("!", DialledReceived("c2")),
    ],
    "host lists its sessions and what fails": [
        *OPENING_2,
        ("<", {"type": "report", "failing": [FAILING.model_dump()]}),
        ("!", ReportReceived((), (FAILING,))),
        ("<", {"type": "report", "management": OFFER.model_dump()}),
        ("!", ReportReceived((), (), OFFER)),
        ("<", {"type": "sessions", "sessions": [SESSION_DICT]}),
        ("!", SessionsReceived((SESSION,), "")),
        ("<", {"type": "sessions", "problem": "no list"}),
        ("!", SessionsReceived((), "no list")),
    ],
    "session gets a message": [
        *OPENING_2,
        ("call", lambda link: link.session_order("o1", "message", "xrdp-10", "hel\nlo", "anna")),
        (">", {"type": "session-order", **SESSION_ORDER, "text": "hel\nlo", "user": "anna"}),
        ("<", {"type": "session-order-done", "order_id": "o1", "problem": "no such session"}),
        ("!", SessionOrderDoneReceived("o1", "no such session")),
    ],
}

ANSWER = [("<", CHALLENGE), ("!", ChallengeReceived("")), (">", HELLO)]
WELCOMED = [("<", WELCOME), ("!", WelcomeReceived(1, 5, NOW))]

AGENT_PLAYBOOKS = {
    "link opens and carries one dial": [
        *ANSWER,
        *WELCOMED,
        ("call", CALLS_OF_AGENT[Step.SEND_REPORT]),
        (">", {"type": "report", "rdp_servers": [SERVER.model_dump()], "failing": [FAILING.model_dump()]}),
        ("call", AgentLink.heartbeat),
        (">", {"type": "heartbeat"}),
        ("<", {"type": "heartbeat-echo"}),
        ("!", EchoReceived()),
        ("<", {"type": "dial", **ORDER}),
        ("!", DialReceived(Dial(**ORDER))),
        ("call", CALLS_OF_AGENT[Step.SEND_DIALLED]),
        (">", {"type": "dialled", "connection_id": "c1"}),
        ("<", {"type": "goodbye", "reason": "bye"}),
        ("!", GoodbyeReceived("bye")),
    ],
    "agent refuses a dial": [
        *ANSWER,
        *WELCOMED,
        ("<", {"type": "dial", **ORDER}),
        ("!", DialReceived(Dial(**ORDER))),
        ("call", lambda link: link.dial_refused("c1", "gateway-unreachable", "timed\tout")),
        (
            ">",
            {
                "type": "dial-refused",
                "connection_id": "c1",
                "reason": "gateway-unreachable",
                "detail": "timed out",
            },
        ),
    ],
    "server refuses the agent": [
        ("<", {"type": "hum"}),
        ("!", MessageIgnored("hum")),
        *ANSWER,
        ("<", {"type": "goodbye", "reason": "unknown host"}),
        ("!", GoodbyeReceived("unknown host")),
    ],
    "server of another age": [
        ("<", {**CHALLENGE, "lowest_version": 2, "highest_version": 3}),
        ("!", NoCommonVersion(VersionRange(2, 3))),
    ],
}


AGENT_PLAYBOOKS_2 = {
    "agent is asked for a canary and about a session": [
        ("<", CHALLENGE_2),
        ("!", ChallengeReceived("")),
        (">", HELLO_2),
        ("<", WELCOME_2),
        ("!", WelcomeReceived(2, 5, NOW)),
        ("call", CALLS_OF_AGENT[Step.SEND_SESSIONS]),
        (">", {"type": "sessions", "sessions": [SESSION_DICT], "problem": ""}),
        ("<", {"type": "canary", **CANARY}),
        ("!", CanaryReceived(Canary(**CANARY))),
        ("call", lambda link: link.dialled("c2")),
        (">", {"type": "dialled", "connection_id": "c2"}),
        ("<", {"type": "session-order", **SESSION_ORDER}),
        ("!", SessionOrderReceived(SessionOrder(**SESSION_ORDER))),
        ("call", lambda link: link.session_order_done("o1", "gone\tby now")),
        (">", {"type": "session-order-done", "order_id": "o1", "problem": "gone by now"}),
    ],
}


@pytest.mark.parametrize("name", SERVER_PLAYBOOKS)
def test_server_plays_the_script(name):
    assert play(server_link(ONE), SERVER_PLAYBOOKS[name]) == SERVER_PLAYBOOKS[name]


@pytest.mark.parametrize("name", SERVER_PLAYBOOKS_2)
def test_server_plays_the_script_of_version_2(name):
    assert play(server_link(TWO), SERVER_PLAYBOOKS_2[name]) == SERVER_PLAYBOOKS_2[name]


@pytest.mark.parametrize("name", AGENT_PLAYBOOKS)
def test_agent_plays_the_script(name):
    assert play(agent_link(ONE), AGENT_PLAYBOOKS[name]) == AGENT_PLAYBOOKS[name]


@pytest.mark.parametrize("name", AGENT_PLAYBOOKS_2)
def test_agent_plays_the_script_of_version_2(name):
    assert play(agent_link(TWO), AGENT_PLAYBOOKS_2[name]) == AGENT_PLAYBOOKS_2[name]


def hello_received_3():
    signed = signed_challenge(NONCE_TEXT, "h1", SERVER_CERTIFICATE, THREE, THREE)
    return replace(hello_received(), signed=signed, version=3)


SERVER_PLAYBOOK_3 = [
    ("call", ServerLink.start),
    (">", CHALLENGE_3),
    ("<", HELLO_3),
    ("!", hello_received_3()),
    ("call", CALLS_OF_SERVER[Step.SEND_WELCOME]),
    (">", WELCOME_3),
    ("call", lambda link: link.dial(**ORDER, consent=CONSENT.model_copy(update={"grant": None}))),
    (
        ">",
        {
            "type": "dial",
            **ORDER,
            "consent": {key: CONSENT_DICT[key] for key in CONSENT_DICT if key != "grant"},
        },
    ),
    ("<", {"type": "dial-refused", "connection_id": "c1", "reason": "consent-wanted", "detail": "tom asks"}),
    ("!", DialRefusedReceived("c1", "consent-wanted", "tom asks")),
    ("call", lambda link: link.dial(**ORDER, consent=CONSENT)),
    (">", {"type": "dial", **ORDER, "consent": CONSENT_DICT}),
    ("<", {"type": "dialled", "connection_id": "c1"}),
    ("!", DialledReceived("c1")),
    ("call", CALLS_OF_SERVER[Step.SEND_GRANT_REVOKED]),
    (">", {"type": "grant-revoked", "grant_id": "g1"}),
    ("<", {"type": "dial-refused", "connection_id": "c1", "reason": "grant-revoked", "detail": "g1"}),
    ("!", DialRefusedReceived("c1", "grant-revoked", "g1")),
]

AGENT_PLAYBOOK_3 = [
    ("<", CHALLENGE_3),
    ("!", ChallengeReceived("")),
    (">", HELLO_3),
    ("<", WELCOME_3),
    ("!", WelcomeReceived(3, 5, NOW)),
    ("<", {"type": "dial", **ORDER, "consent": CONSENT_DICT}),
    ("!", DialReceived(Dial(**ORDER, consent=CONSENT))),
    ("call", lambda link: link.dial_refused("c1", "grant-expired", "it ended")),
    (">", {"type": "dial-refused", "connection_id": "c1", "reason": "grant-expired", "detail": "it ended"}),
    ("<", {"type": "grant-revoked", "grant_id": "g1"}),
    ("!", GrantRevokedReceived("g1")),
]


def test_server_asks_for_consent_shows_the_grant_and_revokes_it():
    assert play(server_link(THREE), SERVER_PLAYBOOK_3) == SERVER_PLAYBOOK_3


def test_agent_judges_the_grant_and_hears_that_it_is_revoked():
    assert play(agent_link(THREE), AGENT_PLAYBOOK_3) == AGENT_PLAYBOOK_3


def test_agent_of_version_2_is_asked_nothing_for_the_provider():
    server, agent = opened(server_link(VersionRange(1, 3)), agent_link(TWO))
    assert (server.takes_consent, agent.takes_consent) == (False, False)
    for call in (lambda: server.dial(**ORDER, consent=CONSENT), lambda: server.grant_revoked("g1")):
        with pytest.raises(StateError, match="expected version 3"):
            call()
    assert server.dial(**ORDER)


def hello_received_4():
    signed = signed_challenge(NONCE_TEXT, "h1", SERVER_CERTIFICATE, FOUR, FOUR)
    return replace(hello_received(), signed=signed, version=4)


SERVER_PLAYBOOK_4 = [
    ("call", ServerLink.start),
    (">", CHALLENGE_4),
    ("<", HELLO_4),
    ("!", hello_received_4()),
    ("call", CALLS_OF_SERVER[Step.SEND_WELCOME]),
    (">", WELCOME_4),
    ("call", CALLS_OF_SERVER[Step.SEND_FLIGHT]),
    (">", {"type": "flight", "connection_id": "c1", "entries": [LINE]}),
    ("<", {"type": "flight-refused", "connection_id": "c1", "count": 3, "problem": "4 does not follow"}),
    ("!", FlightRefusedReceived("c1", 3, "4 does not follow")),
    ("call", CALLS_OF_SERVER[Step.SEND_FLIGHT]),
    (">", {"type": "flight", "connection_id": "c1", "entries": [LINE]}),
    ("<", {"type": "flight-signed", **SIGNED, "signature": "A" * 86}),
    ("!", FlightSignedReceived("c1", 1, "ef" * 32, SIGNATURE)),
    ("call", CALLS_OF_SERVER[Step.SEND_FLIGHT_HEAD]),
    (">", FLIGHT_HEAD),
]

AGENT_PLAYBOOK_4 = [
    ("<", CHALLENGE_4),
    ("!", ChallengeReceived("")),
    (">", HELLO_4),
    ("<", WELCOME_4),
    ("!", WelcomeReceived(4, 5, NOW)),
    ("<", {"type": "flight", "connection_id": "c1", "entries": [LINE]}),
    ("!", FlightReceived("c1", (LINE,))),
    ("call", CALLS_OF_AGENT[Step.SEND_FLIGHT_REFUSED]),
    (">", {"type": "flight-refused", "connection_id": "c1", "count": 0, "problem": "oth er"}),
    ("<", {"type": "flight", "connection_id": "c1", "entries": [LINE]}),
    ("!", FlightReceived("c1", (LINE,))),
    ("call", CALLS_OF_AGENT[Step.SEND_FLIGHT_SIGNED]),
    (">", {"type": "flight-signed", **SIGNED, "signature": "A" * 86}),
    ("<", FLIGHT_HEAD),
    ("!", FlightHeadReceived("c1", 1, "ef" * 32, SIGNATURE, SIGNATURE, bytes(32))),
]


def test_server_tells_what_happened_and_shows_both_signatures():
    assert play(server_link(), SERVER_PLAYBOOK_4) == SERVER_PLAYBOOK_4


def test_agent_keeps_what_happened_and_signs_it():
    assert play(agent_link(), AGENT_PLAYBOOK_4) == AGENT_PLAYBOOK_4


def test_agent_of_version_3_gets_no_flight_record():
    server, agent = opened(server_link(VersionRange(1, 4)), agent_link(THREE))
    assert (server.takes_flights, agent.takes_flights) == (False, False)
    for step in (Step.SEND_FLIGHT, Step.SEND_FLIGHT_HEAD):
        with pytest.raises(StateError, match="expected version 4"):
            CALLS_OF_SERVER[step](server)
    assert server.dial(**ORDER, consent=CONSENT)


@pytest.mark.parametrize("line", ["x" * 4000, '"' * 4000, "\\" * 3000, '{"a":"b"}'])
def test_message_holds_as_many_entries_as_fit(line):
    server, agent = opened(server_link(), agent_link())
    text = server.flight("c1", [line] * 300)
    assert len(text.encode()) <= MAX_MESSAGE_BYTES
    assert 7 <= len(agent.receive(text).entries) <= 100


def opened(server, agent):
    """Open a link between the two and return them."""
    server.receive(agent.receive(server.start()).reply)
    agent.receive(server.welcome(NOW))
    return server, agent


@pytest.mark.parametrize(("ours", "theirs"), [(VersionRange(1, 2), ONE), (ONE, VersionRange(1, 2))])
def test_peer_of_version_1_gets_nothing_of_version_2(ours, theirs):
    server, agent = opened(server_link(ours), agent_link(theirs))
    assert not server.takes_canaries
    assert not agent.takes_canaries
    newer = [
        lambda: CALLS_OF_SERVER[Step.SEND_CANARY](server),
        lambda: CALLS_OF_SERVER[Step.SEND_SESSION_ORDER](server),
        lambda: CALLS_OF_AGENT[Step.SEND_SESSIONS](agent),
    ]
    for call in newer:
        with pytest.raises(StateError, match="expected version 2"):
            call()
    assert server.state is agent.state is LinkState.OPEN


def test_list_holds_as_many_sessions_as_fit_into_one_message():
    _, agent = opened(server_link(), agent_link())
    wide = SESSION.model_copy(update={"user": "\U0001f600" * 104, "id": "x" * 64})
    for session in (SESSION, wide):
        text = agent.sessions([session] * 600, "\U0001f600" * 500)
        assert len(text.encode()) <= MAX_MESSAGE_BYTES
        assert 100 < len(decode_from_agent(text).sessions) <= 500
    assert len(decode_from_agent(agent.sessions([SESSION] * 600)).sessions) == 500


def test_server_and_agent_of_ours_understand_each_other():
    key = Ed25519PrivateKey.generate()
    server, agent = server_link(VersionRange(1, 3)), agent_link(VersionRange(2, 5), key.sign)
    hello = server.receive(agent.receive(server.start()).reply)
    key.public_key().verify(hello.signature, hello.signed)
    welcome = agent.receive(server.welcome(NOW))
    assert hello.version == welcome.version == server.version == agent.version == 3
    assert server.receive(agent.report([SERVER])).rdp_servers == (SERVER,)
    assert agent.receive(server.dial(**ORDER)).order == Dial(**ORDER)
    assert server.receive(agent.dialled("c1")) == DialledReceived("c1")
    assert agent.receive(server.receive(agent.heartbeat()).reply) == EchoReceived()
    assert agent.receive(server.goodbye("bye")) == GoodbyeReceived("bye")
    assert server.state is agent.state is LinkState.CLOSED


def test_answer_made_for_another_certificate_does_not_verify():
    key = Ed25519PrivateKey.generate()
    server = ServerLink(NONCE, "00" * 32, 5)
    hello = server.receive(agent_link(sign=key.sign).receive(server.start()).reply)
    with pytest.raises(InvalidSignature):
        key.public_key().verify(hello.signature, hello.signed)


def test_every_part_of_what_is_signed_changes_it():
    base = ["n", "h", "c", VersionRange(1, 1), VersionRange(1, 1)]
    other = ["x", "x", "x", VersionRange(1, 2), VersionRange(1, 2)]
    variants = {signed_challenge(*base)}
    variants |= {signed_challenge(*base[:i], other[i], *base[i + 1 :]) for i in range(5)}
    variants |= {signed_ticket("n", "h", "c"), signed_ticket("n", "c", "h"), signed_ticket("nh", "", "c")}
    assert len(variants) == 9


def test_what_is_signed_is_fixed():
    certificate = b"ab" * 32
    parts = [b"dialback agent link 1", NONCE_TEXT.encode(), b"h1", certificate, b"1-1", b"1-1"]
    assert signed() == b"\x00".join(parts)
    assert signed_ticket("t", "h1", "ab" * 32) == b"\x00".join(
        [b"dialback host leg 1", b"t", b"h1", certificate]
    )


def test_agent_refuses_a_version_that_was_not_to_be_chosen():
    agent = link_in("agent", LinkState.ANSWERED)
    with pytest.raises(WireError, match="expected version 4 in welcome, got 1"):
        agent.receive(json.dumps({**WELCOME, "version": 1}))
    assert agent.state is LinkState.ANSWERED


def test_signature_of_another_spelling_changes_nothing():
    server = link_in("server", LinkState.CHALLENGED)
    with pytest.raises(WireError, match="stray bits"):
        server.receive(json.dumps({**HELLO, "signature": "B" * 86}))
    assert server.state is LinkState.CHALLENGED


def test_order_beyond_its_rule_is_refused_without_showing_the_ticket():
    server = link_in("server", LinkState.OPEN)
    with pytest.raises(ValueError, match="ticket") as caught:
        server.dial(**{**ORDER, "ticket": "t1cket\n"})
    assert "t1cket" not in str(caught.value)
    assert server.state is LinkState.OPEN


def test_nonce_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        ServerLink(bytes(31), SERVER_CERTIFICATE, 5)
