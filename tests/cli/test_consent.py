"""A tenant's administrator answers what the provider asks, with keys of their own."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dialback.cli.consent import keys_folder, parse_life
from dialback.cli.context import Failed
from dialback.domain.consent import (
    ConsentMode,
    ConsentPolicy,
    ConsentRequest,
    ConsentScope,
    GrantStanding,
    decide,
)
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import HostId, TokenHash
from dialback.domain.tenancy import MAIN
from dialback.identity.grants import fingerprint, open_grant, parse, parse_owned_key
from dialback.identity.host_keys import HostKey
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless
from tests.cli.remote import Served

LINE = 'keys = ["'


@pytest.fixture
def asked(terminal: Terminal, remote: Served) -> ConsentRequest:
    """Return what the provider has asked a minute ago."""
    return ask(remote, "0011223344556677")


def ask(remote: Served, id: str, host: str = "h1", **more: Any) -> ConsentRequest:
    request = ConsentRequest(
        id=id,
        tenant=MAIN,
        host=HostId(host),
        staff="tess",
        role="technician",
        scope=ConsentScope.DESKTOP,
        target="127.0.0.1:3389",
        purpose="<b>the printer</b> [bold]is stuck[/] :ab:",
        asked_at=datetime.now(UTC) - timedelta(minutes=1),
        ticket_number="T-7",
        **more,
    )
    remote.ask(remote.store.provider.ask_consent(request))
    return request


def make_key(terminal: Terminal, *words: str) -> bytes:
    """Make a key; return its public half, as a person copies it into a host's settings."""
    line = terminal.good("consent", "key", "make", *words).splitlines()[-1]
    assert line.startswith(LINE)
    owned = parse_owned_key(line.removeprefix(LINE).removesuffix('"]'))
    assert owned.owner == "olga"
    return owned.key


def decided(remote: Served, request: ConsentRequest, keys: list[bytes], approvers: int = 1) -> Reason | None:
    """Return why a host that trusts the keys refuses what was kept for the request; None if it does not."""
    kept = remote.ask(remote.store.provider.grant_for(MAIN, request.id))
    grant, held = open_grant(parse(kept.text), {fingerprint(key): key for key in keys})
    policy = ConsentPolicy(ConsentMode.ASK, approvers=approvers)
    try:
        decide(policy, request, GrantStanding(grant, held), datetime.now(UTC))
    except Refused as refused:
        return refused.reason
    return None


def test_key_stays_with_whoever_made_it(terminal: Terminal, remote: Served) -> None:
    public_key = make_key(terminal)
    path = keys_folder() / "olga.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert HostKey.load(path).public_bytes == public_key
    (kept,) = remote.ask(remote.store.provider.consent_keys(MAIN))
    assert (kept.name, kept.public_key) == ("olga", public_key)
    assert path.read_bytes() not in (terminal.folder / "dialback.sqlite").read_bytes()
    assert "olga" in terminal.good("consent", "key", "list")
    assert terminal.json("consent", "key", "list")[0]["fingerprint"] == fingerprint(public_key)


def test_no_key_is_overwritten(terminal: Terminal, remote: Served) -> None:
    make_key(terminal, "--name", "office")
    assert "already" in terminal.bad("consent", "key", "make", "--name", "office")
    (keys_folder() / "office.pem").unlink()
    assert "another name" in terminal.bad("consent", "key", "make", "--name", "office")
    assert "--name" in terminal.bad("consent", "key", "make", "--name", "../office")
    terminal.good("consent", "key", "remove", "office")
    assert "key make" in terminal.good("consent", "key", "list")


def test_key_that_could_not_be_registered_is_not_left_behind(
    terminal: Terminal, remote: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialback.web.api.consent.MOST_KEYS", 0)
    assert "at most" in terminal.bad("consent", "key", "make")
    assert list(keys_folder().iterdir()) == []


def test_host_accepts_what_was_approved(terminal: Terminal, remote: Served, asked: ConsentRequest) -> None:
    public_key = make_key(terminal)
    shown = terminal.good("consent", "approve", asked.id, "--for", "30m", "--uses", "2")
    for fact in ("tess (technician)", "desk-1 (h1)", "desktop 127.0.0.1:3389", "T-7", "one signature"):
        assert fact in shown
    assert decided(remote, asked, [public_key]) is None
    assert decided(remote, asked, [HostKey.generate().public_bytes]) is Reason.GRANT_UNSIGNED
    (listed,) = terminal.json("consent", "grants")
    assert (listed["state"], listed["signed_by"]) == ("granted", ["olga"])
    assert (listed["grant"]["uses"], listed["grant"]["approved_by"]) == (2, "olga")
    until = datetime.fromisoformat(listed["until"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < until <= timedelta(minutes=30)


def test_what_was_answered_waits_no_more(terminal: Terminal, remote: Served, asked: ConsentRequest) -> None:
    make_key(terminal)
    other = ask(remote, "8899aabbccddeeff", "h2")
    assert {each["id"] for each in terminal.json("consent", "list")} == {asked.id, other.id}
    terminal.good("consent", "approve", asked.id, "--uses", "1")
    terminal.good("consent", "deny", other.id)
    assert "asks for nothing" in terminal.good("consent", "list")
    states = {each["id"]: each["state"] for each in terminal.json("consent", "list", "--all")}
    assert states == {asked.id: "granted", other.id: "denied"}
    assert "denied" in terminal.bad("consent", "approve", other.id)
    assert "decided" in terminal.bad("consent", "deny", asked.id)


def test_two_pairs_of_eyes_sign_one_grant(terminal: Terminal, remote: Served, asked: ConsentRequest) -> None:
    olga, ben = make_key(terminal), make_key(terminal, "--name", "ben")
    assert "ben, olga" in terminal.bad("consent", "approve", asked.id)
    terminal.good("consent", "approve", asked.id, "--key", "olga", "--for", "1h")
    assert decided(remote, asked, [olga, ben], approvers=2) is Reason.GRANT_UNSIGNED
    assert "signed this grant already" in terminal.bad("consent", "approve", asked.id, "--key", "olga")
    assert "changes nothing" in terminal.bad("consent", "approve", asked.id, "--key", "ben", "--for", "7d")
    assert "2 signatures" in terminal.good("consent", "approve", asked.id, "--key", "ben")
    assert decided(remote, asked, [olga, ben], approvers=2) is None
    (listed,) = terminal.json("consent", "grants")
    assert listed["signed_by"] == ["ben", "olga"]


def test_second_signature_goes_to_the_request_that_was_granted(
    terminal: Terminal, remote: Served, asked: ConsentRequest
) -> None:
    make_key(terminal)
    make_key(terminal, "--name", "ben")
    terminal.good("consent", "approve", asked.id, "--key", "olga")
    later = ask(remote, "8899aabbccddeeff")
    terminal.good("consent", "approve", later.id, "--key", "ben")
    (listed,) = terminal.json("consent", "grants")
    assert (listed["request"], listed["signatures"]) == (asked.id, 2)


def test_revoked_grant_can_be_given_anew(terminal: Terminal, remote: Served, asked: ConsentRequest) -> None:
    make_key(terminal)
    terminal.good("consent", "approve", asked.id)
    (listed,) = terminal.json("consent", "grants")
    assert f"Revoked {listed['id']}." in terminal.good("consent", "revoke", listed["id"])
    assert "revoked" in terminal.good("consent", "grants")
    terminal.good("consent", "approve", asked.id)
    states = [each["state"] for each in terminal.json("consent", "grants")]
    assert states == ["granted", "revoked"]
    assert "no such thing" in terminal.bad("consent", "revoke", "lost")


def test_key_that_is_not_registered_signs_all_the_same(
    terminal: Terminal, remote: Served, asked: ConsentRequest
) -> None:
    public_key = make_key(terminal)
    remote.ask(remote.store.provider.remove_consent_key(MAIN, "olga"))
    assert "not registered" in terminal.good("consent", "approve", asked.id)
    assert decided(remote, asked, [public_key]) is None


def test_grant_that_the_server_made_up_is_not_signed(
    terminal: Terminal, remote: Served, asked: ConsentRequest
) -> None:
    make_key(terminal)
    terminal.good("consent", "approve", asked.id)
    (kept,) = terminal.json("consent", "grants")
    make_key(terminal, "--name", "ben")
    theirs = ask(remote, "8899aabbccddeeff", "h2")
    table = "UPDATE grants SET request = :request"
    remote.ask(_by_hand(remote, table, {"request": theirs.id}))
    assert "somebody or something else" in terminal.bad("consent", "approve", theirs.id, "--key", "ben")
    assert kept["signatures"] == 1


async def _by_hand(remote: Served, statement: str, values: dict[str, str]) -> None:
    async with remote.store._engine.begin() as connection:
        await connection.execute(text(statement), values)


def test_without_a_key_nothing_is_approved(terminal: Terminal, remote: Served, asked: ConsentRequest) -> None:
    assert "key make" in terminal.bad("consent", "approve", asked.id)
    assert "key make" in terminal.bad("consent", "approve", asked.id, "--key", "lost")
    make_key(terminal)
    assert "no such thing" in terminal.bad("consent", "approve", "lost")
    for life in ("soon", "0h", "2 h", "400d"):
        assert (
            "2h" in (said := terminal.bad("consent", "approve", asked.id, "--for", life)) or "31 days" in said
        )


def test_nothing_that_is_shown_steers_the_terminal(terminal: Terminal, remote: Served) -> None:
    code = JoinCode(TokenHash("c" * 64), HOSTILE, datetime.now(UTC) + timedelta(hours=1))
    remote.ask(remote.store.save_join_code(code))
    host = Host(HostId("evil"), HOSTILE, b"e" * 32, datetime.now(UTC))
    remote.ask(remote.store.enrol_host(code.hash, host, datetime.now(UTC)))
    asked = ask(remote, "0011223344556677", "evil")
    make_key(terminal)
    assert_harmless(terminal.good("consent", "list"))
    assert_harmless(terminal.good("consent", "approve", asked.id))
    assert_harmless(terminal.good("consent", "grants"))
    assert "<b>the printer</b> [bold]is stuck[/] :ab:" in terminal.good("consent", "list", "--all")


def test_damaged_grant_hides_no_other(terminal: Terminal, remote: Served, asked: ConsentRequest) -> None:
    make_key(terminal)
    terminal.good("consent", "approve", asked.id)
    remote.ask(_by_hand(remote, "UPDATE grants SET text = :text", {"text": "forged"}))
    assert "damaged" in terminal.good("consent", "grants")


@pytest.mark.parametrize(
    ("text", "life"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(7)),
    ],
)
def test_life_of_a_grant_is_parsed(text: str, life: timedelta) -> None:
    assert parse_life(text) == life


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "999999s", "0m", "2h "])
def test_life_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Failed):
        parse_life(text)


def test_folder_of_keys_is_the_persons_own() -> None:
    assert keys_folder().is_relative_to(Path.home())
