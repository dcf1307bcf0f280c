import json
from dataclasses import fields, replace
from datetime import timedelta

from dialback.domain.flight import FlightEvent, build, extend
from dialback.domain.ids import ConnectionId, TenantId, UserName
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN
from tests.broker.stores import HOST, NOW, RECORD
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless, sentence
from tests.cli.remote import Served


def test_list_without_connections_says_so(terminal: Terminal) -> None:
    assert "No connection was tried yet" in terminal.good("connection", "list")
    assert terminal.json("connection", "list") == []


def test_list_shows_the_newest_first_with_their_reasons(filled: Terminal) -> None:
    text = filled.good("connection", "list")

    lines = text.splitlines()
    assert "agent-refused" in lines[1]
    assert "2001:db8:ab:cd::1" in lines[1]
    assert "open" in lines[2]


def test_attempt_that_was_admitted_to_nothing_is_listed_and_shown(filled: Terminal) -> None:
    nobodys = replace(RECORD, id=ConnectionId("nobody"), tenant=None, opened_at=NOW + timedelta(hours=1))
    filled.store(lambda store: store.save_connection(nobodys))

    newest = filled.json("connection", "list", "--limit", "2")

    assert [record["id"] for record in newest] == ["nobody", f"{RECORD.id}-refused"]
    assert filled.json("connection", "show", "nobody") == newest[0]


def test_connection_of_another_tenant_is_not_shown(filled: Terminal) -> None:
    filled.tenant("acme")
    theirs = replace(RECORD, id=ConnectionId("theirs"), tenant=TenantId("acme"))
    filled.store(lambda store: store.save_connection(theirs))

    assert "theirs" not in filled.good("connection", "list")
    assert "theirs" in filled.good("connection", "list", "--tenant", "acme")
    assert "There is no connection 'theirs'" in filled.bad("connection", "show", "theirs")


def test_list_has_a_limit(filled: Terminal) -> None:
    (only,) = filled.json("connection", "list", "--limit", "1")

    assert only["reason"] == "agent-refused"
    assert filled.data("connection", "list", "--limit", "0").exit_code == 2


def test_json_has_everything_but_the_tokens_hash(filled: Terminal) -> None:
    refused, opened = filled.json("connection", "list")

    names = {each.name for each in fields(ConnectionRecord)} - {"token_hash", "timeline"}
    assert set(refused) == names | {"timeline_ms", "host_name"}
    assert refused["detail"] == HOSTILE
    assert refused["timeline_ms"] == {"tls": 1.5, "end": 2.5}
    assert refused["totals"] == {"to_client_bytes": 1, "to_host_bytes": 2}
    assert (opened["reason"], opened["ended_at"]) == (None, None)
    assert filled.json("connection", "show", RECORD.id) == opened


def test_one_connection_is_shown_harmlessly_with_its_sentence(filled: Terminal) -> None:
    text = filled.good("connection", "show", f"{RECORD.id}-refused")

    assert_harmless(text)
    assert "The host's own policy forbids this target" in text
    assert "timeline" in text


def test_open_connection_is_shown(filled: Terminal) -> None:
    text = filled.good("connection", "show", RECORD.id)
    assert_harmless(text)
    assert HOST.name in text
    assert HOST.name in filled.good("connection", "list")


def test_connection_that_is_none_is_named(filled: Terminal) -> None:
    assert "There is no connection 'none'" in filled.bad("connection", "show", "none")


def test_proof_of_the_certificate_is_shown_where_there_is_a_flight_record(filled: Terminal) -> None:
    assert "certificate" not in filled.json("connection", "show", RECORD.id)
    entries = [extend([], RECORD.id, NOW, FlightEvent.ASKED, user="tess")]
    facts = {"proven": "proven", "shown": "ab" * 32, "announced": "ab" * 32, "by": HOSTILE}
    entries.append(extend(entries, RECORD.id, NOW, FlightEvent.PROOF, **facts))  # type: ignore[arg-type]
    filled.store(lambda store: store.provider.append_flight(MAIN, [build(each) for each in entries]))

    text = filled.good("connection", "show", RECORD.id)

    assert_harmless(text)
    assert "proven: the host showed the certificate ababab" in text
    assert filled.json("connection", "show", RECORD.id)["certificate"].startswith("proven")


def test_connection_of_a_tenant_that_is_named_is_shown(filled: Terminal) -> None:
    filled.tenant("acme")
    theirs = replace(RECORD, id=ConnectionId("theirs"), tenant=TenantId("acme"))
    filled.store(lambda store: store.save_connection(theirs))

    assert filled.json("connection", "show", "theirs", "--tenant", "acme")["id"] == "theirs"


def test_signed_in_people_see_what_is_theirs_and_nobodys_attempts_are_for_the_folder(
    terminal: Terminal, remote: Served
) -> None:
    for number, (id, tenant, user) in enumerate(
        (("c-anne", MAIN, "anne"), ("c-bob", MAIN, "bob"), ("nobody", None, None))
    ):
        record = replace(
            RECORD,
            id=ConnectionId(id),
            tenant=tenant,
            user=UserName(user) if user else None,
            opened_at=NOW + timedelta(seconds=number),
        )
        remote.ask(remote.store.save_connection(record))

    def seen() -> list[str]:
        records = json.loads(terminal.run("connection", "list", "--json").stdout)
        return [record["id"] for record in records]

    remote.sign_in("anne")
    assert seen() == ["c-anne"]
    assert terminal.run("connection", "show", "c-anne").exit_code == 0
    assert "There is no connection 'c-bob'" in sentence(terminal.run("connection", "show", "c-bob"))

    remote.sign_in("olga")
    assert seen() == ["c-bob", "c-anne"]
    assert "There is no connection 'nobody'" in sentence(terminal.run("connection", "show", "nobody"))

    newest = terminal.json("connection", "list", "--limit", "2")
    assert [record["id"] for record in newest] == ["nobody", "c-bob"]
