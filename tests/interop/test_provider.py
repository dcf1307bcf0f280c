"""The provider at its tenants' hosts: the steps of its demonstration, and consent at the host itself."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.provider_tour import CUT_S, DB, FILES, WEB, ProviderTour
from lab.platform import POLL_S
from lab.process import Failed, wait_for
from tests.interop.stage import PREFIX, TROUBLE

pytestmark = pytest.mark.interop
USER = "interoptess"


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderTour]:
    """Everything up to the hosts; their logs tell of no trouble when all has ended."""
    folder = tmp_path_factory.mktemp("provider")
    with ExitStack() as stack:
        tour = ProviderTour(stack, folder, folder, user=USER, prefix=PREFIX)
        tour.start_server()
        tour.add_people()
        tour.sign_in()
        tour.join_hosts()
        yield tour
    for log in [tour.platform.log, *(agent.log for agent in tour.agents.values())]:
        assert not TROUBLE.search(log.read_text()), log.read_text()[-6000:]


def test_technician_sees_links_come_and_go(tour: ProviderTour) -> None:
    tour.show_tenants()


def test_desktop_lasts_as_long_as_the_tenants_consent_and_both_sides_prove_it(tour: ProviderTour) -> None:
    tour.connect()
    tour.revoke()
    assert tour.cut_s < CUT_S
    tour.prove()


def test_person_at_the_host_approves_and_takes_it_back_and_the_record_tells_the_log_on(
    tour: ProviderTour, tmp_path: Path
) -> None:
    tour.hosts[FILES].log_off(tour.account.name)
    wait_for_sessions(tour, 0)
    tour.begin()
    host = tour.agents[FILES]
    host.ask("consent", "approve", tour.asked(), "--by", "olga")
    tour.see_desktop()
    wait_for_sessions(tour, 1)
    (granted,) = json.loads(host.ask("consent", "list", "--json"))["granted"]
    assert granted["approved_by"] == "olga"

    host.ask("consent", "revoke", granted["grant"])
    after_s, _ = tour.cut()
    assert after_s < CUT_S
    tour.said_in_the_end()
    newest = tour.newest()
    assert newest["reason"] == "grant-revoked"
    assert ("log-on", tour.account.name) in host_events(tour, newest["id"], tmp_path / "record")
    assert "log-on" in host.ask("audit", newest["id"])


def wait_for_sessions(tour: ProviderTour, count: int) -> None:
    """Wait until acme's hosts list so many sessions."""

    def listed() -> bool:
        return len(json.loads(tour.ada.run("session", "list", "--json"))) == count

    if not wait_for(listed, poll_s=POLL_S):
        raise Failed(f"expected {count} sessions, they did not come")


def host_events(tour: ProviderTour, connection: str, record: Path) -> list[tuple[str, str]]:
    """Return what the record of a connection tells of sessions on the host, and of whose."""
    tour.platform.run("audit", "export", connection, "--tenant", "acme", "--out", record)
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    return [(each["facts"]["what"], each["facts"]["user"]) for each in entries if each.get("event") == "host"]


def test_neither_platform_nor_host_lets_in_whom_they_do_not_know(tour: ProviderTour) -> None:
    tour.refuse_at_birch()
    assert "You serve no tenant" in tour.refused_at_birch
    assert DB.tenant in tour.refused_at_birch


def test_console_names_both_versions_that_differ_and_manages_where_they_do_not(tour: ProviderTour) -> None:
    tour.manage()
    assert "console (protocol 2)" in tour.warning
    assert f"agent on {WEB.name} (protocol 1)" in tour.warning
    assert "Debian" in tour.facts
