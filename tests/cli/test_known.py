import pytest

from dialback.cli.context import Failed
from dialback.cli.declared import DeclarationProblem, parse_declaration
from dialback.cli.known import Known, with_ids, without_unseen
from dialback.cli.plan import wanted_of

KNOWN = Known(
    there={
        ("workspaces", "work"): {"name": "Work"},
        ("host-pools", "pool"): {"name": "Pool"},
        ("groups", "g1"): {"name": "Sales"},
        ("groups", "g1", "members", "u1"): None,
    },
    users={"u1": "anne", "u2": "Bob", "Eve": "mallory", "u3": "eve"},
    hosts={"h1": "desk", "h2": "desk", "h3": "Desk"},
)


@pytest.mark.parametrize(
    ("family", "text", "id"),
    [
        ("members", "anne", "u1"),
        ("users", "BOB", "u2"),
        ("users", "u2", "u2"),
        ("groups", "sales", "g1"),
        ("groups", "new", "new"),
        ("hosts", "Desk", "h3"),
        ("hosts", "h2", "h2"),
    ],
)
def test_id_is_found_by_id_or_name(family: str, text: str, id: str) -> None:
    assert KNOWN.id_of(family, text, {("groups", "new"): {}}) == id


@pytest.mark.parametrize(
    ("family", "text", "said"),
    [
        ("users", "eva", "there is no user 'eva'"),
        ("hosts", "desk", "there are 2 hosts 'desk'"),
        ("users", "Eve", "there are 2 users 'Eve'"),
        ("groups", "", "there is no group ''"),
    ],
)
def test_what_is_not_there_or_not_alone_has_no_id(family: str, text: str, said: str) -> None:
    with pytest.raises(Failed, match=said):
        KNOWN.id_of(family, text, {})


def test_names_are_shown_with_ids_where_they_alone_do_not_tell() -> None:
    assert KNOWN.names({("workspaces", "work"): {}}) == {
        ("users", "u1"): "anne",
        ("users", "u2"): "Bob",
        ("users", "Eve"): "mallory",
        ("users", "u3"): "eve",
        ("hosts", "h1"): "desk (h1)",
        ("hosts", "h2"): "desk (h2)",
        ("hosts", "h3"): "Desk",
        ("host-pools", "pool"): "pool",
        ("groups", "g1"): "Sales (g1)",
    }


def test_wanted_has_ids_and_each_host_once() -> None:
    text = b"host_pools:\n  a: {name: A, hosts: {h1: {owner: anne}}}\n  b: {name: B, hosts: {Desk: {}}}\n"
    declaration = parse_declaration(text, "x.yaml")
    found = with_ids(declaration, wanted_of(declaration), KNOWN)
    assert found["host-pools", "a", "hosts", "h1"]["owner"] == "u1"
    assert ("host-pools", "b", "hosts", "h3") in found

    declaration = parse_declaration(text.replace(b"h1:", b"h3:"), "x.yaml")
    with pytest.raises(DeclarationProblem, match=r"line 3: host_pools\.b\.hosts\.Desk: expected each host"):
        with_ids(declaration, wanted_of(declaration), KNOWN)


def test_nobody_has_the_empty_name() -> None:
    text = b"host_pools: {a: {name: A, hosts: {h1: {owner: ''}}}}"
    declaration = parse_declaration(text, "x.yaml")

    with pytest.raises(DeclarationProblem, match="there is no user ''"):
        with_ids(declaration, wanted_of(declaration), KNOWN)


def test_what_a_caller_is_not_shown_is_no_change_of_a_pool_that_is_there() -> None:
    text = b"""\
host_pools:
  pool: {name: Pool, start_on_connect: {method: command, what: wake}}
  new: {name: New, start_on_connect: {method: command, what: wake}}
"""
    wanted = wanted_of(parse_declaration(text, "x.yaml"))
    unseen = {**wanted["host-pools", "pool"], "start_on_connect": None}

    for me in ({"user": None, "role": None}, {"user": "u0", "role": "helpdesk"}):
        assert without_unseen(wanted, KNOWN, me) == {**wanted, ("host-pools", "pool"): unseen}
    assert without_unseen(wanted, KNOWN, {"user": "u0", "role": "administrator"}) == wanted
