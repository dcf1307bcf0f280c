from typing import Any

from dialback.cli.declared import parse_declaration
from dialback.cli.plan import Kind, plan_of, sections_of, wanted_of
from dialback.cli.plan_text import line_of

TEXT = b"""\
workspaces:
  work: {name: Work}
groups:
  staff: {name: Staff, members: [anne]}
host_pools:
  office: {name: Office, redirections: [sound, drives], hosts: {h1: {weight: 50}}}
application_groups:
  apps:
    name: Apps
    pool: office
    kind: remote-app
    workspace: work
    groups: [staff]
    resources:
      notes: {title: Notes, remote_app: {program: "||notes"}}
"""
There = dict[tuple[str, ...], Any]


def lines(there: There, prune: bool = False, text: bytes = TEXT) -> list[str]:
    declared = parse_declaration(text, "x.yaml")
    steps = plan_of(wanted_of(declared), there, sections_of(declared), prune)
    return [line_of(step, {}) for step in steps]


def as_declared(text: bytes = TEXT) -> There:
    """Return what the server shows once the declaration is applied."""
    wanted = wanted_of(parse_declaration(text, "x.yaml"))
    return {
        path: None if body is None else {"id": path[1], "version": 1, **body} for path, body in wanted.items()
    }


def test_what_others_refer_to_is_made_first() -> None:
    assert lines({}) == [
        "+ workspaces/work",
        "+ groups/staff",
        "+ host-pools/office",
        "+ application-groups/apps",
        "+ resources/notes",
        "+ groups/staff/members/anne",
        "+ host-pools/office/hosts/h1",
        "+ application-groups/apps/groups/staff",
    ]


def test_nothing_changes_the_second_time() -> None:
    assert lines(as_declared()) == []
    assert lines(as_declared(), prune=True) == []


def test_order_of_redirections_does_not_count() -> None:
    there = as_declared()
    there["host-pools", "office"]["redirections"] = ["drives", "sound"]

    assert lines(there) == []


def test_changed_fields_are_shown_as_they_were_and_will_be() -> None:
    there = as_declared()
    there["workspaces", "work"]["name"] = "Old"
    there["host-pools", "office"] |= {"session_limit": 5, "multi_monitor": False}
    there["host-pools", "office", "hosts", "h1"]["weight"] = 100

    assert lines(there) == [
        "~ workspaces/work  name: 'Old' -> 'Work'",
        "~ host-pools/office  session_limit: 5 -> null, multi_monitor: false -> true",
        "~ host-pools/office/hosts/h1  weight: 100 -> 50",
    ]


def test_what_wakes_hosts_is_compared_and_not_shown() -> None:
    wake = b"name: Office, start_on_connect: {method: webhook, what: 'https://secret.example/'}"
    text = TEXT.replace(b"name: Office", wake)
    there = as_declared(text)
    assert lines(there, text=text) == []

    there["host-pools", "office"]["start_on_connect"] |= {"what": "https://old-secret.example/"}
    hook = "{method: 'webhook', what: '***', deadline_s: 90}"
    assert lines(there, text=text) == [f"~ host-pools/office  start_on_connect: {hook} -> {hook}"]
    there["host-pools", "office"]["start_on_connect"] = None
    assert lines(there, text=text) == [f"~ host-pools/office  start_on_connect: null -> {hook}"]


def test_owner_of_whom_the_file_says_nothing_stays() -> None:
    there = as_declared()
    there["host-pools", "office", "hosts", "h1"]["owner"] = "anne"
    assert lines(there) == []

    declared = parse_declaration(TEXT.replace(b"weight: 50", b"weight: 60"), "x.yaml")
    (step,) = plan_of(wanted_of(declared), there, (), False)
    assert step.changes == (("weight", 50, 60),)
    assert step.body == {"weight": 60, "drained": False, "owner": "anne"}

    nobodys = TEXT.replace(b"weight: 50", b"weight: 50, owner: null")
    assert lines(there, text=nobodys) == ["~ host-pools/office/hosts/h1  owner: 'anne' -> null"]


def test_whole_values_are_shown() -> None:
    there = as_declared()
    there["resources", "notes"]["remote_app"] = None

    (line,) = lines(there)
    assert line.startswith("~ resources/notes  remote_app: null -> {program: '||notes', arguments: ''")
    assert "file_extensions: []" in line


def test_what_the_file_does_not_have_is_removed_only_when_asked() -> None:
    there = as_declared() | {
        ("workspaces", "old"): {"name": "Old"},
        ("host-pools", "old"): {"name": "Old"},
        ("host-pools", "old", "hosts", "h1"): {},
        ("host-pools", "old", "hosts", "h2"): {},
        ("application-groups", "old"): {"name": "Old"},
        ("resources", "old"): {"name": "old", "application_group": "old"},
        ("groups", "staff", "members", "bob"): None,
        ("application-groups", "apps", "users", "bob"): None,
    }

    assert lines(there) == []
    # Nothing is said about which users may use the apps.
    assert lines(there, prune=True) == [
        # Of its two hosts one is in another pool by then.
        "- host-pools/old/hosts/h2",
        "- groups/staff/members/bob",
        "- resources/old",
        "- application-groups/old",
        "- host-pools/old",
        "- workspaces/old",
    ]


def test_names_that_others_take_are_freed_first() -> None:
    there = as_declared(b"workspaces: {a: {name: A}, b: {name: B}, c: {name: moving-1}}")

    assert lines(there, text=b"workspaces: {a: {name: b}, b: {name: A}}") == [
        "~ workspaces/a  name: 'A' -> 'moving-2'",
        "~ workspaces/b  name: 'B' -> 'moving-3'",
        "~ workspaces/a  name: 'moving-2' -> 'b'",
        "~ workspaces/b  name: 'moving-3' -> 'A'",
    ]
    assert lines(there, text=b"workspaces: {a: {name: a}, new: {name: B}}", prune=True) == [
        "~ workspaces/b  name: 'B' -> 'moving-2'",
        "~ workspaces/a  name: 'A' -> 'a'",
        "+ workspaces/new",
        "- workspaces/b",
        "- workspaces/c",
    ]


def test_host_that_another_pool_takes_is_not_taken_out_too() -> None:
    text = TEXT.replace(b"hosts: {h1: {weight: 50}}}", b"hosts: {}}\n  lab: {name: Lab, hosts: {h1: {}}}")

    assert lines(as_declared(), prune=True, text=text) == ["+ host-pools/lab", "+ host-pools/lab/hosts/h1"]


def test_list_that_is_said_to_be_empty_is_emptied() -> None:
    text = TEXT.replace(b"    groups: [staff]\n", b"    groups: []\n")
    there = as_declared()

    assert lines(there, prune=True, text=text) == ["- application-groups/apps/groups/staff"]


def test_resources_are_left_alone_where_their_group_says_nothing_of_them() -> None:
    there = as_declared() | {("resources", "more"): {"name": "more", "application_group": "apps"}}
    silent, _, _ = TEXT.partition(b"    resources:\n")

    assert lines(there, prune=True) == ["- resources/more"]
    assert lines(there, prune=True, text=silent) == []
    assert lines(there, prune=True, text=silent + b"    resources: {}\n") == [
        "- resources/more",
        "- resources/notes",
    ]


def test_section_the_file_has_not_is_left_alone() -> None:
    there = as_declared() | {("groups", "old"): {"name": "Old"}, ("workspaces", "old"): {"name": "Old"}}

    assert lines(there, prune=True, text=b"workspaces: {}") == ["- workspaces/old", "- workspaces/work"]


def test_resource_has_its_id_as_alias_unless_another_is_said() -> None:
    wanted = wanted_of(parse_declaration(TEXT, "x.yaml"))
    assert wanted["resources", "notes"]["name"] == "notes"

    renamed = TEXT.replace(b"title: Notes", b"title: Notes, name: other")
    assert wanted_of(parse_declaration(renamed, "x.yaml"))["resources", "notes"]["name"] == "other"


def test_step_says_what_it_does() -> None:
    (step,) = plan_of({("workspaces", "w"): {"name": "W"}}, {}, (), False)

    assert (step.kind, step.body) == (Kind.MADE, {"name": "W"})
