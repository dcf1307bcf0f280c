"""What is published: names, how an alias is compared, and what cannot be made."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    PublishedResource,
    RemoteApp,
    Workspace,
    alias_of,
    parse_resource_name,
    parse_user_name,
)
from dialback.domain.ids import ApplicationGroupId, PoolId, ResourceId, ResourceName, WorkspaceId
from dialback.domain.tenancy import MAIN

RESOURCE_NAMES = ["a", "7", "office-pc", "a" * 63, "a--b"]
NO_RESOURCE_NAMES = ["", "-a", "a-", "Office", "a.b", "a_b", "a" * 64, "a b", "a\n", "ä", "..", "٣"]

USER_NAMES = ["anna", "anna@corp.example", "CORP\\anna", "Änne Müller", "李雷", "a" * 104]
NO_USER_NAMES = [
    "",
    "a" * 105,
    "a\nb",
    "a\0",
    "a\x1b[2J",
    "a\x7f",
    "a\x85b",
    "a\x9bb",
    "a\u2028b",
    "a\u202eb",
    "a\u200fb",
    "a\u061cb",
    "a\u2066b",
    "a\ud800",
]


@pytest.mark.parametrize("text", RESOURCE_NAMES)
def test_resource_name_is_accepted_as_it_is(text: str) -> None:
    assert parse_resource_name(text) == text


@pytest.mark.parametrize("text", NO_RESOURCE_NAMES)
def test_other_text_is_no_resource_name(text: str) -> None:
    with pytest.raises(ValueError, match="as resource name"):
        parse_resource_name(text)


@pytest.mark.parametrize("text", USER_NAMES)
def test_user_name_is_accepted_as_it_is(text: str) -> None:
    assert parse_user_name(text) == text


@pytest.mark.parametrize("text", NO_USER_NAMES)
def test_user_name_that_could_forge_a_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as user name"):
        parse_user_name(text)


def test_errors_quote_a_bounded_part_of_the_text() -> None:
    for parse in (parse_resource_name, parse_user_name):
        with pytest.raises(ValueError, match="expected") as caught:
            parse("\x1b" * 100_000)
        assert len(str(caught.value)) < 500
        assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("asked", ["office-pc", "Office-PC", "office-pc.", "OFFICE-PC\0", "office-pc.\0\0"])
def test_alias_ignores_case_trailing_dot_and_nul(asked: str) -> None:
    assert alias_of(asked) == "office-pc"


@given(st.text())
def test_alias_of_an_alias_is_itself(text: str) -> None:
    assert alias_of(alias_of(text)) == alias_of(text)


@given(st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
def test_every_resource_name_is_its_own_alias(text: str) -> None:
    assert alias_of(parse_resource_name(text)) == text


# What is published.

GROUP = ApplicationGroup(MAIN, ApplicationGroupId("g1"), "Office", PoolId("p1"))
DESKTOP = PublishedResource(MAIN, ResourceId("r1"), GROUP.id, ResourceName("office"), "Office desktop")
EDITOR = RemoteApp("C:\\Windows\\notepad.exe", '"%1"', "C:\\Users", (".txt", ".log"))

BAD: list[Callable[[], object]] = [
    lambda: Workspace(MAIN, WorkspaceId("w 1"), "Acme"),
    lambda: Workspace(MAIN, WorkspaceId("w1"), ""),
    lambda: Workspace(MAIN, WorkspaceId("w1"), "Acme", "a\0"),
    lambda: replace(GROUP, id=ApplicationGroupId("")),
    lambda: replace(GROUP, name="a\u202eb"),
    lambda: replace(DESKTOP, id=ResourceId("r/1")),
    lambda: replace(DESKTOP, name=ResourceName("Office")),
    lambda: replace(DESKTOP, title="Office\r\nfull address:s:evil"),
    lambda: replace(DESKTOP, target="nonsense"),
    lambda: replace(DESKTOP, icon="../etc/passwd"),
    lambda: replace(DESKTOP, folders=("a/b",)),
    lambda: replace(DESKTOP, folders=("",)),
    lambda: replace(DESKTOP, folders=("a",) * 17),
    lambda: RemoteApp(""),
    lambda: RemoteApp("||"),
    lambda: RemoteApp("a\nb"),
    lambda: RemoteApp("a", "b\nc"),
    lambda: RemoteApp("a", "b" * 1001),
    lambda: RemoteApp("a", working_directory="b\rc"),
    lambda: RemoteApp("a", file_extensions=("txt",)),
    lambda: RemoteApp("a", file_extensions=(".t t",)),
    lambda: RemoteApp("a", file_extensions=(".txt",) * 101),
]


@pytest.mark.parametrize("make", BAD)
def test_noun_that_breaks_a_rule_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        make()


def test_resource_is_of_the_kind_of_group_that_may_publish_it() -> None:
    assert DESKTOP.kind is ApplicationGroupKind.DESKTOP
    assert replace(DESKTOP, remote_app=EDITOR).kind is ApplicationGroupKind.REMOTE_APP


def test_titles_and_folders_may_be_of_any_script() -> None:
    assert replace(DESKTOP, title="办公 𝄞", folders=("Büro",)).title == "办公 𝄞"
