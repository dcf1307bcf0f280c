"""Which role and which groups of the directory a provider's groups give."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.tenancy import Role
from dialback.identity.oidc.roles import directory_groups_from, managed_groups, role_from
from dialback.identity.oidc.settings import OidcSettings

MAPPING = {"bosses": "owner", "it": "administrator", "desk": "helpdesk", "money": "group:Accounting"}


def settings(**mapping: str) -> OidcSettings:
    members: dict[str, Any] = {"name": "lab", "issuer": "https://a.test", "client_id": "c"}
    return OidcSettings(**members, group_roles=mapping)


def test_most_powerful_role_of_all_groups_is_given() -> None:
    assert role_from({"desk", "it", "others"}, settings(**MAPPING)) is Role.ADMINISTRATOR
    assert role_from({"bosses", "desk"}, settings(**MAPPING)) is Role.OWNER


def test_who_left_the_group_is_a_plain_user_again() -> None:
    assert role_from({"others", "money"}, settings(**MAPPING)) is Role.USER


def test_provider_without_roles_has_no_say() -> None:
    assert role_from({"money"}, settings(money="group:Accounting")) is None
    assert role_from({"it"}, settings()) is None


def test_group_is_matched_letter_for_letter() -> None:
    assert role_from({"IT", "it ", "i"}, settings(**MAPPING)) is Role.USER


def test_groups_of_the_directory_are_named() -> None:
    assert directory_groups_from({"money", "it"}, settings(**MAPPING)) == {"Accounting"}
    assert directory_groups_from({"it"}, settings(**MAPPING)) == frozenset()
    assert managed_groups(settings(**MAPPING)) == {"Accounting"}


@given(st.sets(st.sampled_from([*MAPPING, "others"])), st.sampled_from([*MAPPING, "others"]))
def test_another_group_never_takes_power_away(groups: set[str], more: str) -> None:
    before, after = (role_from(held, settings(**MAPPING)) for held in (groups, groups | {more}))
    assert before is not None
    assert after is not None
    assert after.includes(before)
