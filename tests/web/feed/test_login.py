"""The login: NTLM and Basic, names and tenants, and everything that is not the right password."""

import base64
from dataclasses import replace

import pytest

from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.errors import SENTENCES, Reason
from dialback.domain.ids import UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import User
from dialback.identity import ntlm
from dialback.web.feed.addresses import LOGIN
from tests.web.feed.nouns import ANNA, MAIN, OTHER, THEIRS
from tests.web.feed.stage import RADC, Feed, Handshake

TYPE = "application/x-msts-webfeed-login; charset=utf-8"


def basic(name: str, password: str, encoding: str = "utf-8") -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode(encoding)).decode()}"


async def test_login_offers_ntlm_first_then_basic(feed: Feed) -> None:
    answer = await feed.client().ask(LOGIN)
    assert answer.status_code == 401
    assert answer.headers.get_list("WWW-Authenticate") == ["NTLM", 'Basic realm="Dialback", charset="UTF-8"']


async def test_body_is_the_token_and_nothing_else(feed: Feed) -> None:
    client = feed.client(RADC, "anna", await feed.password())

    answer = await client.log_in(LOGIN)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TYPE)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "set-cookie" not in answer.headers
    person = await feed.authenticator.who(Secret(answer.text), SignInKind.FEED)
    assert person
    assert person.user == ANNA
    assert person.sign_in.origin.client == RADC
    assert person.sign_in.method.startswith("workspace password ")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("anna", ANNA),
        ("ANNA", ANNA),
        ("main\\anna", ANNA),
        ("MAIN\\anna", ANNA),
        ("DIALBACK\\anna", ANNA),
        ("ANNAS-PHONE\\anna", ANNA),
        ("gw.example.org\\anna", ANNA),
        ("other\\anna", THEIRS),
        ("OTHER\\Anna", THEIRS),
    ],
)
async def test_name_says_the_tenant_and_an_odd_domain_says_nothing(
    feed: Feed, name: str, user: object
) -> None:
    passwords = {MAIN: await feed.password(ANNA), OTHER: await feed.password(THEIRS)}
    password = passwords[user.tenant]  # type: ignore[attr-defined]
    for answer in (
        await feed.client(RADC, name, password).log_in(LOGIN),
        await feed.client().ask(LOGIN, Authorization=basic(name, password)),
    ):
        person = await feed.authenticator.who(Secret(answer.text), SignInKind.FEED)
        assert person
        assert person.user == user


async def test_name_with_a_backslash_logs_in_beside_its_tenant(feed: Feed) -> None:
    alice = await feed.directory.save(User(MAIN, UserId("alice"), UserName("CORP\\alice")))
    login, password = "main\\CORP\\alice", await feed.password(alice)
    assert (await feed.client(RADC, login, password).log_in(LOGIN)).status_code == 200
    assert (await feed.client().ask(LOGIN, Authorization=basic(login, password))).status_code == 200


async def test_password_of_a_namesake_in_another_tenant_is_wrong(feed: Feed) -> None:
    password = await feed.password(ANNA)
    assert (await feed.client(RADC, "other\\anna", password).log_in(LOGIN)).status_code == 401


async def test_each_of_twenty_devices_logs_in(feed: Feed) -> None:
    passwords = [await feed.password(device=f"Device {number}") for number in range(20)]
    for password in (passwords[0], passwords[10], passwords[19]):
        assert (await feed.client(RADC, "anna", password).log_in(LOGIN)).status_code == 200


async def test_messages_may_come_over_two_connections_and_late(feed: Feed) -> None:
    handshake = Handshake("anna", await feed.password())
    challenged = await feed.client().ask(LOGIN, Authorization=handshake.first())
    feed.clock.move(seconds=ntlm.SLOT_S)
    answer = await feed.client().ask(LOGIN, Authorization=handshake.last(challenged))
    assert answer.status_code == 200


async def test_message_that_comes_too_late_is_refused(feed: Feed) -> None:
    handshake = Handshake("anna", await feed.password())
    challenged = await feed.client().ask(LOGIN, Authorization=handshake.first())
    feed.clock.move(seconds=2 * ntlm.SLOT_S)
    assert (await feed.client().ask(LOGIN, Authorization=handshake.last(challenged))).status_code == 401


async def test_each_login_and_each_refusal_is_on_record(feed: Feed) -> None:
    await feed.client(RADC, "anna", await feed.password()).log_in(LOGIN)
    await feed.client(RADC, "other\\nobody", "wrong").log_in(LOGIN)

    opened, refused = feed.recorder.entries

    assert (opened.tenant, opened.actor.name, opened.action, opened.allowed) == (
        MAIN,
        "anna",
        "sign-in.open",
        True,
    )
    assert opened.detail.startswith("workspace password ")
    assert (refused.tenant, refused.actor.name, refused.action, refused.allowed) == (
        OTHER,
        "nobody",
        "sign-in.refused",
        False,
    )
    assert opened.actor.address == refused.actor.address == "192.0.2.7"


async def test_name_that_nobody_can_have_is_spelt_in_ascii_on_record(feed: Feed) -> None:
    await feed.client().ask(LOGIN, Authorization=basic("anna\r\n\u202eX", "x"))
    (refused,) = feed.recorder.entries
    assert refused.actor.name == r"'anna\r\n\u202eX'"


async def test_replayed_message_is_refused(feed: Feed) -> None:
    handshake = Handshake("anna", await feed.password())
    last = handshake.last(await feed.client().ask(LOGIN, Authorization=handshake.first()))

    assert (await feed.client().ask(LOGIN, Authorization=last)).status_code == 200
    for _ in range(2):
        again = await feed.client().ask(LOGIN, Authorization=last)
        assert again.status_code == 401
        assert "msts-webfeed-login" not in again.headers["Content-Type"]
    details = [entry.detail for entry in feed.recorder.entries if not entry.allowed]
    assert details == [SENTENCES[Reason.SIGN_IN_REPLAYED]] * 2


async def test_too_many_logins_are_told_to_wait(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ntlm, "MAX_PROOFS", 0)
    answer = await feed.client(RADC, "anna", await feed.password()).log_in(LOGIN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "120")


async def test_basic_takes_a_password_with_colons_and_either_encoding(feed: Feed) -> None:
    user = await feed.directory.save(replace(ANNA, id=UserId("u2"), name=UserName("änne")))
    password = await feed.password(user)
    for encoding in ("utf-8", "latin-1"):
        answer = await feed.client().ask(LOGIN, Authorization=basic("änne", password, encoding))
        assert answer.status_code == 200
    assert (await feed.client().ask(LOGIN, Authorization=basic("änne", "a:b:c"))).status_code == 401


async def test_password_of_the_portal_is_none_of_the_feed(feed: Feed) -> None:
    invitation = await feed.authenticator.invite(ANNA)
    await feed.authenticator.accept(invitation, Secret("correct horse battery"), Origin("192.0.2.7"))
    for answer in (
        await feed.client(RADC, "anna", "correct horse battery").log_in(LOGIN),
        await feed.client().ask(LOGIN, Authorization=basic("anna", "correct horse battery")),
    ):
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "NTLM",
        "NTLM ",
        "NTLM !!!",
        "NTLM TlRMTVNTUAA=",
        "NTLM " + "A" * 20_000,
        "NTLM " + base64.b64encode(b"NTLMSSP\0\x03\0\0\0" + bytes(80)).decode(),
        "NTLM " + base64.b64encode(b"NTLMSSP\0\x02\0\0\0" + bytes(80)).decode(),
        "Negotiate YIIB",
        "Bearer token",
        "Basic",
        "Basic YW5uYQ==",
        "Basic " + "A" * 5000,
        basic("", ""),
        basic("a" * 300, "b"),
        basic("main\\", "x"),
        basic("\\\\\\", "x"),
        basic("anna\r\nX: y", "x"),
    ],
)
async def test_anything_else_gets_401_again(feed: Feed, authorization: str) -> None:
    await feed.password()
    answer = await feed.client().ask(LOGIN, Authorization=authorization)
    assert answer.status_code == 401
    assert answer.headers.get_list("WWW-Authenticate")[0] == "NTLM"
