from dataclasses import replace

import pytest

from dialback.domain.directory import CursorInvalid, VersionStale
from dialback.domain.ids import GroupId, PoolId
from dialback.domain.pools import HostPool, Redirection, StartOnConnect, StepUp, WakeMethod
from dialback.domain.tenancy import MAIN, Group, Role
from dialback.web.api.parts import changes, fitting, fitting_in, named_key, sliced, version_of
from dialback.web.api.problems import ApiProblem


def test_lists_are_sliced_in_the_order_of_their_keys() -> None:
    first, after = sliced(["c", "a", "b"], str, "", 2)
    second, end = sliced(["c", "a", "b"], str, after, 2)

    assert (list(first), list(second), end) == (["a", "b"], ["c"], "")
    with pytest.raises(CursorInvalid):
        sliced(["a"], str, "%", 2)


def test_keys_order_by_name_in_any_case_and_differ() -> None:
    assert named_key("A", "2") < named_key("b", "1")
    assert named_key("a", "1") != named_key("A", "2")


@pytest.mark.parametrize(("text", "version"), [(None, 0), ("*", 0), ('"3"', 3), ('W/"3"', 3), ("3", 3)])
def test_version_is_read_from_the_header(text: str | None, version: int) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize("text", ["", '"0"', '"-1"', '"x"', '"1", "2"', '"²"', '"99999999999"'])
def test_version_that_is_none_of_ours_is_stale(text: str) -> None:
    if text:
        with pytest.raises(VersionStale):
            version_of(text)
    else:
        assert version_of(text) == 0


def test_changes_name_what_differs_but_for_the_version() -> None:
    before = Group(MAIN, GroupId("g"), "Old", Role.USER, 1)

    assert changes(None, before) == "made"
    assert changes(before, Group(MAIN, GroupId("g"), "New", Role.USER, 2)) == "name: 'Old' -> 'New'"


def test_changes_are_told_in_the_words_of_the_api_without_what_hides_itself() -> None:
    before = HostPool(MAIN, PoolId("p"), "Office", redirections=frozenset())
    hook = StartOnConnect(WakeMethod.WEBHOOK, "https://wake.example.org/secret")
    after = replace(
        before,
        start_on_connect=hook,
        redirections=frozenset({Redirection.SOUND, Redirection.DRIVES}),
        step_up=StepUp(wanted=True),
    )

    assert changes(before, after) == (
        "start_on_connect: None -> {method: 'webhook', what: '***', deadline_s: 90}, "
        "redirections: [] -> ['drives', 'sound'], "
        "step_up: {wanted: False, timeout_s: 60, remembered_hours: 0} -> "
        "{wanted: True, timeout_s: 60, remembered_hours: 0}"
    )
    assert "secret" not in repr(hook)


def test_rule_of_what_a_field_holds_names_the_field() -> None:
    with pytest.raises(ApiProblem) as raised:
        fitting_in("body.step_up", StepUp, timeout_s=1)

    assert [each.field for each in raised.value.errors] == ["body.step_up"]
    assert fitting_in("body.step_up", StepUp, timeout_s=10) == StepUp(timeout_s=10)


def test_rule_of_a_noun_becomes_a_problem() -> None:
    with pytest.raises(ApiProblem) as raised:
        fitting(Group, MAIN, GroupId("g"), "two\nlines")

    assert "line break" in raised.value.errors[0].message
