"""What a host lets the provider do, whatever the platform says."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dialback.agent.consent import MOST_ASKED, MOST_SEEN
from dialback.agent.consent_files import GIVEN_NAME, STATE_NAME, ConsentFiles
from dialback.agent.consent_uses import REST_S
from dialback.agent.settings import ConsentSettings
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId
from dialback.identity.grants import fingerprint
from dialback.identity.host_keys import HostKey
from dialback.wire.agent.messages import Dial
from tests.agent.consents import ANNA, BERT, GRANT, MALLORY, NOW, Agent, asking, order, signed

Make = Callable[..., Agent]


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path, asking())


def refused(agent: Agent, asked: Dial) -> Refused:
    """Return why the host refuses it."""
    with pytest.raises(Refused) as found:
        agent.consent.judge(asked)
    return found.value


def edited(text: str) -> str:
    """Return the signed grant with another name in it."""
    plain = json.loads(text)
    body = urlsafe_b64decode(plain["grant"] + "==").replace(b'"staff":"tom"', b'"staff":"eve"')
    plain["grant"] = urlsafe_b64encode(body).decode().rstrip("=")
    return json.dumps(plain)


def test_nothing_opens_to_the_provider_without_a_policy(tmp_path: Path) -> None:
    agent = Agent(tmp_path, None)
    found = refused(agent, order(signed()))
    assert (found.reason, found.detail) == (Reason.CONSENT_FORBIDDEN, "no consent policy on this host")
    assert agent.consent.judge(order(users=True)) is None


def test_users_are_refused_where_a_policy_is_unless_it_lets_them_in(agent: Agent) -> None:
    assert refused(agent, order(users=True)).reason is Reason.AGENT_REFUSED
    agent.settings = asking(users="allow")
    agent.restart()
    assert agent.consent.judge(order(users=True)) is None


@pytest.mark.parametrize("settings", [None, asking(users="allow")])
def test_management_is_never_a_users(tmp_path: Path, settings: ConsentSettings | None) -> None:
    found = refused(Agent(tmp_path, settings), order(users=True, target="management"))
    assert found.reason is Reason.AGENT_REFUSED


def test_signed_grant_opens_what_it_is_for(agent: Agent) -> None:
    assert refused(agent, order()).reason is Reason.CONSENT_WANTED
    visit = agent.judge(order(signed()))
    assert visit.grant == GRANT
    assert visit.scopes == {ConsentScope.DESKTOP}
    agent.consent.check(visit)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (order(signed(keys=[MALLORY])), Reason.GRANT_UNSIGNED),
        (order(edited(signed()), staff="eve"), Reason.GRANT_UNSIGNED),
        (order("{}"), Reason.GRANT_INVALID),
        (order(signed(replace(GRANT, host=HostId("host-2")))), Reason.GRANT_OTHER),
        (order(signed(), staff="eve"), Reason.GRANT_OTHER),
        (order(signed(), tenant="other"), Reason.GRANT_OTHER),
        (order(signed(), target="127.0.0.1:22"), Reason.GRANT_OTHER),
        (order(signed(), target="management", scope="facts"), Reason.GRANT_OTHER),
        (order(signed(), target="management"), Reason.CONSENT_FORBIDDEN),
        (order(signed(), scope="facts"), Reason.CONSENT_FORBIDDEN),
        (order(signed(), scope="everything"), Reason.CONSENT_FORBIDDEN),
        (order(signed(), purpose=" padded "), Reason.CONSENT_FORBIDDEN),
    ],
)
def test_grant_opens_nothing_else(agent: Agent, asked: Dial, reason: Reason) -> None:
    assert refused(agent, asked).reason is reason


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [(-10, Reason.GRANT_EARLY), (-1, None), (10, None), (59, None), (60, Reason.GRANT_EXPIRED)],
)
def test_grant_holds_by_the_hosts_own_clock(agent: Agent, minutes: int, reason: Reason | None) -> None:
    agent.now = NOW + timedelta(minutes=minutes)
    if reason is None:
        assert agent.judge(order(signed()))
    else:
        found = refused(agent, order(signed()))
        assert found.reason is reason
        assert "the host's clock says" in found.detail


def test_policy_forbids_before_any_grant_counts(tmp_path: Path) -> None:
    for forbidden in ({"mode": "never"}, {"staff": ("eve",)}, {"roles": ("auditor",)}, {"scopes": ("log",)}):
        found = refused(Agent(tmp_path, asking(**forbidden)), order(signed()))
        assert found.reason is Reason.CONSENT_FORBIDDEN


def test_window_lets_in_and_its_end_sends_away(tmp_path: Path) -> None:
    agent = Agent(tmp_path, asking(mode="window", windows=("wed 11:00-13:00",)))
    visit = agent.judge(order())
    agent.consent.check(visit)
    agent.now = NOW + timedelta(hours=1)
    with pytest.raises(Refused) as found:
        agent.consent.check(visit)
    assert found.value.reason is Reason.CONSENT_WANTED
    assert refused(agent, order()).reason is Reason.CONSENT_WANTED


def test_visit_is_over_with_its_grant(agent: Agent) -> None:
    visit = agent.judge(order(signed()))
    agent.now = GRANT.until
    with pytest.raises(Refused) as found:
        agent.consent.check(visit)
    assert found.value.reason is Reason.GRANT_EXPIRED


def test_grant_opens_as_often_as_it_says_restarts_included(agent: Agent) -> None:
    text = signed(replace(GRANT, uses=2))
    first = agent.judge(order(text))
    agent.restart()
    agent.judge(order(text))
    agent.restart()
    agent.restart()
    assert refused(agent, order(text)).reason is Reason.GRANT_USED
    agent.consent.check(first)


def test_one_use_is_one_visit_whatever_number_of_legs_it_takes(agent: Agent) -> None:
    text = signed(replace(GRANT, uses=1))
    look = agent.judge(order(text))
    agent.consent.ended(look)
    agent.clock_s = REST_S - 1
    desktop = agent.judge(order(text))
    agent.clock_s = 10 * REST_S
    agent.judge(order(text))
    agent.consent.check(desktop)
    assert ConsentFiles(agent.folder).state().grants["g1"].used == 1


def test_use_that_was_taken_is_for_its_own_request(agent: Agent) -> None:
    text = signed(replace(GRANT, uses=1))
    agent.judge(order(text))
    found = refused(agent, order(text, request_id="r2"))
    assert (found.reason, found.detail) == (Reason.GRANT_USED, "1 of 1 uses")


def test_visit_that_was_left_too_long_takes_another_use(agent: Agent) -> None:
    text = signed(replace(GRANT, uses=2))
    agent.consent.ended(agent.judge(order(text)))
    agent.clock_s = REST_S
    agent.consent.ended(agent.judge(order(text)))
    agent.clock_s = 2 * REST_S
    assert refused(agent, order(text)).reason is Reason.GRANT_USED


def test_grant_that_was_revoked_opens_no_further_leg_of_its_visit(agent: Agent) -> None:
    text = signed(replace(GRANT, uses=1))
    agent.judge(order(text))
    agent.consent.revoke("g1")
    assert refused(agent, order(text)).reason is Reason.GRANT_REVOKED


def test_revoked_grant_is_revoked_for_good(agent: Agent) -> None:
    visit = agent.judge(order(signed()))
    agent.consent.revoke("g1")
    with pytest.raises(Refused) as found:
        agent.consent.check(visit)
    assert found.value.reason is Reason.GRANT_REVOKED
    agent.restart()
    assert refused(agent, order(signed())).reason is Reason.GRANT_REVOKED


def test_grant_that_was_revoked_unseen_is_remembered_as_well(agent: Agent) -> None:
    agent.consent.revoke("g1")
    agent.restart()
    assert refused(agent, order(signed())).reason is Reason.GRANT_REVOKED


def test_platform_cannot_make_the_host_forget_a_grant_it_has_seen(agent: Agent) -> None:
    agent.judge(order(signed()))
    agent.consent.revoke("g1")
    state = ConsentFiles(agent.folder).state()
    ConsentFiles(agent.folder).save_state(replace(state, revoked=tuple(f"r{at}" for at in range(1000))))
    agent.restart()
    for number in range(3):
        agent.consent.revoke(f"other-{number}")
    assert len(ConsentFiles(agent.folder).state().revoked) == 1000
    assert refused(agent, order(signed())).reason is Reason.GRANT_REVOKED


def test_host_that_remembers_too_many_grants_takes_no_more(agent: Agent) -> None:
    files = ConsentFiles(agent.folder)
    agent.judge(order(signed()))
    state = files.state()
    seen = {f"s{at}": state.grants["g1"] for at in range(MOST_SEEN)}
    files.save_state(replace(state, grants=seen))
    agent.restart()
    assert refused(agent, order(signed())).reason is Reason.CONSENT_FORBIDDEN
    agent.now = NOW + timedelta(days=4)
    fresh = replace(GRANT, id=GrantId("g2"), begins_at=agent.now, until=agent.now + timedelta(hours=1))
    agent.judge(order(signed(fresh)))
    assert set(files.state().grants) == {"g2"}


def test_second_pair_of_eyes_is_waited_for(tmp_path: Path) -> None:
    keys = (ANNA.public_bytes.hex(), BERT.public_bytes.hex())
    agent = Agent(tmp_path, asking(approvers=2, keys=keys))
    found = refused(agent, order(signed()))
    assert (found.reason, found.detail) == (
        Reason.CONSENT_WANTED,
        "expected trusted signatures of 2 approvers, got 1",
    )
    assert refused(agent, order(signed(keys=[ANNA, MALLORY]))).reason is Reason.CONSENT_WANTED
    assert agent.judge(order(signed(keys=[ANNA, BERT]))).grant == GRANT


def test_two_keys_of_one_person_are_one_pair_of_eyes(tmp_path: Path) -> None:
    carol = HostKey.generate()
    keys = (f"anna: {ANNA.public_bytes.hex()}", f"Anna:{BERT.public_bytes.hex()}", carol.public_bytes.hex())
    agent = Agent(tmp_path, asking(approvers=2, keys=keys))
    assert refused(agent, order(signed(keys=[ANNA, BERT]))).reason is Reason.CONSENT_WANTED
    visit = agent.judge(order(signed(keys=[ANNA, BERT, carol])))
    assert visit.signers == {"anna", fingerprint(carol.public_bytes)}


def test_key_of_the_host_itself_is_whose_the_settings_say(tmp_path: Path) -> None:
    own = ConsentFiles(tmp_path).key()
    keys = (f"anna: {ANNA.public_bytes.hex()}", f"anna: {own.public_bytes.hex()}")
    agent = Agent(tmp_path, asking(approvers=2, keys=keys))
    assert refused(agent, order(signed(keys=[ANNA, own]))).reason is Reason.CONSENT_WANTED
    agent.settings = asking(approvers=2, keys=keys[:1])
    agent.restart()
    assert agent.judge(order(signed(keys=[ANNA, own]))).signers == {"anna", "this host"}


def test_console_may_do_what_grant_and_policy_both_name(tmp_path: Path) -> None:
    scopes = frozenset({ConsentScope.FACTS, ConsentScope.LOG, ConsentScope.DESKTOP})
    grant = signed(replace(GRANT, scopes=scopes))
    agent = Agent(tmp_path, asking(scopes=("facts", "desktop", "restart-rdp")))
    visit = agent.judge(order(grant, target="management", scope="facts"))
    assert visit.scopes == {ConsentScope.FACTS}


def test_what_waits_is_kept_once_and_bounded_and_goes_when_answered(agent: Agent) -> None:
    files = ConsentFiles(agent.folder)
    for number in range(MOST_ASKED + 5):
        refused(agent, order(request_id=f"r{number}"))
        refused(agent, order(request_id=f"r{number}"))
    waiting = [each.request.id for each in files.asked()]
    assert waiting == [f"r{number}" for number in range(5, MOST_ASKED + 5)]
    agent.judge(order(signed(), request_id="r7"))
    assert "r7" not in [each.request.id for each in files.asked()]


@pytest.mark.parametrize("name", [STATE_NAME, GIVEN_NAME])
def test_what_cannot_be_read_forbids(agent: Agent, name: str) -> None:
    (agent.folder / name).write_text("{")
    found = refused(agent, order(signed()))
    assert found.reason is Reason.CONSENT_FORBIDDEN
    assert "cannot read" in found.detail


def test_use_that_cannot_be_kept_opens_nothing(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dialback.agent.consent_files.write_file", full)
    assert refused(agent, order(signed())).reason is Reason.CONSENT_FORBIDDEN
