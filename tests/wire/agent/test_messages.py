"""Messages: one table of (object, text) both ways, and the rule of every field."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.agent.messages import (
    MAX_FAILING,
    MAX_MESSAGE_BYTES,
    MAX_RDP_SERVERS,
    MAX_SESSIONS,
    Canary,
    Challenge,
    ConsentOrder,
    Dial,
    Dialled,
    DialRefused,
    EnrolAnswer,
    EnrolRequest,
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
    SessionOrder,
    SessionOrderDone,
    Sessions,
    Welcome,
    clip,
    decode_base64url,
    decode_enrol_answer,
    decode_enrol_request,
    decode_from_agent,
    decode_from_server,
    encode,
    encode_base64url,
)
from dialback.wire.errors import WireError

NONCE, SIGNATURE, FINGERPRINT = "n" * 43, "s" * 86, "ab" * 32
DIAL = Dial(
    connection_id="c1",
    gateway="gw.example.org:443",
    certificate_sha256=FINGERPRINT,
    ticket="t1cket",
    target="unix:/run/xrdp.sock",
    user="alice",
)
CONSENT = ConsentOrder(
    request_id="r1",
    tenant="acme",
    staff="t\xf6m",
    role="technician",
    scope="desktop",
    purpose="the printer",
    asked_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    grant="{}",
)
SESSION = HostSession(
    id="xrdp-10", user="CORP\\anna", state="active", since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
)

FROM_SERVER = [
    (
        Challenge(nonce=NONCE, lowest_version=1, highest_version=2),
        '{"lowest_version":1,"highest_version":2,"type":"challenge","nonce":"' + NONCE + '"}',
    ),
    (
        Welcome(version=1, heartbeat_s=5, server_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        '{"type":"welcome","version":1,"heartbeat_s":5,"server_time":"2026-01-02T03:04:05Z"}',
    ),
    (
        DIAL,
        '{"type":"dial","connection_id":"c1","gateway":"gw.example.org:443","certificate_sha256":"'
        + FINGERPRINT
        + '","ticket":"t1cket","target":"unix:/run/xrdp.sock","user":"alice"}',
    ),
    (
        DIAL.model_copy(update={"consent": CONSENT}),
        '{"type":"dial","connection_id":"c1","gateway":"gw.example.org:443","certificate_sha256":"'
        + FINGERPRINT
        + '","ticket":"t1cket","target":"unix:/run/xrdp.sock","user":"alice","consent":{"request_id":"r1",'
        '"tenant":"acme","staff":"t\xf6m","role":"technician","scope":"desktop","purpose":"the printer",'
        '"asked_at":"2026-01-02T03:04:05Z","ticket_number":"","grant":"{}"}}',
    ),
    (GrantRevoked(grant_id="g1"), '{"type":"grant-revoked","grant_id":"g1"}'),
    (
        Canary(connection_id="c1", gateway="[::1]:443", certificate_sha256=FINGERPRINT, ticket="t1cket"),
        '{"type":"canary","connection_id":"c1","gateway":"[::1]:443","certificate_sha256":"'
        + FINGERPRINT
        + '","ticket":"t1cket"}',
    ),
    (
        SessionOrder(order_id="o1", action="message", session="xrdp-10", text="back in 5\xa0min"),
        '{"type":"session-order","order_id":"o1","action":"message","session":"xrdp-10",'
        '"text":"back in 5\xa0min"}',
    ),
    (
        SessionOrder(order_id="o1", action="log-off", session="7", user="CORP\\anna"),
        '{"type":"session-order","order_id":"o1","action":"log-off","session":"7","text":"",'
        '"user":"CORP\\\\anna"}',
    ),
    (
        Flight(connection_id="c1", entries=('{"number":0}',)),
        '{"type":"flight","connection_id":"c1","entries":["{\\"number\\":0}"]}',
    ),
    (
        FlightHead(
            connection_id="c1",
            count=1,
            hash=FINGERPRINT,
            agent_signature=SIGNATURE,
            platform_signature=SIGNATURE,
            platform_key=NONCE,
        ),
        '{"type":"flight-head","connection_id":"c1","count":1,"hash":"'
        + FINGERPRINT
        + '","agent_signature":"'
        + SIGNATURE
        + '","platform_signature":"'
        + SIGNATURE
        + '","platform_key":"'
        + NONCE
        + '"}',
    ),
    (HeartbeatEcho(), '{"type":"heartbeat-echo"}'),
    (Goodbye(reason="server stops"), '{"type":"goodbye","reason":"server stops"}'),
]

FROM_AGENT = [
    (
        Hello(
            lowest_version=1,
            highest_version=1,
            host_id="h1",
            signature=SIGNATURE,
            agent_version="0.1",
            host_name="b\xe4r",
            system="Debian",
        ),
        '{"lowest_version":1,"highest_version":1,"type":"hello","host_id":"h1","signature":"'
        + SIGNATURE
        + '","agent_version":"0.1","host_name":"b\xe4r","system":"Debian"}',
    ),
    (Report(), '{"type":"report","rdp_servers":[],"failing":[]}'),
    (
        Report(management=ManagementOffer(lowest_version=1, highest_version=2, offers=("restart-rdp",))),
        '{"type":"report","rdp_servers":[],"failing":[],"management":{"lowest_version":1,"highest_version":2,'
        '"offers":["restart-rdp"]}}',
    ),
    (
        Report(rdp_servers=(RdpServer(target="127.0.0.1:3389", answers=True, security="tls"),)),
        '{"type":"report","rdp_servers":[{"target":"127.0.0.1:3389","answers":true,"security":"tls",'
        '"tls_version":"","certificate_sha256":"","problem":"","signed_at":"","signature":""}],"failing":[]}',
    ),
    (
        Report(failing=(Failing(check="disk", detail="/ is full"),)),
        '{"type":"report","rdp_servers":[],"failing":[{"check":"disk","detail":"/ is full"}]}',
    ),
    (
        Sessions(sessions=(SESSION,)),
        '{"type":"sessions","sessions":[{"id":"xrdp-10","user":"CORP\\\\anna","state":"active",'
        '"since":"2026-01-02T03:04:05Z"}],"problem":""}',
    ),
    (
        Sessions(sessions=(SESSION.model_copy(update={"locked": False}),)),
        '{"type":"sessions","sessions":[{"id":"xrdp-10","user":"CORP\\\\anna","state":"active",'
        '"since":"2026-01-02T03:04:05Z","locked":false}],"problem":""}',
    ),
    (
        FlightSigned(connection_id="c1", count=1, hash=FINGERPRINT, signature=SIGNATURE),
        '{"type":"flight-signed","connection_id":"c1","count":1,"hash":"'
        + FINGERPRINT
        + '","signature":"'
        + SIGNATURE
        + '"}',
    ),
    (
        FlightRefused(connection_id="c1", count=0, problem="other"),
        '{"type":"flight-refused","connection_id":"c1","count":0,"problem":"other"}',
    ),
    (Sessions(problem="no"), '{"type":"sessions","sessions":[],"problem":"no"}'),
    (
        SessionOrderDone(order_id="o1", problem=""),
        '{"type":"session-order-done","order_id":"o1","problem":""}',
    ),
    (Dialled(connection_id="c1"), '{"type":"dialled","connection_id":"c1"}'),
    (
        DialRefused(connection_id="c1", reason="rdp-server-down", detail="refused"),
        '{"type":"dial-refused","connection_id":"c1","reason":"rdp-server-down","detail":"refused"}',
    ),
    (Heartbeat(), '{"type":"heartbeat"}'),
]

BROKEN_DIALS = [
    ("connection_id", ""),
    ("connection_id", "c 1"),
    ("connection_id", "c" * 65),
    ("connection_id", "c\n"),
    ("connection_id", 5),
    ("gateway", "gw"),
    ("gateway", "gw:1/x"),
    ("certificate_sha256", "AB" * 32),
    ("ticket", ""),
    ("ticket", "a\r\nb"),
    ("ticket", "t" * 129),
    ("target", ""),
    ("target", "a\0b"),
    ("target", "a" * 301),
    ("user", ""),
    ("user", "a\u202eb"),
    ("user", "\x9b31m"),
    ("user", None),
]


BROKEN_SESSIONS = [
    ("id", ""),
    ("id", "a b"),
    ("id", "1" * 65),
    ("id", 3),
    ("user", ""),
    ("user", "u" * 105),
    ("user", "a\x1b[31m"),
    ("state", "connected"),
    ("since", "2026-01-02T03:04:05"),
    ("since", None),
]


@pytest.mark.parametrize(("message", "text"), FROM_SERVER)
def test_message_of_the_server_is_encoded_as_it_is_decoded(message, text):
    assert encode(message) == text
    assert decode_from_server(text) == message
    assert decode_from_server(text.encode()) == message


@pytest.mark.parametrize(("message", "text"), FROM_AGENT)
def test_message_of_the_agent_is_encoded_as_it_is_decoded(message, text):
    assert encode(message) == text
    assert decode_from_agent(text) == message


@pytest.mark.parametrize(("message", "text"), FROM_AGENT + FROM_SERVER)
def test_message_cut_short_or_followed_by_bytes_is_refused(message, text):
    decode = decode_from_server if (message, text) in FROM_SERVER else decode_from_agent
    for data in (*(text[:i] for i in range(len(text))), text + "x"):
        with pytest.raises(WireError):
            decode(data)


@pytest.mark.parametrize(("message", "text"), FROM_SERVER)
def test_fields_of_a_newer_minor_are_ignored(message, text):
    newer = {**json.loads(text), "colour": {"of": ["sky"]}}
    assert decode_from_server(json.dumps(newer)) == message


def test_types_of_a_newer_minor_are_ignored():
    assert decode_from_server('{"type":"restart","at":5}') == Ignored(type="restart")
    assert decode_from_agent('{"type":"dial"}') == Ignored(type="dial")


@pytest.mark.parametrize("tag", ['""', '"A"', '"a b"', '"' + "a" * 41 + '"', "5", "null", "[]", '"a\\u001b"'])
def test_type_that_is_no_word_is_refused(tag):
    with pytest.raises(WireError):
        decode_from_server(f'{{"type":{tag}}}')


@pytest.mark.parametrize(("field", "value"), BROKEN_DIALS)
def test_field_beyond_its_rule_is_refused_and_named_but_not_shown(field, value):
    text = json.dumps({**json.loads(encode(DIAL)), field: value})
    with pytest.raises(WireError, match=f"dial.{field}, got a breach") as caught:
        decode_from_server(text)
    assert "t1cket" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


BROKEN_CONSENTS = [
    ("request_id", "r 1"),
    ("tenant", ""),
    ("staff", ""),
    ("staff", "a\u202eb"),
    ("staff", "s" * 105),
    ("role", "Technician"),
    ("scope", "desk top"),
    ("purpose", ""),
    ("purpose", "a\x1b[31mb"),
    ("purpose", "a\nb"),
    ("purpose", "p" * 401),
    ("ticket_number", "\x00"),
    ("asked_at", "2026-01-02T03:04:05"),
    ("grant", ""),
    ("grant", "{\xe4}"),
    ("grant", "x" * 16_001),
]


@pytest.mark.parametrize(("field", "value"), BROKEN_CONSENTS)
def test_consent_beyond_its_rule_is_refused_and_named_but_not_shown(field, value):
    consent = {**CONSENT.model_dump(mode="json"), field: value}
    broken = {**DIAL.model_dump(mode="json"), "consent": consent}
    with pytest.raises(WireError, match=f"consent.{field}") as refused:
        decode_from_server(json.dumps(broken))
    assert not value or value not in str(refused.value)


@pytest.mark.parametrize(("field", "value"), BROKEN_SESSIONS)
def test_session_beyond_its_rule_is_refused(field, value):
    broken = {**json.loads(SESSION.model_dump_json()), field: value}
    with pytest.raises(WireError, match=f"sessions.0.{field}"):
        decode_from_agent(json.dumps({"type": "sessions", "sessions": [broken]}))


@pytest.mark.parametrize("action", ["restart", "", None])
def test_session_order_for_something_else_is_refused(action):
    order = {"type": "session-order", "order_id": "o", "session": "s", "action": action}
    with pytest.raises(WireError, match="action"):
        decode_from_server(json.dumps(order))


@pytest.mark.parametrize("text", ["a\tb", "a\rb", "\x1b[31m", "a\u2028b", "a\u202eb", "\x7f", "x" * 501, 5])
def test_message_to_a_session_has_lines_and_nothing_that_steers(text):
    order = {"type": "session-order", "order_id": "o", "session": "s", "action": "message", "text": text}
    with pytest.raises(WireError, match="text"):
        decode_from_server(json.dumps(order))
    assert decode_from_server(json.dumps({**order, "text": "one\n\ntwo\n"})).text == "one\n\ntwo\n"


@pytest.mark.parametrize("entries", [[], ["x"] * 101, ["x" * 4001], [""], ["\u00e4"], ["a\nb"]])
def test_flight_is_of_some_lines_of_printable_ascii(entries):
    with pytest.raises(WireError, match=r"expected a valid flight\.entries"):
        decode_from_server(json.dumps({"type": "flight", "connection_id": "c1", "entries": entries}))


def test_lists_are_bounded():
    assert len(decode_from_agent(encode(Sessions(sessions=(SESSION,) * MAX_SESSIONS))).sessions) == 500
    with pytest.raises(ValueError, match="too_long"):
        Sessions(sessions=(SESSION,) * (MAX_SESSIONS + 1))
    with pytest.raises(ValueError, match="too_long"):
        Report(failing=(Failing(check="disk"),) * (MAX_FAILING + 1))


@pytest.mark.parametrize("text", ["", "5", "[]", "{}", "[" * 5000, '{"a":' * 5000, "\ud800", "1" * 5000])
def test_text_that_is_no_message_is_refused(text):
    with pytest.raises(WireError):
        decode_from_agent(text)


def test_bytes_that_are_no_utf8_are_refused():
    with pytest.raises(WireError):
        decode_from_agent(b'{"type":"report\xff"}')


def test_message_over_64_kib_is_refused_before_it_is_parsed():
    with pytest.raises(WireError, match="at most 65536 bytes"):
        decode_from_agent(" " * MAX_MESSAGE_BYTES + "{}")


def test_range_the_other_way_round_is_refused():
    text = encode(Challenge(nonce=NONCE, lowest_version=1, highest_version=1))
    with pytest.raises(WireError, match="challenge"):
        decode_from_server(text.replace('"lowest_version":1', '"lowest_version":2'))


def test_largest_report_fits_into_a_message():
    wide = "\U0001f600"
    server = RdpServer(
        target=wide * 300,
        answers=False,
        security="x" * 16,
        tls_version="x" * 16,
        certificate_sha256=FINGERPRINT,
        problem=wide * 400,
        signed_at="2026-05-04T08:00:07Z",
        signature=SIGNATURE,
    )
    failing = Failing(check="x" * 40, detail=wide * 100)
    report = Report(rdp_servers=(server,) * MAX_RDP_SERVERS, failing=(failing,) * MAX_FAILING)
    assert decode_from_agent(encode(report)) == report
    with pytest.raises(ValueError, match="too_long"):
        Report(rdp_servers=(server,) * (MAX_RDP_SERVERS + 1))


def test_secrets_hide_themselves():
    request = EnrolRequest(
        join_secret="hunter2", public_key="k" * 43, host_name="h", system="s", agent_version="1"
    )
    assert "hunter2" not in f"{request!r} {request}"
    assert "t1cket" not in f"{DIAL!r} {DIAL}"


def test_enrolment_is_encoded_as_it_is_decoded():
    request = EnrolRequest(
        join_secret="hunter2", public_key="k" * 43, host_name="h", system="s", agent_version="1"
    )
    answer = EnrolAnswer(host_id="h1", host_name="desk")
    assert decode_enrol_request(encode(request)) == request
    assert decode_enrol_answer(encode(answer)) == answer


@pytest.mark.parametrize("text", ["{}", "[]", '{"join_secret":"hunter 2"}', '{"type":"x"}'])
def test_broken_enrolment_is_refused(text):
    for decode in (decode_enrol_request, decode_enrol_answer):
        with pytest.raises(WireError, match="expected") as caught:
            decode(text)
        assert "hunter" not in str(caught.value)


def test_clip_makes_one_bounded_line():
    assert clip(" a\r\n\tb\x1b[31m\u202e ") == "a b [31m"
    assert clip("a" * 500) == "a" * 400


@pytest.mark.parametrize(
    ("raw", "text"), [(b"", ""), (b"\xff", "_w"), (b"\xfb\xef", "--8"), (bytes(3), "AAAA")]
)
def test_base64url_is_encoded_as_it_is_decoded(raw, text):
    assert encode_base64url(raw) == text
    assert decode_base64url(text, len(raw)) == raw


@pytest.mark.parametrize("text", ["A", "_w==", "_x", "+w", "_w\n", "AAAA"])
def test_base64url_has_one_spelling(text):
    with pytest.raises(WireError):
        decode_base64url(text, 1)


@given(st.text())
def test_clipped_text_is_fit_for_a_field(text):
    assert Goodbye(reason=clip(text)).reason == clip(text)


@given(st.binary() | st.text())
def test_any_text_gives_a_message_or_a_wire_error(data):
    for decode in (decode_from_agent, decode_from_server):
        try:
            message = decode(data)
        except WireError:
            continue
        assert isinstance(message, Ignored) or decode(encode(message)) == message


@pytest.mark.parametrize(
    "management",
    [
        {"lowest_version": 2, "highest_version": 1},
        {"lowest_version": 0, "highest_version": 1},
        {"lowest_version": 1},
        {"lowest_version": 1, "highest_version": 1, "offers": ["Restart"]},
        {"lowest_version": 1, "highest_version": 1, "offers": ["word"] * 33},
        "2",
    ],
)
def test_announcement_of_management_that_is_none_is_refused(management: object) -> None:
    with pytest.raises(WireError, match="management"):
        decode_from_agent(json.dumps({"type": "report", "management": management}))
