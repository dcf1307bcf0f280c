from dialback.domain.ids import HostId
from dialback.domain.tenancy import MAIN
from dialback.web.portal.needs import host_names, mark_of, titles_of
from tests.web.portal.stage import ACME, HOST, PortalStage


def test_mark_changes_with_what_is_shown() -> None:
    assert mark_of([1], "a") == mark_of([1], "a")
    assert mark_of([1], "a") != mark_of([1], "b")


def test_mark_takes_a_lone_surrogate() -> None:
    assert len(mark_of("\ud800")) == 16


def test_titles_are_known_by_alias(portal: PortalStage) -> None:
    assert titles_of([portal.office()]) == {"office": "Office desktop"}


async def test_names_are_told_of_hosts_of_the_tenant_alone(portal: PortalStage) -> None:
    assert await host_names(portal.store, ACME, [HOST]) == {}
    assert await host_names(portal.store, MAIN, [HOST, HostId("acme-desk-1"), HostId("none"), None]) == {
        HOST: "blue-01"
    }
