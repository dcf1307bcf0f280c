from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.relay.shares import BURST_S, LEAST_BYTES, MOST_BYTES, Flow, Share

RATE = 1_000_000
TICK_S = 0.01


class Office:
    """Flows that always have something to move, and time that passes in ticks."""

    def __init__(self, root: Share) -> None:
        self.root = root
        self.now = 0.0
        self.moved: Counter[str] = Counter()
        self.flows: dict[Flow, tuple[str, int]] = {}
        self._running: set[Flow] = set()

    def open(self, name: str, share: Share, chunk_bytes: int = 16_384) -> Flow:
        """Add a flow that reads chunks of this size whenever it may."""
        flow = Flow(share)
        self.flows[flow] = (name, chunk_bytes)
        self._running.add(flow)
        return flow

    def pass_time(self, seconds: float) -> None:
        """Let every flow that may go on use up what it was lent, tick by tick."""
        end = self.now + seconds
        while self.now < end:
            while (flow := self.root.next(self.now)) is not None:
                self._running.add(flow)
            for each in list(self._running):
                self._use_up(each)
            self.now += TICK_S

    def _use_up(self, flow: Flow) -> None:
        name, chunk_bytes = self.flows[flow]
        for _ in range(10_000):
            self.moved[name] += chunk_bytes
            flow.left_bytes -= chunk_bytes
            if flow.left_bytes <= 0 and not flow.ask(self.now):
                self._running.discard(flow)
                return
        raise AssertionError("expected the flow to be held at last")


def test_what_is_moved_stays_below_the_limit() -> None:
    share = Share(most_bytes_s=RATE)
    office = Office(share)
    for number in range(3):
        office.open(str(number), share)
    office.pass_time(10)
    total = sum(office.moved.values())
    chunks = 3 * (16_384 + 20_000)
    assert 10 * RATE * 0.95 < total <= RATE * (10 + BURST_S) + chunks


def test_without_a_limit_nobody_waits() -> None:
    flow = Flow(Share(Share()))
    assert not flow.share.limited
    for _ in range(1000):
        flow.left_bytes = -MOST_BYTES
        assert flow.ask(0.0)


def test_users_get_equal_amounts_however_many_connections_they_have() -> None:
    tenant = Share(Share(), RATE)
    office = Office(tenant.parent or tenant)
    ada, bob = Share(tenant), Share(tenant)
    for _ in range(9):
        office.open("ada", ada)
    office.open("bob", bob)
    office.pass_time(20)
    assert office.moved["bob"] == pytest.approx(office.moved["ada"], rel=0.1)


def test_tenants_share_the_limit_of_the_node() -> None:
    root = Share(most_bytes_s=RATE)
    office = Office(root)
    for tenant, flows in (("acme", 5), ("birch", 1)):
        user = Share(Share(root))
        for _ in range(flows):
            office.open(tenant, user)
    office.pass_time(20)
    assert office.moved["acme"] == pytest.approx(office.moved["birch"], rel=0.1)


def test_what_one_tenant_may_not_use_is_another_s() -> None:
    root = Share(most_bytes_s=RATE)
    office = Office(root)
    office.open("small", Share(Share(root, RATE // 10)))
    office.open("large", Share(Share(root)))
    office.pass_time(20)
    assert office.moved["small"] <= RATE // 10 * (20 + BURST_S) + 32_768
    assert office.moved["large"] > RATE * 20 * 0.85


def test_one_who_asks_seldom_is_next() -> None:
    share = Share(most_bytes_s=RATE)
    office = Office(share)
    for name in ("bulk", "more bulk"):
        office.open(name, Share(share))
    office.pass_time(5)
    seldom = Flow(Share(share))
    assert not seldom.ask(office.now)
    later = office.now
    while (flow := share.next(later)) is None:
        later += TICK_S
    assert flow is seldom
    assert later - office.now < 0.1


def test_nobody_saves_up_while_idle() -> None:
    share = Share(most_bytes_s=RATE)
    office = Office(share)
    office.open("busy", Share(share))
    idle = Share(share)
    office.pass_time(30)
    before = office.moved["busy"]
    office.open("late", idle)
    office.pass_time(10)
    assert office.moved["late"] == pytest.approx(office.moved["busy"] - before, rel=0.15)


def test_a_limit_that_is_lifted_lets_who_waits_go_on() -> None:
    tenant = Share(Share(), LEAST_BYTES)
    flow = Flow(Share(tenant))
    while flow.ask(0.0):
        flow.left_bytes = 0
    root = tenant.parent
    assert root is not None
    assert root.next(0.0) is None
    tenant.limit(None)
    assert root.next(0.0) is flow
    assert not root.waiting


def test_who_left_is_not_served() -> None:
    root = Share(most_bytes_s=RATE)
    flow = Flow(Share(Share(root)))
    while flow.ask(0.0):
        flow.left_bytes = 0
    flow.leave()
    flow.leave()
    assert not root.waiting
    assert root.next(100.0) is None


@pytest.mark.parametrize(
    ("most_bytes_s", "lot_bytes"),
    [(1, LEAST_BYTES), (RATE, 20_000), (10**12, MOST_BYTES), (None, MOST_BYTES)],
)
def test_turns_are_short_where_the_limit_is_tight(most_bytes_s: int | None, lot_bytes: int) -> None:
    assert Share(Share(None, most_bytes_s)).lot_bytes() == lot_bytes


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 70_000), st.floats(0, 0.5)), max_size=200),
    st.integers(1_000, 10_000_000),
)
def test_no_order_of_asking_exceeds_the_limit(steps: list[tuple[int, int, float]], rate: int) -> None:
    tenant = Share(Share(), rate)
    root = tenant.parent
    assert root is not None
    flows = [Flow(Share(tenant)) for _ in range(4)]
    may = [False] * 4
    moved, now = 0, 0.0
    for number, size, passed in steps:
        now += passed
        while (flow := root.next(now)) is not None:
            may[flows.index(flow)] = True
        flow = flows[number]
        if flow in flow.share.waiting:
            continue
        may[number] = may[number] or flow.ask(now)
        if may[number]:
            moved += size
            flow.left_bytes -= size
            may[number] = flow.left_bytes > 0
    lots = sum(each.share.lot_bytes() for each in flows)
    assert moved <= max(rate * BURST_S, LEAST_BYTES) + rate * now + lots + 5 * 70_000
