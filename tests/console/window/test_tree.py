"""The tenants' tree: marks, search, and what a typed name means."""

from dataclasses import replace

import pytest

from dialback.console.window.platform import Host
from dialback.console.window.tree import Branch, NoSuchHost, State, Tree, grow, search, stale
from dialback.domain.ids import TenantId
from tests.console.window.things import ACME, PLACE, host, report, tenant, tree


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (host("a"), State.UP),
        (host("a", failed=("disk",)), State.FAILING),
        (host("a", link_up=False, failed=("link",)), State.DOWN),
    ],
)
def test_host_is_marked_by_link_and_checks(shown: Host, state: State) -> None:
    assert Branch(tenant("acme")).state_of(shown) is state
    assert Branch(tenant("acme", suspended=True)).state_of(shown) is State.SUSPENDED


@pytest.mark.parametrize(("up", "down", "state"), [(1, 3, State.UP), (0, 3, State.DOWN), (0, 0, State.EMPTY)])
def test_tenant_is_up_if_any_host_is(up: int, down: int, state: State) -> None:
    branch = Branch(tenant("acme", hosts_up=up, hosts_down=down))
    assert branch.state is state
    assert Branch(replace(branch.tenant, suspended=True)).state is State.SUSPENDED


@pytest.mark.parametrize("typed", ["acme/h1", "acme/files", " Acme GmbH/FILES ", "files", "h1"])
def test_host_is_found_as_people_type_it(typed: str) -> None:
    assert tree().find(typed) == PLACE
    assert tree().host(PLACE) is not None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Type a host"),
        ("  ", "Type a host"),
        ("web", "no host 'web'"),
        ("bolt/files", "no host 'bolt/files'"),
        ("MAIL", "Several hosts are called 'MAIL': acme/mail, acme/Mail"),
    ],
)
def test_name_that_means_no_single_host_is_said(typed: str, said: str) -> None:
    twins = tree(host("h1", "files"), host("h2", "mail"), host("h3", "Mail"))
    with pytest.raises(NoSuchHost, match=said):
        twins.find(typed)


def names(found: Tree) -> list[str]:
    return [f"{branch.tenant.id}/{each.name}" for branch, each in found.places()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["acme/files", "acme/mail", "bolt/terminal"]),
        ("mai", ["acme/mail"]),
        ("ACME", ["acme/files", "acme/mail"]),
        ("acme mail", ["acme/mail"]),
        ("debian", ["acme/files"]),
        ("down", ["acme/mail"]),
        ("nothing", []),
    ],
)
def test_search_finds_hosts_that_have_all_words(text: str, found: list[str]) -> None:
    assert names(search(tree(), text)) == found


def test_hosts_that_were_not_read_now_stay_as_they_are_known() -> None:
    known = tree()
    tenants = [branch.tenant for branch in known.branches]

    grown = grow(tenants, known, {ACME: [host("h1", "renamed", report=report())]})

    assert names(grown) == ["acme/renamed", "bolt/terminal"]
    assert names(grow(tenants[1:], known, {})) == ["bolt/terminal"]


def test_hosts_are_read_where_a_tenant_is_new_or_its_count_has_changed() -> None:
    known = tree()
    tenants = [branch.tenant for branch in known.branches]

    assert stale(tenants, known) == set()
    assert stale([replace(tenants[0], hosts_up=2), tenants[1]], known) == {ACME}
    assert stale([*tenants, tenant("new")], known) == {TenantId("new")}
    assert stale(tenants, Tree((Branch(tenants[0]),))) == {"acme", "bolt"}
