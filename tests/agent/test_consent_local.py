"""Consent given at the host: found by the agent that runs, as good as any, and taken back there."""

from datetime import timedelta
from pathlib import Path

import pytest

from dialback.agent.consent_files import KEY_NAME, PUBLIC_NAME
from dialback.agent.consent_local import LocalConsent, NothingAsked
from dialback.domain.errors import Reason, Refused
from dialback.identity.grants import fingerprint
from tests.agent.consents import ANNA, GRANT, Agent, asking, order, signed

HOUR = timedelta(hours=1)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path, asking(keys=()))


@pytest.fixture
def local(agent: Agent) -> LocalConsent:
    return LocalConsent(agent.folder, lambda: agent.now)


def wanted(agent: Agent, grant: str | None = None) -> None:
    with pytest.raises(Refused) as found:
        agent.judge(order(grant))
    assert found.value.reason is Reason.CONSENT_WANTED


def test_person_at_the_host_approves_and_the_running_agent_lets_in(agent: Agent, local: LocalConsent) -> None:
    wanted(agent)
    [asked] = local.waiting()
    assert (asked.request.staff, asked.request.purpose) == ("tom", "the printer")
    grant = local.approve("r1", "olga", HOUR)
    assert agent.judge(order()).grant == grant
    assert local.waiting() == []
    assert local.granted() == [(grant, {"this host"})]
    assert (agent.folder / KEY_NAME).stat().st_mode & 0o777 == 0o600
    assert len((agent.folder / PUBLIC_NAME).read_text().strip()) == 64


def test_person_at_the_host_revokes_what_anybody_gave(agent: Agent, local: LocalConsent) -> None:
    agent.settings = asking()
    agent.restart()
    visit = agent.judge(order(signed()))
    local.revoke(GRANT.id)
    with pytest.raises(Refused) as found:
        agent.consent.check(visit)
    assert found.value.reason is Reason.GRANT_REVOKED
    with pytest.raises(Refused):
        agent.judge(order(signed()))


def test_grant_of_the_host_is_for_who_asked_alone(agent: Agent, local: LocalConsent) -> None:
    wanted(agent)
    local.approve("r1", "olga", HOUR, uses=1)
    for other in (order(staff="eve"), order(target="127.0.0.1:22")):
        with pytest.raises(Refused):
            agent.judge(other)
    agent.judge(order())
    with pytest.raises(Refused) as found:
        agent.judge(order(request_id="r2"))
    assert found.value.reason is Reason.GRANT_USED


def test_person_at_the_host_is_the_second_pair_of_eyes(agent: Agent, local: LocalConsent) -> None:
    agent.settings = asking(approvers=2)
    agent.restart()
    wanted(agent, signed())
    assert local.approve("r1", "olga", HOUR) == GRANT
    assert agent.judge(order(signed())).signers == {fingerprint(ANNA.public_bytes), "this host"}
    named = [f"anna: {ANNA.public_bytes.hex()}"]
    assert local.granted(named) == [(GRANT, {"anna", "this host"})]


def test_grants_that_are_over_are_forgotten_and_what_is_revoked_is_not(
    agent: Agent, local: LocalConsent
) -> None:
    wanted(agent)
    grant = local.approve("r1", "olga", HOUR)
    local.revoke(grant.id)
    agent.now += timedelta(hours=2)
    assert local.granted() == []
    local.revoke("another")
    given = agent.consent._files.given()
    assert (given.grants, given.revoked) == ((), (grant.id, "another"))


def test_what_was_not_asked_cannot_be_approved(local: LocalConsent) -> None:
    with pytest.raises(NothingAsked, match="nothing waits under 'r9'"):
        local.approve("r9", "olga", HOUR)


def test_request_nobody_answered_for_a_day_waits_no_more(agent: Agent, local: LocalConsent) -> None:
    wanted(agent)
    agent.now += timedelta(days=1)
    assert local.waiting() == []


def test_own_key_is_made_once(local: LocalConsent) -> None:
    assert local.key_fingerprint() == local.key_fingerprint()
    assert len(ANNA.public_bytes) == 32
