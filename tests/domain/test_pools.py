"""Host pools: what cannot be made, and the defaults."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dialback.domain.ids import HostId, PoolId
from dialback.domain.pools import (
    HostPool,
    LoadBalancing,
    PoolHost,
    Redirection,
    StartOnConnect,
    StepUp,
    WakeMethod,
    pool_of_its_own,
    with_its_id,
)
from dialback.domain.tenancy import MAIN

POOL = HostPool(MAIN, PoolId("p1"), "Office")
MEMBER = PoolHost(MAIN, POOL.id, HostId("h1"))

BAD: list[Callable[[], object]] = [
    lambda: replace(POOL, id=PoolId("p 1")),
    lambda: replace(POOL, name="Office\nx"),
    lambda: replace(POOL, session_limit=0),
    lambda: replace(POOL, session_limit=1001),
    lambda: replace(POOL, load_balancing=LoadBalancing.DEPTH_FIRST),
    lambda: replace(MEMBER, weight=0),
    lambda: replace(MEMBER, weight=1001),
    lambda: StartOnConnect(WakeMethod.COMMAND, ""),
    lambda: StartOnConnect(WakeMethod.COMMAND, "wake\nrm"),
    lambda: StartOnConnect(WakeMethod.WEBHOOK, "file:///etc/passwd"),
    lambda: StartOnConnect(WakeMethod.COMMAND, "wake", 0),
    lambda: StartOnConnect(WakeMethod.COMMAND, "wake", 601),
    lambda: StepUp(timeout_s=9),
    lambda: StepUp(timeout_s=601),
    lambda: StepUp(remembered_hours=-1),
    lambda: StepUp(remembered_hours=721),
]


@pytest.mark.parametrize("make", BAD)
def test_noun_that_breaks_a_rule_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        make()


def test_bounds_themselves_are_allowed() -> None:
    assert replace(POOL, session_limit=1, load_balancing=LoadBalancing.DEPTH_FIRST).session_limit == 1
    assert (replace(MEMBER, weight=1).weight, replace(MEMBER, weight=1000).weight) == (1, 1000)
    assert StartOnConnect(WakeMethod.WEBHOOK, "https://vm.example/wake", 600).deadline_s == 600


def test_new_pool_shares_no_drive_camera_or_device_of_the_client() -> None:
    assert POOL.redirections == {Redirection.CLIPBOARD, Redirection.SOUND}
    assert not POOL.step_up.wanted


def test_pool_of_a_host_alone_has_its_id_and_its_name() -> None:
    assert pool_of_its_own(MAIN, HostId("h1"), "Desk 1") == HostPool(MAIN, PoolId("h1"), "Desk 1")


@pytest.mark.parametrize("name", ["", " ", "a\u202eb", "\0"])
def test_pool_of_a_host_whose_name_no_pool_can_have_is_named_by_its_id(name: str) -> None:
    assert pool_of_its_own(MAIN, HostId("h1"), name).name == "h1"


@pytest.mark.parametrize("name", ["x" * 253, " " + "x y" * 80, "x" * 63 + " y"])
def test_long_name_of_a_host_is_cut_to_that_of_a_pool(name: str) -> None:
    pool = pool_of_its_own(MAIN, HostId("h" * 16), name)
    assert pool.name == name.strip()[:64].strip()
    assert with_its_id(pool).name.endswith(" " + "h" * 16)


def test_name_with_the_id_is_never_too_long() -> None:
    assert with_its_id(HostPool(MAIN, PoolId("i" * 64), "Desk")).name == "i" * 64
