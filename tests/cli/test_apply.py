import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dialback.domain.catalog import ApplicationGroup, PublishedResource, Workspace
from dialback.domain.ids import HostId, UserId, UserName
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, Group, Role, User
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import Served

TEXT = """\
workspaces:
  work: {name: Work}
groups:
  staff: {name: Staff, members: [anne, u-bob]}
host_pools:
  office:
    name: Office
    redirections: [drives, clipboard]
    start_on_connect: {method: command, what: "wake {host}"}
    hosts:
      desk-1: {weight: 50, owner: anne}
application_groups:
  desktops:
    name: Desktops
    pool: office
    workspace: work
    users: [anne]
    groups: [staff]
    resources:
      desk: {title: Desk, icon: desk.png, folders: [B, A]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tenant.yaml"
    path.write_text(TEXT)
    Image.new("RGB", (20, 20), "red").save(tmp_path / "desk.png")
    return path


def dry(terminal: Terminal, file: Path, *more: str) -> list[str]:
    """Return the lines of a dry run, whose status must say whether there are any."""
    result = terminal.data("apply", file, "--dry-run", *more)
    lines = result.stdout.splitlines()
    assert result.exit_code == (2 if lines else 0), result.output
    return lines


def test_file_is_applied_once_and_changes_nothing_after(
    terminal: Terminal, remote: Served, file: Path
) -> None:
    assert "+ groups/staff/members/anne" in dry(terminal, file)
    assert terminal.json("workspace", "list")["workspaces"] == []

    assert "Applied 10 changes." in terminal.good("apply", file)

    assert dry(terminal, file) == []
    assert terminal.good("apply", file) == "Everything is as the file says.\n"
    host = terminal.json("pool", "show", "office")["hosts"][0]
    assert (host["host"], host["weight"], host["owner"]) == ("h1", 50, "u-anne")
    (desk,) = terminal.json("app", "list")
    assert desk["icon"]
    assert desk["folders"] == ["B", "A"]


def test_change_is_shown_and_carried_out(terminal: Terminal, remote: Served, file: Path) -> None:
    terminal.good("apply", file)
    file.write_text(TEXT.replace("name: Work", "name: Werk").replace("users: [anne]", "users: [bob]"))

    assert dry(terminal, file) == [
        "~ workspaces/work  name: 'Work' -> 'Werk'",
        "+ application-groups/desktops/users/bob",
    ]
    assert "- application-groups/desktops/users/anne" in dry(terminal, file, "--prune")


def test_host_that_was_claimed_keeps_its_owner(terminal: Terminal, remote: Served, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = "host_pools: {mine: {name: Mine, kind: personal, hosts: {desk-1: {weight: 50}}}}"
    file.write_text(text)
    terminal.good("apply", file)
    remote.ask(remote.store.directory.claim_host(MAIN, HostId("h1"), UserId("u-anne")))

    assert dry(terminal, file) == []
    file.write_text(text.replace("50", "60"))
    terminal.good("apply", file)

    (host,) = terminal.json("pool", "show", "mine")["hosts"]
    assert (host["weight"], host["owner"]) == (60, "u-anne")


def test_what_is_gone_from_the_file_is_pruned(terminal: Terminal, remote: Served, file: Path) -> None:
    terminal.good("apply", file)
    file.write_text("workspaces: {}\ngroups: {}\nhost_pools: {}\napplication_groups: {}\n")

    assert terminal.good("apply", file) == "Everything is as the file says.\n"
    assert "- host-pools/office/hosts/desk-1" in terminal.good("apply", file, "--prune")

    assert terminal.json("pool", "list") == []
    assert terminal.json("app", "list") == []
    assert dry(terminal, file, "--prune") == []


def test_names_are_exchanged_and_taken_over(terminal: Terminal, remote: Served, tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    wake = "start_on_connect: {method: command, what: wake}"
    text = """\
workspaces: {a: {name: A}, b: {name: B}}
groups: {s: {name: S, members: [anne]}, t: {name: T}}
host_pools: {p: {name: P, hosts: {desk-1: {}}, WAKE}, q: {name: Q}}
application_groups:
  g: {name: G, pool: p, workspace: a, groups: [s], resources: {
    x: {title: X, name: one}, y: {title: Y, name: two}}}
  h: {name: H, pool: q}
""".replace("WAKE", wake)
    file.write_text(text)
    terminal.good("apply", file)
    for one, other in ("AB", "ST", "PQ", "GH", ("one", "two")):
        text = text.replace(f"name: {one}", "name: -").replace(f"name: {other}", f"name: {one}")
        text = text.replace("name: -", f"name: {other}")
    file.write_text(text)

    assert "Applied 20 changes." in terminal.good("apply", file)

    assert dry(terminal, file) == []
    assert {each["id"]: each["name"] for each in terminal.json("app", "list")} == {"x": "two", "y": "one"}
    file.write_text("workspaces: {c: {name: B}, a: {name: A}}")
    assert "- workspaces/A (b)" in terminal.good("apply", file, "--prune")
    assert dry(terminal, file, "--prune") == []


def test_plan_is_told_to_programs(terminal: Terminal, remote: Served, file: Path) -> None:
    terminal.good("apply", file)
    file.write_text(TEXT.replace("name: Work", "name: Werk"))

    told = json.loads(terminal.data("apply", file, "--dry-run", "--json").stdout)

    change = {"name": {"before": "Work", "after": "Werk"}}
    path = "workspaces/work"
    assert told == [{"kind": "changed", "path": path, "shown": path, "changes": change}]


def test_plan_has_names_for_people_and_ids_for_programs(
    terminal: Terminal, remote: Served, file: Path
) -> None:
    terminal.good("apply", file)
    file.write_text(TEXT.replace("[anne, u-bob]", "[anne]").replace("owner: anne", "owner: u-bob"))

    assert dry(terminal, file, "--prune") == [
        "~ host-pools/office/hosts/desk-1  owner: 'anne' -> 'bob'",
        "- host-pools/desk-2 (h2)/hosts/desk-2",
        "- groups/staff/members/bob",
        # Both hosts got pools of their own when they were enrolled.
        "- host-pools/desk-1 (h1)",
        "- host-pools/desk-2 (h2)",
    ]
    told = json.loads(terminal.data("apply", file, "--dry-run", "--prune", "--json").stdout)
    changed, left = told[0], told[2]
    assert changed["changes"] == {"owner": {"before": "u-anne", "after": "u-bob"}}
    assert (left["path"], left["shown"]) == ("groups/staff/members/u-bob", "groups/staff/members/bob")


def test_what_wakes_hosts_is_in_no_plan(terminal: Terminal, remote: Served, file: Path) -> None:
    told = terminal.good("apply", file)
    file.write_text(TEXT.replace("wake {host}", "rouse {host}"))

    for more in ((), ("--json",)):
        told += terminal.data("apply", file, "--dry-run", *more).stdout
    assert told.count("***") == 4
    assert "{host}" not in told


def by_token(terminal: Terminal, remote: Served, *scopes: str) -> tuple[str, ...]:
    """Return the options of a command that has a new token of the scopes."""
    words = [word for scope in scopes for word in ("--scope", scope)]
    token = terminal.good("token", "make", *words, "job").strip()
    return "--server", remote.address, "--token", token, "--ca", str(terminal.folder / "ca.pem")


def test_token_leaves_what_wakes_hosts_as_it_is(terminal: Terminal, remote: Served, tmp_path: Path) -> None:
    file = tmp_path / "pool.yaml"
    text = "host_pools: {office: {name: Office, start_on_connect: {method: command, what: wake a}}}"
    file.write_text(text)
    terminal.good("apply", file)
    job = by_token(terminal, remote, "directory:write")
    assert terminal.run("apply", file, "--dry-run", *job).exit_code == 0

    file.write_text(text.replace("name: Office", "name: Offices").replace("wake a", "wake b"))
    result = terminal.run("apply", file, *job)
    assert result.stdout.splitlines() == [
        "~ host-pools/office  name: 'Office' -> 'Offices'",
        "Applied 1 changes.",
        "What wakes hosts stays as it is in pools that are there; a token neither sees nor sets it.",
    ]
    pool = terminal.json("pool", "show", "office")
    assert (pool["name"], pool["start_on_connect"]["what"]) == ("Offices", "wake a")


def test_who_may_not_apply_is_told_before_anything_is_printed(
    terminal: Terminal, remote: Served, tmp_path: Path
) -> None:
    file = tmp_path / "work.yaml"
    file.write_text("workspaces: {work: {name: Work}}")
    hella = User(MAIN, UserId("u-hella"), UserName("hella"), role=Role.HELPDESK)
    remote.ask(remote.store.directory.save(hella))
    remote.sign_in("hella")

    for who in ((), by_token(terminal, remote, "directory:read")):
        planned = terminal.run("apply", file, "--dry-run", *who)
        assert (planned.exit_code, planned.stdout) == (2, "+ workspaces/work\n")
        applied = terminal.run("apply", file, *who)
        assert "A dry run is all that" in sentence(applied)
        assert applied.stdout == ""
    terminal.good("apply", file)
    assert terminal.run("apply", file).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[anne, u-bob]", "[eve]", "line 4: groups.staff.members.eve: there is no user 'eve'"),
        (
            "groups: [staff]",
            "groups: [none]",
            "application_groups.desktops.groups.none: there is no group 'none'",
        ),
        ("owner: anne", "owner: eve", "hosts.desk-1: there is no user 'eve'"),
        ("owner: anne}", "owner: anne}\n      h1: {}", "line 12: host_pools.office.hosts.h1: expected each"),
        ("desk-1", "desk-9", "line 11: host_pools.office.hosts.desk-9: there is no host 'desk-9'"),
        ("desk.png", "none.png", "none.png: No such file"),
        ("name: Work", "nam: Work", "did you mean 'name'?"),
        ("  desktops:", "  desk tops:", "line 13: application_groups.desk tops: expected 1 to 64 of"),
        ("name: Desktops", r'name: "a\u202Eb"', "line 13: application_groups.desktops: expected no control"),
        ("name: Office", "name: Office\n    load_balancing: depth-first", "expected a session limit"),
    ],
)
def test_what_cannot_be_applied_is_refused_in_words(
    terminal: Terminal, remote: Served, file: Path, old: str, new: str, said: str
) -> None:
    assert old in TEXT
    file.write_text(TEXT.replace(old, new))

    for more in ((), ("--dry-run",)):
        result = terminal.data("apply", file, *more)
        assert said in result.stderr
        assert (result.exit_code, result.stdout) == (1, "")
    assert terminal.json("workspace", "list")["workspaces"] == []


def test_file_must_be_there(terminal: Terminal, remote: Served) -> None:
    assert "none.yaml: No such file" in sentence(terminal.data("apply", "none.yaml"))


IDS = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from([*map(str, range(10, 60)), "One", "one", "a\u202eb"])


def some(fields: dict[str, Any], **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return a section of one or two things that have the fields, and perhaps those that may lack."""
    return st.dictionaries(IDS, st.fixed_dictionaries({"name": NAMES, **fields}, optional=more), max_size=2)


POOLS = some(
    {},
    session_limit=st.sampled_from([None, 5, 6]),
    hosts=st.dictionaries(
        st.sampled_from(["desk-1", "desk-2"]),
        st.fixed_dictionaries({"weight": st.sampled_from([50, 100])}),
        max_size=2,
    ),
)
PUBLISHED = some(
    {"pool": st.sampled_from(["a", "b"])},
    workspace=IDS,
    kind=st.sampled_from(["desktop", "remote-app"]),
    groups=st.sampled_from([[], ["a"]]),
    resources=st.dictionaries(
        st.sampled_from(list("rstuvwxyz")),
        st.fixed_dictionaries({"title": NAMES}, optional={"remote_app": st.just({"program": "||x"})}),
        max_size=2,
    ),
)
DECLARATIONS = st.fixed_dictionaries(
    {"host_pools": POOLS, "application_groups": PUBLISHED},
    optional={
        "workspaces": some({}),
        "groups": some({}, members=st.lists(st.sampled_from(["anne", "bob"]), max_size=2)),
    },
)


async def kept(remote: Served) -> list[Any]:
    """Return everything that a declaration can change, versions included."""
    directory, found = remote.store.directory, list[Any]()
    for kind in (Workspace, Group, HostPool, ApplicationGroup, PublishedResource):
        nouns = (await directory.page(kind, MAIN)).items
        found += [(each, each.version) for each in nouns]
        for each in nouns:
            if isinstance(each, Group):
                found.append(await directory.members(MAIN, each.id))
            elif isinstance(each, HostPool):
                found.append(await directory.pool_hosts(MAIN, each.id))
            elif isinstance(each, ApplicationGroup):
                found.append(await directory.assignments(MAIN, each.id))
    return found


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(declared=DECLARATIONS, prune=st.booleans())
def test_server_takes_all_of_what_passes_planning_and_sees_nothing_of_what_does_not(
    terminal: Terminal, remote: Served, tmp_path: Path, declared: Any, prune: bool
) -> None:
    # What one example has made is there for the next.
    file, more = tmp_path / "any.yaml", ["--prune"] if prune else []
    file.write_text(json.dumps(declared))
    before = remote.ask(kept(remote))

    planned = terminal.data("apply", file, "--dry-run", *more)
    applied = terminal.data("apply", file, *more)

    assert (applied.exit_code == 0) == (planned.exit_code in (0, 2)), applied.output
    if applied.exit_code == 0:
        assert dry(terminal, file, *more) == []
    else:
        assert remote.ask(kept(remote)) == before
