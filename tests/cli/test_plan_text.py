from typing import Any

import pytest

from dialback.cli.plan import Kind, Step
from dialback.cli.plan_text import line_of, path_of

NAMES = {
    ("users", "u1"): "anne",
    ("hosts", "h1"): "desk-1",
    ("host-pools", "p1"): "Old pool (p1)",
    ("groups", "g1"): "Sales (g1)",
}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("groups", "staff"), "groups/staff"),
        (("groups", "g1", "members", "u1"), "groups/Sales (g1)/members/anne"),
        (("host-pools", "p1", "hosts", "h1"), "host-pools/Old pool (p1)/hosts/desk-1"),
        (("application-groups", "apps", "users", "u1"), "application-groups/apps/users/anne"),
        (("application-groups", "apps", "groups", "g1"), "application-groups/apps/groups/Sales (g1)"),
        (("application-groups", "apps", "groups", "u1"), "application-groups/apps/groups/u1"),
    ],
)
def test_path_has_the_names_people_know(path: tuple[str, ...], shown: str) -> None:
    assert path_of(Step(Kind.REMOVED, path), NAMES) == shown
    assert line_of(Step(Kind.REMOVED, path), NAMES) == f"- {shown}"


def test_references_in_changes_have_names_too() -> None:
    step = Step(
        Kind.CHANGED,
        ("host-pools", "office", "hosts", "h1"),
        changes=(("owner", None, "u1"), ("pool", "p1", "new"), ("name", "u1", "p1")),
    )

    assert line_of(step, NAMES) == (
        "~ host-pools/office/hosts/desk-1  "
        "owner: null -> 'anne', pool: 'Old pool (p1)' -> 'new', name: 'u1' -> 'p1'"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        ("two\nlines", r"'two\nlines'"),
        (["a", 1], "['a', 1]"),
        ({"method": "webhook", "deadline_s": 90}, "{method: 'webhook', deadline_s: 90}"),
    ],
)
def test_values_are_told_in_one_line(value: Any, told: str) -> None:
    step = Step(Kind.CHANGED, ("workspaces", "w"), changes=(("x", value, value),))

    assert line_of(step, {}) == f"~ workspaces/w  x: {told} -> {told}"
