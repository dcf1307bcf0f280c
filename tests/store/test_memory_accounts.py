"""What is particular to accounts in memory; the rest is in `tests/contracts/test_accounts.py`."""

from dataclasses import replace

import pytest

from dialback.domain.accounts import Accounts, Credential
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.tenancy import User
from dialback.store.memory import MemoryStore
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_directory import MemoryDirectory
from tests.contracts.test_accounts import SIGN_IN
from tests.store.nouns import ACME, USER, keep


async def test_two_memory_accounts_share_nothing() -> None:
    directory = MemoryDirectory(MemoryStore())
    await keep(directory)
    left: Accounts = MemoryAccounts(directory)
    right: Accounts = MemoryAccounts(directory)
    await left.save_credential(Credential(ACME, USER.id))
    assert await left.credential(ACME, USER.id) == Credential(ACME, USER.id)
    assert await right.credential(ACME, USER.id) is None


async def test_what_was_forgotten_does_not_return_with_a_user_of_the_same_id() -> None:
    directory = MemoryDirectory(MemoryStore())
    await keep(directory)
    accounts = MemoryAccounts(directory)
    await accounts.save_credential(Credential(ACME, USER.id, "hash"))
    await directory.remove(User, ACME, USER.id)
    assert await accounts.credential(ACME, USER.id) is None
    await directory.save(USER)
    assert await accounts.credential(ACME, USER.id) is None


async def test_hash_that_is_there_is_not_kept_again() -> None:
    directory = MemoryDirectory(MemoryStore())
    await keep(directory)
    accounts = MemoryAccounts(directory)
    sign_in = replace(SIGN_IN, tenant=ACME, user=USER.id)
    await accounts.save_sign_in(sign_in)
    with pytest.raises(StoreUnavailable):
        await accounts.save_sign_in(sign_in)
