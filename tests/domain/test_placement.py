"""Placement: every fact that forbids one, and the order in which they are said."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.domain.catalog import Resource
from dialback.domain.contracts import Admission, Placement
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host
from dialback.domain.ids import HostId, ResourceName, TokenHash, UserName
from dialback.domain.placement import check_alias, choose_host

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADMISSION = Admission(UserName("anna"), ResourceName("office-pc"), TokenHash("ab" * 32))
RESOURCE = Resource(ResourceName("office-pc"), HostId("h1"), "unix:/run/xrdp.sock")
HOST = Host(HostId("h1"), "office", b"k" * 32, NOW)
REVOKED = replace(HOST, revoked_at=NOW)

REFUSALS = [
    (None, True, HOST, True, Reason.RESOURCE_NOT_GRANTED),
    (RESOURCE, False, HOST, True, Reason.RESOURCE_NOT_GRANTED),
    (RESOURCE, True, None, True, Reason.HOST_REVOKED),
    (RESOURCE, True, REVOKED, True, Reason.HOST_REVOKED),
    (RESOURCE, True, HOST, False, Reason.HOST_OFFLINE),
    # A user who may not use the resource learns nothing of its host.
    (RESOURCE, False, REVOKED, False, Reason.RESOURCE_NOT_GRANTED),
    (RESOURCE, True, REVOKED, False, Reason.HOST_REVOKED),
]


def test_alias_of_the_admitted_resource_passes() -> None:
    assert check_alias(ADMISSION, "office-pc") == "office-pc"


@pytest.mark.parametrize("alias", ["", "lab-pc", "127.0.0.1", "office-pc ", "x" * 100_000])
def test_any_other_alias_is_not_granted_and_is_quoted_in_part(alias: str) -> None:
    with pytest.raises(Refused) as caught:
        check_alias(ADMISSION, alias)
    assert caught.value.reason is Reason.RESOURCE_NOT_GRANTED
    assert len(caught.value.detail) < 200


def test_host_is_placed_with_its_key_and_the_target_of_the_resource() -> None:
    assert choose_host(RESOURCE, True, HOST, True) == Placement(HOST.id, HOST.public_key, RESOURCE.target)


@pytest.mark.parametrize(("resource", "assigned", "host", "link_up", "reason"), REFUSALS)
def test_missing_fact_refuses_the_placement(
    resource: Resource | None, assigned: bool, host: Host | None, link_up: bool, reason: Reason
) -> None:
    with pytest.raises(Refused) as caught:
        choose_host(resource, assigned, host, link_up)
    assert caught.value.reason is reason
