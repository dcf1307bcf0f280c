"""Accounts are made and removed; those of other people are refused."""

import getpass
import pwd
from pathlib import Path

import pytest

from lab.accounts import Account, uid_of
from lab.process import Failed, Process


def test_the_real_user_id_is_read() -> None:
    assert uid_of("Name:\tssh-agent\nUid:\t1001\t0\t0\t0\nGid:\t5\t5\t5\t5\n") == 1001


def test_an_account_without_the_mark_is_refused() -> None:
    with pytest.raises(Failed, match="one that is not ours"):
        Account(getpass.getuser()).create()


@pytest.mark.interop
def test_account_lives_as_long_as_it_is_held(tmp_path: Path) -> None:
    with Account("labcarl") as account:
        home = account.home
        assert (home / ".xsession").owner() == "labcarl"
        command = ["setpriv", "--reuid", "labcarl", "--clear-groups", "sleep", "60"]
        with Process.start("sleep", command, tmp_path / "log") as process:
            process.wait_until(lambda: account.processes() == [process.pid], "process of the account")
            with pytest.raises(Failed, match="stop its hosts first"):
                account.remove(timeout_s=0)
    assert not home.exists()
    assert "labcarl" not in [entry.pw_name for entry in pwd.getpwall()]
