import asyncio
import getpass
from pathlib import Path

import pytest

from dialback.app.settings import DATABASE_NAME
from dialback.cli.context import Failed
from dialback.cli.data import folder_of, opened_store, settings_of
from dialback.domain.audit import ActorKind
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN, Tenant
from dialback.settings.file import SettingsProblem
from tests.broker.stores import USER
from tests.cli.conftest import Terminal


def test_folder_is_the_one_named_or_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALBACK_DATA", str(tmp_path / "default"))

    assert folder_of(tmp_path) == tmp_path
    assert folder_of(None) == tmp_path / "default"


def test_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="There is no data folder"):
        settings_of(tmp_path / "none")

    assert not (tmp_path / "none").exists()


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    (tmp_path / "dialback.toml").write_text("[server]\nport = 1\n")

    with pytest.raises(SettingsProblem, match=r"server\.port"):
        settings_of(tmp_path)


def test_store_is_opened_and_closed(tmp_path: Path) -> None:
    (tmp_path / "dialback.toml").write_text('[server]\naddress = "gw:443"\n')

    async def look() -> int:
        async with opened_store(tmp_path) as store:
            return len(await store.all_hosts())

    assert asyncio.run(look()) == 0
    assert (tmp_path / DATABASE_NAME).exists()


CHANGES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("user", "add", "carla"), ("user.save",)),
    (("user", "invite", USER), ("user.invite",)),
    (("user", "disable", USER), ("user.disable",)),
    (("user", "enable", USER), ("user.enable",)),
    (("user", "reset-totp", USER), ("one-time-codes.remove",)),
    (("group", "add", "Helpers"), ("group.save",)),
    (("group", "join", "Helpers", USER), ("group.join",)),
    (("group", "leave", "Helpers", USER), ("group.leave",)),
    (("user", "add", "dora", "--group", "Helpers"), ("user.save", "group.join")),
    (("resource", "add", "lab", "--host", "desk"), ("application-group.save", "resource.save")),
    (("resource", "assign", "lab", "--user", USER), ("application-group.assign",)),
    (("resource", "assign", "lab", "--user", "emil"), ("user.save", "application-group.assign")),
    (("pool", "set", "labs"), ("host-pool.save",)),
    (("pool", "drain", "desk"), ("host-pool.host",)),
    (("workspace", "set", "work"), ("workspace.save",)),
    (("workspace", "set-group", "labs", "--pool", "labs"), ("application-group.save",)),
    (("app", "set", "labs", "--group", "labs"), ("resource.save",)),
    (("assign", "labs", "--user", USER), ("application-group.assign",)),
    (("unassign", "labs", "--user", USER), ("application-group.unassign",)),
    (("app", "remove", "labs"), ("resource.remove",)),
    (("workspace", "remove-group", "labs"), ("application-group.remove",)),
    (("workspace", "remove", "work"), ("workspace.remove",)),
    (("pool", "remove", "labs"), ("host-pool.remove",)),
    (("token", "make", "robot", "--scope", "hosts:read"), ("api-token.make",)),
    (("connect-file", "lab", "--user", USER, "--out", "FILE"), ("connection-file.make",)),
    (("revoke-file", "FILE"), ("connection-file.revoke",)),
    (("host", "code", "second"), ("join-code.make",)),
    (("host", "remove", "desk"), ("host.revoke",)),
)
"""Every command that changes something in the data folder, and what the audit log has of it then."""


def test_each_change_is_in_the_audit_log_under_the_account_that_made_it(
    filled: Terminal, tmp_path: Path
) -> None:
    seen = 0
    for words, actions in CHANGES:
        filled.good(*(str(tmp_path / "lab.rdp") if word == "FILE" else word for word in words))
        entries = filled.store(lambda store: store.audit.entries(MAIN))
        new = entries[: len(entries) - seen][::-1]
        seen = len(entries)
        assert tuple(each.action for each in new) == actions, words
        for each in new:
            assert each.actor.kind is ActorKind.LOCAL
            assert each.actor.name.startswith(f"{getpass.getuser()}@")
            assert each.subject


def test_change_in_another_tenant_is_in_its_own_log(terminal: Terminal) -> None:
    terminal.store(lambda store: store.directory.save_tenant(Tenant(TenantId("acme"), "Acme")))
    terminal.good("user", "add", "anna", "--tenant", "acme")
    (entry,) = terminal.store(lambda store: store.audit.entries(TenantId("acme")))
    assert (entry.action, entry.detail) == ("user.save", "anna: made")
    assert terminal.store(lambda store: store.audit.entries(MAIN)) == []
