"""What a host is asked, and its facts as people read them."""

import pytest

from dialback.agent.settings import ManagementSettings
from dialback.console.actions import SCOPES, Action, check_announced, fact_rows, perform
from dialback.console.management import VersionsDiffer
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason, Refused
from dialback.domain.management import ManagementOffer, Offer
from dialback.wire.agent.messages import Failing, RdpServer
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.messages import Disk, Done, Facts, Log, Policy, Sessions
from tests.agent.management_stage import NOW, ManagedHost

ANSWERS = {Action.FACTS: Facts, Action.LOG: Log, Action.SESSIONS: Sessions}


def test_every_consent_has_its_action() -> None:
    assert set(SCOPES) == set(Action)
    assert set(SCOPES.values()) == set(ConsentScope) - {ConsentScope.DESKTOP}


@pytest.mark.parametrize("action", Action)
async def test_each_action_is_done_by_the_agent(action: Action) -> None:
    host = ManagedHost(settings=ManagementSettings(enabled=True, restart_rdp="true", update_agent="true"))
    async with host.managed() as management:
        answer = await perform(management, action, session="xrdp-10" if action is Action.LOG_OFF else "")
    assert isinstance(answer, ANSWERS.get(action, Done))


@pytest.mark.parametrize("action", Action)
def test_action_is_asked_for_if_the_host_offers_it_or_its_agent_announces_nothing(action: Action) -> None:
    check_announced("acme/desk", None, action, "rdp")
    check_announced("acme/desk", ManagementOffer(2, 2, tuple(Offer)), action, "rdp", VersionRange(2, 2))


def test_log_of_the_agent_takes_no_offer_and_that_of_the_rdp_service_does() -> None:
    announced = ManagementOffer(2, 2, ("restart-agent",))
    check_announced("acme/desk", announced, Action.LOG, "agent", VersionRange(2, 2))
    with pytest.raises(Refused) as refused:
        check_announced("acme/desk", announced, Action.LOG, "rdp", VersionRange(2, 2))
    assert refused.value.reason is Reason.MANAGEMENT_OFF


def test_versions_are_judged_before_offers_and_both_are_named() -> None:
    with pytest.raises(VersionsDiffer) as differ:
        check_announced("a/b", ManagementOffer(1, 1), Action.UPDATE, versions=VersionRange(2, 3))
    assert (differ.value.console, differ.value.agent) == (VersionRange(2, 3), VersionRange(1, 1))


def test_facts_are_rows_without_what_is_not_known() -> None:
    facts = Facts(
        host_name="desk",
        system="Debian",
        agent_version="0.1.0",
        now=NOW,
        offers=("restart-rdp", "rdp-log"),
        uptime_s=90,
        disks=(Disk(path="/", size_bytes=2_000_000_000, free_bytes=500_000_000),),
        active_sessions=1,
        disconnected_sessions=2,
        rdp_servers=(
            RdpServer(target="a:1", answers=False, problem="refused"),
            RdpServer(target="b:2", answers=True, security="tls"),
        ),
        failing=(Failing(check="disk", detail="full"),),
        policy=Policy(mode="ask"),
    )

    rows = dict(fact_rows(facts))

    assert rows["disk /"] == "0.5 of 2.0 GB free"
    assert rows["sessions"] == "1 active, 2 disconnected"
    assert (rows["RDP a:1"], rows["RDP b:2"]) == ("no answer: refused", "tls")
    assert (rows["fails: disk"], rows["consent"]) == ("full", "ask")
    assert rows["offers"] == "restart-rdp, rdp-log"
    assert "load per processor" not in rows
