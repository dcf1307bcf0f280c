import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.cli import api
from dialback.cli import approvals as command
from dialback.cli.data import local_name
from dialback.domain.approvals import Approval, Cause, Decision, choices
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, UserId, UserName
from dialback.domain.tenancy import MAIN, User
from dialback.store.sql import SqlStore
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless, sentence
from tests.cli.remote import ACME, Served

ANNA = User(MAIN, UserId("u1"), UserName("anna"))


def asked(id: str = "c1", seconds: float = 60) -> Approval:
    now = datetime.now(UTC)
    return Approval(
        ConnectionId(id),
        MAIN,
        ANNA.id,
        ResourceName("office"),
        Cause.POLICY,
        47,
        "2001:db8:ab:cd::1",
        HOSTILE,
        now,
        now + timedelta(seconds=seconds),
    )


def ask(terminal: Terminal, *approvals: Approval) -> None:
    async def fill(store: SqlStore) -> None:
        await store.directory.save(ANNA)
        for each in approvals:
            await store.approvals.ask(each)

    terminal.store(fill)


def became(terminal: Terminal, id: str = "c1", tenant: TenantId = MAIN) -> Approval:
    async def read(store: SqlStore) -> Approval | None:
        return await store.approvals.approval(tenant, ConnectionId(id))

    approval: Approval = terminal.store(read)
    return approval


def test_without_any_it_says_so(terminal: Terminal) -> None:
    assert "No connection waits" in terminal.good("approve")
    assert terminal.json("approve") == []


def test_list_shows_what_to_look_at_harmlessly(terminal: Terminal) -> None:
    ask(terminal, asked(), replace(asked("c2"), number=None, cause=Cause.STALE_TICKET))
    text = terminal.good("approve")
    assert_harmless(text)
    for shown in ("c1", "anna", "office", "2001:db8:ab:cd::1", "its host pool asks", "a feed's file"):
        assert shown in text
    assert " ".join(map(str, choices(asked()))) in text


def test_json_never_says_which_number_is_right(terminal: Terminal) -> None:
    ask(terminal, asked())
    [shown] = terminal.json("approve")
    assert "number" not in shown
    assert "choices" not in shown
    assert (shown["tenant"], shown["decision"], shown["decided_by"]) == (MAIN, None, "")
    assert shown["numbers"] == list(choices(asked()))
    assert (shown["id"], shown["user_name"], shown["cause"]) == ("c1", "anna", "policy")


def test_the_right_number_approves(terminal: Terminal) -> None:
    ask(terminal, asked())
    assert terminal.good("approve", "c1", "--number", "47") == "Approved: c1.\n"
    approval = became(terminal)
    assert (approval.decision, approval.decided_by) == (Decision.APPROVED, local_name())


def test_a_wrong_number_denies(terminal: Terminal) -> None:
    ask(terminal, asked())
    result = terminal.data("approve", "c1", "--number", "48")
    assert (result.exit_code, result.stdout) == (1, "Denied: c1.\n")
    assert became(terminal).decision is Decision.DENIED


def test_without_its_number_nothing_is_decided(terminal: Terminal) -> None:
    ask(terminal, asked())
    assert "Say with --number which of " in terminal.bad("approve", "c1")
    assert became(terminal).decision is None


def test_what_has_no_number_is_approved_without(terminal: Terminal) -> None:
    ask(terminal, replace(asked(), number=None))
    terminal.good("approve", "c1")
    assert became(terminal).decision is Decision.APPROVED


def test_an_id_may_begin_with_a_hyphen(terminal: Terminal) -> None:
    ask(terminal, asked("-c1"))
    assert terminal.run("approve", "--data", terminal.folder, "--deny", "--", "-c1").exit_code == 0
    assert became(terminal, "-c1").decision is Decision.DENIED


def test_denying_needs_no_number(terminal: Terminal) -> None:
    ask(terminal, asked())
    assert terminal.good("approve", "c1", "--deny") == "Denied: c1.\n"
    assert became(terminal).decision is Decision.DENIED


def test_a_decision_is_audited(terminal: Terminal) -> None:
    ask(terminal, asked())
    terminal.good("approve", "c1", "--deny")
    [entry] = terminal.json("audit", "list")
    assert (entry["action"], entry["subject"]) == ("connection.deny", "connection:c1")
    assert "office" in entry["detail"]
    assert entry["actor"] == {"kind": "local", "name": local_name(), "address": ""}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["c9", "--deny"], "There is no connection 'c9' to approve"),
        (["late", "--number", "47"], "The connection 'late' waits no more"),
        (["c1", "--deny", "--tenant", "other"], "There is no connection 'c1'"),
        (["c1", "--deny", "--tenant", "none"], "There is no tenant 'none'"),
    ],
)
def test_what_cannot_be_decided_is_said(terminal: Terminal, words: list[str], why: str) -> None:
    terminal.tenant("other")
    ask(terminal, asked(), asked("late", seconds=-1))
    assert why in terminal.bad("approve", *words)


def test_a_user_who_is_gone_is_shown_by_id(terminal: Terminal) -> None:
    ask(terminal, replace(asked(), user=UserId("gone")))
    assert "gone" in terminal.good("approve")


def test_watching_shows_each_once_with_the_command_to_type(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(command.asyncio, "sleep", sleep)
    ask(terminal, asked(), replace(asked("-c2"), number=None))
    result = terminal.data("approve", "--watch")
    assert_harmless(result.stdout)
    assert result.stdout.count("anna → office from 2001:db8:ab:cd::1") == 2
    numbers = " ".join(map(str, choices(asked())))
    assert f"dialback approve --number {numbers} -- c1\n" in result.stdout
    assert "dialback approve -- -c2\n" in result.stdout


def wait_for_people(remote: Served) -> None:
    """Let a connection wait for anne and one for bob, and one for the anne of another tenant."""
    mine = asked("c-anne")
    for approval in (
        replace(mine, user=UserId("u-anne")),
        replace(mine, id=ConnectionId("c-bob"), user=UserId("u-bob")),
        replace(mine, id=ConnectionId("c-acme"), tenant=ACME, user=UserId("u-anne")),
    ):
        remote.ask(remote.store.approvals.ask(approval))


def decided(remote: Served, id: str, tenant: TenantId = MAIN) -> tuple[Decision | None, str]:
    approval = remote.ask(remote.store.approvals.approval(tenant, ConnectionId(id)))
    return approval.decision, approval.decided_by


def test_user_who_is_signed_in_approves_their_own(terminal: Terminal, remote: Served) -> None:
    wait_for_people(remote)
    remote.sign_in("anne")

    [shown] = json.loads(terminal.run("approve", "--json").stdout)
    assert (shown["id"], shown["user_name"], shown["tenant"]) == ("c-anne", "anne", MAIN)
    assert terminal.run("approve", "c-anne", "--number", "47").stdout == "Approved: c-anne.\n"

    assert decided(remote, "c-anne") == (Decision.APPROVED, "anne")
    assert ("user", "anne", "connection.approve") in remote.ask(remote.audited())


def test_user_sees_and_decides_nothing_of_others_or_of_another_tenant(
    terminal: Terminal, remote: Served
) -> None:
    wait_for_people(remote)
    remote.sign_in("anne")

    for theirs in ("c-bob", "c-acme"):
        assert theirs not in terminal.run("approve").stdout
        said = sentence(terminal.run("approve", theirs, "--deny"))
        assert said == f"There is no connection '{theirs}' to approve; `dialback approve` lists them."
    assert decided(remote, "c-bob") == decided(remote, "c-acme", ACME) == (None, "")


def test_signed_in_user_is_in_one_tenant_and_can_name_no_other(terminal: Terminal, remote: Served) -> None:
    wait_for_people(remote)
    remote.sign_in("anne", ACME)

    assert "c-acme" in terminal.run("approve", "--tenant", "acme").stdout
    said = sentence(terminal.run("approve", "c-anne", "--deny", "--tenant", "main"))
    assert "signed in to the tenant 'acme'" in said
    assert decided(remote, "c-anne") == (None, "")


def test_data_folder_decides_for_anybody_in_any_tenant(terminal: Terminal, remote: Served) -> None:
    wait_for_people(remote)

    terminal.good("approve", "c-bob", "--number", "47")
    terminal.good("approve", "c-acme", "--deny", "--tenant", "acme")

    assert decided(remote, "c-bob") == (Decision.APPROVED, local_name())
    assert decided(remote, "c-acme", ACME) == (Decision.DENIED, local_name())


def test_without_data_folder_and_sign_in_it_says_what_to_do(
    terminal: Terminal, remote: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "folder_of", lambda data: terminal.folder / "none")

    assert "sign in with `dialback login SERVER`" in sentence(terminal.run("approve"))
