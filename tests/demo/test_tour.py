"""What the demonstration declares is what it then looks for."""

from pathlib import Path

from demo.tour import APP, DECLARATION, DESKTOP, HOSTS, POOL, SIZE, USER, shown
from dialback.cli.declared import read_declaration
from dialback.domain.catalog import ApplicationGroupKind
from lab.browser import SIZE as PAGE
from lab.xrdp_host import SOCKET_INSIDE


def test_declaration_names_the_hosts_that_join_and_the_user_who_is_invited() -> None:
    declared = read_declaration(DECLARATION)
    assert declared.host_pools is not None
    assert {*(declared.host_pools[POOL].hosts or {})} == {*HOSTS}
    assert {each.users for each in (declared.application_groups or {}).values()} == {(USER,)}


def test_declaration_publishes_a_desktop_and_an_app_at_the_socket_of_the_hosts() -> None:
    groups = (read_declaration(DECLARATION).application_groups or {}).values()
    published = {
        each.title: (group.kind, each.target) for group in groups for each in (group.resources or {}).values()
    }
    target = f"unix:{SOCKET_INSIDE}"
    assert published == {
        DESKTOP: (ApplicationGroupKind.DESKTOP, target),
        APP: (ApplicationGroupKind.REMOTE_APP, target),
    }


def test_paths_are_shown_as_they_can_be_copied() -> None:
    assert shown(Path.cwd() / "demo" / "portal.png") == "demo/portal.png"
    assert shown(Path("/elsewhere/portal.png")) == "/elsewhere/portal.png"


def test_pictures_stay_small_enough_for_a_page() -> None:
    assert max(PAGE[0], SIZE[0]) <= 1024
