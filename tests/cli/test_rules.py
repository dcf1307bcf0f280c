from pathlib import Path

import pytest
from PIL import Image

from dialback.cli.declared import DeclarationProblem, parse_declaration
from dialback.cli.plan import wanted_of
from dialback.cli.rules import check_rules, noun_of, place_of, read_icons
from dialback.domain.catalog import Workspace
from dialback.domain.ids import HostId, PoolId, WorkspaceId
from dialback.domain.pools import PoolHost
from dialback.domain.tenancy import MAIN

TEXT = """\
workspaces:
  work: {name: Work}
groups:
  staff: {name: Staff}
host_pools:
  office:
    name: Office
    session_limit: 5
    step_up: {wanted: true}
    start_on_connect:
      method: webhook
      what: https://wake.example.org/
    hosts:
      desk-1: {weight: 50}
application_groups:
  tools:
    name: Tools
    pool: office
    kind: remote-app
    resources:
      notes:
        title: Notes
        icon: notes.png
        remote_app: {program: "||notes"}
"""
OTHER = """\
  more:
    name: More
    pool: office
    resources:
      notes: {title: Again}
"""


def failure(text: str) -> str:
    declaration = parse_declaration(text.encode(), "x.yaml")
    with pytest.raises(DeclarationProblem) as raised:
        check_rules(declaration, wanted_of(declaration))
    return str(raised.value)


def test_what_keeps_the_rules_passes() -> None:
    declaration = parse_declaration(TEXT.encode(), "x.yaml")
    check_rules(declaration, wanted_of(declaration))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: Work", r'name: "a\u202Eb"', "x.yaml, line 2: workspaces.work: expected no control"),
        ("  work:", "  w rk:", "line 2: workspaces.w rk: expected 1 to 64 of A-Z"),
        ("name: Staff", "name: ' Staff'", "line 4: groups.staff: expected 1 to 64 characters without"),
        (
            "session_limit: 5",
            "load_balancing: depth-first",
            "line 6: host_pools.office: expected a session limit with depth-first",
        ),
        ("wanted: true", "timeout_s: 5", "line 9: host_pools.office.step_up: expected 10 to 600 seconds"),
        ("https:", "ftp:", "line 10: host_pools.office.start_on_connect: expected a URL as webhook"),
        ("weight: 50", "weight: 0", "line 14: host_pools.office.hosts.desk-1: expected a weight of 1"),
        ("pool: office", "pool: of fice", "line 18: application_groups.tools.pool: expected an id"),
        ("      notes:", "      No_Tes:", "resources.No_Tes: expected 1 to 63 of a-z"),
        (
            'program: "||notes"',
            'program: ""',
            "line 24: application_groups.tools.resources.notes.remote_app: expected 1 to 260",
        ),
        (TEXT, TEXT + OTHER, "line 29: application_groups.more.resources.notes: expected it once, it stands"),
    ],
)
def test_broken_rule_is_told_with_file_line_and_key(old: str, new: str, said: str) -> None:
    assert old in TEXT
    assert said in failure(TEXT.replace(old, new, 1))


def test_what_wakes_a_host_is_in_no_message() -> None:
    assert "wake.example" not in failure(TEXT.replace("what: https://", "what: ftp://"))


def test_noun_is_made_of_a_body_and_of_what_the_api_shows() -> None:
    shown = {"id": "work", "name": "Work", "description": "", "version": 3}
    assert noun_of(("workspaces", "work"), shown) == Workspace(MAIN, WorkspaceId("work"), "Work")
    member = noun_of(("host-pools", "office", "hosts", "h1"), {"weight": 50, "link_up": True})
    assert member == PoolHost(MAIN, PoolId("office"), HostId("h1"), 50)


def test_path_is_told_as_it_stands_in_the_file() -> None:
    assert place_of(("host-pools", "a", "hosts", "h"), {}) == ("host_pools", "a", "hosts", "h")
    body = {"application_group": "tools"}
    assert place_of(("resources", "notes"), body) == ("application_groups", "tools", "resources", "notes")


def test_icons_are_pictures_that_the_server_takes(tmp_path: Path) -> None:
    declaration = parse_declaration(TEXT.encode(), "x.yaml")
    picture = tmp_path / "notes.png"
    with pytest.raises(FileNotFoundError):
        read_icons(declaration, tmp_path)
    picture.write_bytes(b"<svg/>")
    with pytest.raises(DeclarationProblem, match=r"line 23: .*notes\.icon: .* no picture"):
        read_icons(declaration, tmp_path)
    Image.new("RGB", (20, 20)).save(picture)
    assert read_icons(declaration, tmp_path) == {"notes": picture.read_bytes()}
