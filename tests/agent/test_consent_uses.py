"""Which legs of a request take a use, and which go on with one."""

from dataclasses import replace
from datetime import datetime

import pytest

from dialback.agent.consent_uses import REST_S, GoingVisits
from dialback.domain.consent import ConsentRequest, ConsentScope
from dialback.domain.ids import GrantId
from tests.agent.consents import GRANT, HOST, NOW, TARGET

ONCE = replace(GRANT, uses=1)
REQUEST = ConsentRequest(
    "r1", GRANT.tenant, HOST, "tom", "technician", ConsentScope.DESKTOP, TARGET, "the printer", NOW
)


class Going(GoingVisits):
    """Visits whose clock a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(lambda: self.now_s)


@pytest.fixture
def going() -> Going:
    return Going()


def test_nothing_goes_on_that_has_not_begun(going: Going) -> None:
    assert not going.goes_on(ONCE, REQUEST)
    going.end(ONCE, REQUEST)
    assert not going.goes_on(ONCE, REQUEST)


def test_visit_goes_on_while_a_leg_stands_however_long(going: Going) -> None:
    going.begin(ONCE, REQUEST)
    going.begin(ONCE, REQUEST)
    going.end(ONCE, REQUEST)
    going.now_s = 10 * REST_S
    assert going.goes_on(ONCE, REQUEST)


def test_visit_goes_on_for_a_short_time_after_its_last_leg(going: Going) -> None:
    going.begin(ONCE, REQUEST)
    going.now_s = 100.0
    going.end(ONCE, REQUEST)
    going.now_s = 100.0 + REST_S - 0.1
    assert going.goes_on(ONCE, REQUEST)
    going.now_s = 100.0 + REST_S
    assert not going.goes_on(ONCE, REQUEST)


def test_visit_that_was_over_begins_anew_with_its_next_use(going: Going) -> None:
    going.begin(ONCE, REQUEST)
    going.end(ONCE, REQUEST)
    going.now_s = REST_S
    going.begin(ONCE, REQUEST)
    going.now_s = 10 * REST_S
    assert going.goes_on(ONCE, REQUEST)


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, id="r2"),
        replace(REQUEST, target="127.0.0.1:22"),
        replace(REQUEST, role="provider-administrator"),
        replace(REQUEST, asked_at=datetime.max.replace(tzinfo=NOW.tzinfo)),
    ],
)
def test_another_request_is_another_visit(going: Going, other: ConsentRequest) -> None:
    going.begin(ONCE, REQUEST)
    assert not going.goes_on(ONCE, other)
    assert not going.goes_on(replace(ONCE, id=GrantId("g2")), REQUEST)


def test_grant_of_any_number_of_uses_is_not_kept(going: Going) -> None:
    going.begin(GRANT, REQUEST)
    going.end(GRANT, REQUEST)
    assert not going.goes_on(GRANT, REQUEST)
