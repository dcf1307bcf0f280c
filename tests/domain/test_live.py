"""Which connections have to end."""

from dataclasses import replace

import pytest

from dialback.domain.access import TokenKind
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.live import LiveConnection, Lost, reason_to_cut
from dialback.domain.provider import PROVIDER

ACME, OTHER = TenantId("acme"), TenantId("other")
ANNA, TOKEN, HOST = UserId("u1"), TokenHash("t1"), HostId("h1")
OPEN = LiveConnection(
    ConnectionId("c1"), ACME, ANNA, UserName("anna"), ResourceName("office"), TOKEN, "192.0.2.1", HOST
)


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        (Lost(), None),
        (Lost(users=frozenset({(ACME, ANNA)})), Reason.USER_DISABLED),
        (Lost(users=frozenset({(OTHER, ANNA), (ACME, UserId("u2"))})), None),
        (Lost(tokens=frozenset({TOKEN})), Reason.TOKEN_REVOKED),
        (Lost(tokens=frozenset({TokenHash("t2")})), None),
        (Lost(hosts=frozenset({HOST})), Reason.HOST_REVOKED),
        (Lost(hosts=frozenset({HostId("h2")})), None),
    ],
)
def test_a_connection_ends_with_what_it_stands_on(lost: Lost, reason: Reason | None) -> None:
    assert reason_to_cut(OPEN, lost, True) is reason


def test_a_disabled_user_may_stay_if_the_setting_says_so() -> None:
    lost = Lost(users=frozenset({(ACME, ANNA)}))
    assert reason_to_cut(OPEN, lost, False) is None
    assert reason_to_cut(OPEN, replace(lost, tokens=frozenset({TOKEN})), False) is Reason.TOKEN_REVOKED


def test_connection_of_the_provider_ends_with_its_staff_and_not_with_a_namesake() -> None:
    visit = replace(OPEN, kind=TokenKind.PROVIDER)
    assert reason_to_cut(visit, Lost(users=frozenset({(ACME, ANNA)})), True) is None
    assert reason_to_cut(visit, Lost(users=frozenset({(PROVIDER, ANNA)})), True) is Reason.USER_DISABLED


def test_a_parked_connection_has_no_host_to_lose() -> None:
    assert reason_to_cut(replace(OPEN, host_id=None), Lost(hosts=frozenset({HOST})), True) is None
