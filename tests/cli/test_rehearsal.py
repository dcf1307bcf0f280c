from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialback.cli.context import Failed
from dialback.cli.declared import DeclarationProblem, parse_declaration
from dialback.cli.known import Known, with_ids
from dialback.cli.plan import Kind, Step, Wanted, plan_of, sections_of, wanted_of
from dialback.cli.rehearsal import check_may_apply, rehearse

TEXT = """\
workspaces:
  work: {name: Work}
groups:
  staff: {name: Staff, members: [anne]}
host_pools:
  office: {name: Office, hosts: {desk-1: {owner: anne}}}
application_groups:
  tools:
    name: Tools
    pool: office
    workspace: work
    groups: [staff]
    resources:
      notes: {title: Notes}
"""
OWNER = {"user": "u0", "role": "owner"}
ADMINISTRATOR = {"user": "u0", "role": "administrator"}
TOKEN = {"user": None, "role": None}


def known(text: str = "") -> Known:
    """Return what the server shows once a declaration is applied."""
    users, hosts = {"u1": "anne", "u2": "bob"}, {"h1": "desk-1", "h2": "desk-2"}
    declaration = parse_declaration(text.encode(), "x.yaml")
    wanted = with_ids(declaration, wanted_of(declaration), Known({}, users, hosts))
    there = {path: None if body is None else {"id": path[1], **body} for path, body in wanted.items()}
    return Known(there, users, hosts)


async def rehearsed(text: str, there: str = "", prune: bool = False, me: Any = OWNER) -> None:
    before, declaration = known(there), parse_declaration(text.encode(), "x.yaml")
    wanted = with_ids(declaration, wanted_of(declaration), before)
    steps = plan_of(wanted, before.there, sections_of(declaration), prune)
    await rehearse(steps, before, wanted, declaration, me)


async def failure(text: str, there: str = "", prune: bool = False, me: Any = OWNER) -> str:
    with pytest.raises(DeclarationProblem) as raised:
        await rehearsed(text, there, prune, me)
    return str(raised.value)


@pytest.mark.parametrize(
    "there",
    ["", TEXT, TEXT.replace("notes", "other").replace("work:", "place:").replace(": work", ": place")],
)
async def test_what_the_server_takes_passes(there: str) -> None:
    other = there.replace("Work", "Place")
    await rehearsed(TEXT, other, prune=True)
    await rehearsed("workspaces: {}\ngroups: {}\nhost_pools: {}\napplication_groups: {}", other, prune=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pool: office", "pool: none", "line 8: application_groups.tools: there is no host pool 'none'"),
        (
            "pool: office\n    workspace: work",
            "pool: none\n    workspace: none",
            "there is no host pool 'none' and no workspace 'none'",
        ),
        ("    name: Tools", "    name: Tools\n    kind: remote-app", "a desktop and a RemoteApp cannot"),
        (
            "  work: {name: Work}",
            "  work: {name: Work}\n  more: {name: WORK}",
            "line 3: workspaces.more: the name 'WORK' is that of 'work' by then",
        ),
    ],
)
async def test_what_does_not_fit_together_is_refused(old: str, new: str, said: str) -> None:
    assert old in TEXT
    assert said in await failure(TEXT.replace(old, new))


async def test_name_of_what_stays_is_not_free() -> None:
    there = "workspaces: {a: {name: A}}"
    said = await failure("workspaces: {new: {name: a}}", there)
    assert "workspaces.new: the name 'a' is that of 'a' by then" in said
    said = await failure("workspaces: {a: {name: A}, new: {name: a}}", there, prune=True)
    assert "workspaces.new: the name 'a' is that of 'a' by then" in said


def of_names(kept: dict[str, str]) -> Wanted:
    """Return workspaces and resources that have the names, and what the resources stand in."""
    group = {"name": "G", "pool": "p", "workspace": None, "kind": "desktop"}
    found: Wanted = {("host-pools", "p"): {"name": "P"}, ("application-groups", "g"): group}
    for id, name in kept.items():
        found["workspaces", id] = {"name": name}
        resource = {"application_group": "g", "title": "T", "target": "127.0.0.1:3389", "name": name}
        found["resources", id] = resource
    return found


IDS = st.sampled_from(["v", "w", "x", "y", "z"])
FREE = st.sampled_from(["a", "b", "c", "d", "moving-1", "moving-2"])
NAMES = st.lists(st.tuples(IDS, FREE), unique_by=(itemgetter(0), itemgetter(1))).map(dict)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(before=NAMES, after=NAMES, share=st.floats(0, 1))
async def test_any_names_follow_any_others_even_after_a_run_that_ended_half_way(
    before: dict[str, str], after: dict[str, str], share: float
) -> None:
    there, wanted = of_names(before), of_names(after)
    declaration = parse_declaration(b"", "x.yaml")

    async def planned(there: Wanted) -> list[Step]:
        lists = (("workspaces",), ("application-groups", "g", "resources"))
        steps = plan_of(wanted, there, lists, prune=True)
        await rehearse(steps, Known(there, {}, {}), wanted, declaration, OWNER)
        return steps

    steps = await planned(there)
    there = after_steps(there, steps[: round(share * len(steps))])
    there = after_steps(there, await planned(there))
    assert there == wanted
    assert await planned(there) == []


def after_steps(there: Wanted, steps: list[Step]) -> Wanted:
    """Return what the server has once the steps are taken."""
    found = dict(there)
    for step in steps:
        if step.kind is Kind.REMOVED:
            del found[step.path]
        else:
            found[step.path] = step.body
    return found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "workspaces: {}",
            "line 1: workspaces: workspaces/work cannot be removed: still used by application group tools",
        ),
        ("host_pools: {}", "host-pools/office cannot be removed: still used by application group tools"),
    ],
)
async def test_what_others_refer_to_is_not_removed(text: str, said: str) -> None:
    assert said in await failure(text, TEXT, prune=True)
    await rehearsed(text, TEXT)


async def test_group_that_the_file_assigns_is_not_removed() -> None:
    text = TEXT.replace("  staff: {name: Staff, members: [anne]}\n", "  other: {name: Other}\n")

    said = await failure(text, TEXT, prune=True)
    assert "groups: groups/staff cannot be removed: the file lets it use tools" in said


async def test_nobody_gives_or_changes_a_role_above_their_own() -> None:
    high = TEXT.replace("name: Staff", "name: Staff, role: owner")
    for me in (ADMINISTRATOR, TOKEN):
        said = "line 4: groups.staff: expected a caller with the role owner, got administrator"
        assert said in await failure(high, me=me)
        assert said in await failure(TEXT, high, me=me)
        assert "groups/staff cannot be removed" in await failure("groups: {}", high, prune=True, me=me)
        await rehearsed(high, high, me=me)
    await rehearsed(high)


async def test_token_sets_nothing_that_wakes_hosts() -> None:
    text = "host_pools: {p: {name: P, start_on_connect: {method: command, what: wake}}}"

    assert "host_pools.p: expected a person to set start_on_connect" in await failure(text, me=TOKEN)
    await rehearsed(text, me=ADMINISTRATOR)


def test_applying_takes_who_may_change_the_directory() -> None:
    for me in (OWNER, ADMINISTRATOR, {**TOKEN, "scopes": ["directory:write"]}):
        check_may_apply(me)
    with pytest.raises(Failed, match="all that the role helpdesk may"):
        check_may_apply({"user": "u0", "role": "helpdesk"})
    with pytest.raises(Failed, match="takes the scope directory:write"):
        check_may_apply({**TOKEN, "scopes": ["directory:read", "hosts:write"]})
