import contextlib
import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.cli.declared import (
    MAX_FILE_BYTES,
    Declaration,
    DeclarationProblem,
    parse_declaration,
    read_declaration,
)

WHOLE = """\
workspaces:
  work: {name: Work}
groups:
  staff:
    name: Staff
    members: [anne, bob]
host_pools:
  office:
    name: Office
    session_limit: 5
    step_up: {wanted: true}
    hosts:
      desk-1: {weight: 50}
application_groups:
  desktops:
    name: Desktops
    pool: office
    users: [anne]
    resources:
      desk: {title: Desk}
"""


def failure(text: str) -> str:
    with pytest.raises(DeclarationProblem) as raised:
        parse_declaration(text.encode(), "x.yaml")
    return str(raised.value)


def test_whole_declaration_is_read_with_defaults() -> None:
    declared = parse_declaration(WHOLE.encode(), "x.yaml")

    assert declared.workspaces is not None
    assert declared.workspaces["work"].name == "Work"
    assert declared.groups is not None
    assert declared.groups["staff"].members == ("anne", "bob")
    assert declared.host_pools is not None
    pool = declared.host_pools["office"]
    assert (pool.session_limit, pool.step_up.wanted, pool.step_up.timeout_s) == (5, True, 60)
    assert pool.hosts is not None
    assert pool.hosts["desk-1"].weight == 50


def test_empty_file_declares_nothing() -> None:
    assert parse_declaration(b"", "x.yaml").model_dump() == dict.fromkeys(
        ("workspaces", "groups", "host_pools", "application_groups")
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("host_pools:", "host_pool:", "line 7: unknown key 'host_pool'; did you mean 'host_pools'?"),
        (
            "session_limit",
            "sesion_limit",
            "line 10: unknown key 'host_pools.office.sesion_limit'; did you mean 'session_limit'?",
        ),
        (
            "wanted",
            "wantd",
            "line 11: unknown key 'host_pools.office.step_up.wantd'; did you mean 'wanted'?",
        ),
        (
            "weight",
            "zzz",
            "line 13: unknown key 'host_pools.office.hosts.desk-1.zzz'; known are drained, owner, weight",
        ),
        (
            "title: Desk",
            "titel: Desk",
            "line 20: unknown key 'application_groups.desktops.resources.desk.titel'; did you mean 'title'?",
        ),
        ("session_limit: 5", "session_limit: many", "line 10: host_pools.office.session_limit: "),
        ("session_limit: 5", "session_limit: '5'", "line 10: host_pools.office.session_limit: "),
        ("    pool: office\n", "", "line 15: application_groups.desktops.pool: Field required"),
        ("name: Work", "name: 5", "line 2: workspaces.work.name: "),
        (
            "title: Desk",
            "title: Desk, application_group: other",
            "expected no application_group, it is the one the resource stands in",
        ),
        ("    name: Staff\n", "    name: Staff\n    name: Again\n", "line 6: the key 'name' is there twice"),
        ("[anne, bob]", "&x [anne]", ""),
        ("[anne, bob]", "[anne", "expected YAML: "),
        ("name: Work", "name: !!python/object:os.system x", "line 2: expected a plain value"),
        ("{name: Work}", "{[a]: Work}", "line 2: expected a name as key"),
    ],
)
def test_mistake_is_told_with_its_line_and_the_nearest_key(old: str, new: str, said: str) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1)
    if said:
        assert said in failure(text)
    else:
        parse_declaration(text.encode(), "x.yaml")


def test_aliases_are_refused() -> None:
    assert "line 2: expected no alias" in failure("a: &x [1]\nb: *x\n")


@pytest.mark.parametrize("text", ["- a\n", "plain", "5"])
def test_document_must_have_sections(text: str) -> None:
    assert "expected sections as workspaces, groups" in failure(text)


def test_deep_nesting_and_other_bytes_are_refused() -> None:
    assert "expected" in failure("[" * 5000)
    assert "less depth" in failure("a: " + "[" * 20 + "]" * 20)
    with pytest.raises(DeclarationProblem, match="expected YAML"):
        parse_declaration(b"\xff\xff", "x.yaml")


def test_what_looks_like_a_date_is_text() -> None:
    declared = parse_declaration(b"workspaces: {w: {name: 2026-03-01}}", "x.yaml")

    assert declared.workspaces is not None
    assert declared.workspaces["w"].name == str(datetime.date(2026, 3, 1))


def test_file_is_read_within_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(WHOLE)
    assert read_declaration(path).workspaces is not None

    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(DeclarationProblem, match="bytes at most"):
        read_declaration(path)
    with pytest.raises(FileNotFoundError):
        read_declaration(tmp_path / "none.yaml")


@given(st.text(max_size=200) | st.text(alphabet="ab:{}[]-& *!\n'\"", max_size=60))
def test_any_text_is_a_declaration_or_a_problem(text: str) -> None:
    declared = None
    with contextlib.suppress(DeclarationProblem):
        declared = parse_declaration(text.encode(errors="surrogatepass"), "x.yaml")

    assert declared is None or isinstance(declared, Declaration)
