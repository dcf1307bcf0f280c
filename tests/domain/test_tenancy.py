"""Tenants, users, groups: what cannot be made, and whose role is which."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from dialback.domain.ids import GroupId, TenantId, UserId, UserName
from dialback.domain.tenancy import MAIN, Group, Role, Tenant, User, role_of

ANNA = User(MAIN, UserId("u1"), UserName("anna@corp.example"))
STAFF = Group(MAIN, GroupId("g1"), "Staff")

BAD: list[Callable[[], object]] = [
    lambda: Tenant(TenantId("a b"), "Acme"),
    lambda: Tenant(TenantId("acme"), ""),
    lambda: replace(ANNA, id=UserId("")),
    lambda: replace(ANNA, name=UserName("anna\r\nSet-Cookie: a")),
    lambda: replace(ANNA, name=UserName("a" * 105)),
    lambda: replace(ANNA, display_name="Anna\u202e"),
    lambda: replace(STAFF, id=GroupId("g/1")),
    lambda: replace(STAFF, name=" Staff"),
]


@pytest.mark.parametrize("make", BAD)
def test_noun_that_breaks_a_rule_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        make()


def test_display_name_may_be_missing_and_of_any_script() -> None:
    assert ANNA.display_name == ""
    assert replace(ANNA, display_name="李雷 𝄞").display_name == "李雷 𝄞"


def test_version_takes_no_part_in_comparison() -> None:
    assert replace(ANNA, version=7) == ANNA


@pytest.mark.parametrize(("one", "other"), list(product(Role, Role)))
def test_role_includes_itself_and_those_below(one: Role, other: Role) -> None:
    ranks = ["owner", "administrator", "helpdesk", "user"]
    assert one.includes(other) == (ranks.index(one.value) <= ranks.index(other.value))


def test_user_has_the_most_powerful_role_of_their_own_and_their_groups() -> None:
    helpdesk = replace(STAFF, role=Role.HELPDESK)
    assert role_of(ANNA, []) is Role.USER
    assert role_of(ANNA, [STAFF, helpdesk]) is Role.HELPDESK
    assert role_of(replace(ANNA, role=Role.OWNER), [helpdesk]) is Role.OWNER
