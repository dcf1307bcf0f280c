"""Workspace passwords: random, typed by hand, known to the store by their NT hash."""

import re
from dataclasses import replace

import pytest

from dialback.domain.secret import Secret
from dialback.identity.workspace_passwords import make_workspace_password, matching, nt_hash
from tests.contracts.test_accounts import PASSWORD


# [MS-NLMP] 4.2.2.1.2 NTOWFv1(), and the hash of the empty password.
@pytest.mark.parametrize(
    ("password", "hash"),
    [("Password", "a4f49c406510bdcab6824ee7c30fd852"), ("", "31d6cfe0d16ae931b73c59d7e0c089c0")],
)
def test_nt_hash_is_the_specifications(password: str, hash: str) -> None:
    assert nt_hash(Secret(password)).reveal() == hash


def test_password_is_random_and_can_be_typed() -> None:
    made = {make_workspace_password().reveal() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"([a-z2-9]{4}-){4}[a-z2-9]{4}", each) for each in made)


def test_password_is_found_among_several() -> None:
    secret = make_workspace_password()
    mine = replace(PASSWORD, id="mine", nt_hash=nt_hash(secret))
    assert matching(secret, [PASSWORD, mine]) == mine
    assert matching(secret, [PASSWORD]) is None
    assert matching(secret, []) is None
    assert matching(Secret("\ud800"), [mine]) is None
