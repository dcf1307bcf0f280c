"""Playbooks of an approval: who comes, what is decided, what becomes of each connection."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialback.broker.approver import StepUpApprover
from dialback.broker.decisions import HeardApprovals
from dialback.broker.settings import BrokerSettings
from dialback.domain.access import TokenKind
from dialback.domain.accounts import Origin, SignIn, SignInKind
from dialback.domain.approvals import Approval, Cause, Decision, number_of
from dialback.domain.catalog import ApplicationGroup, PublishedResource
from dialback.domain.contracts import Admission, Attempt, StoreUnavailable
from dialback.domain.directory import Published
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import (
    ApplicationGroupId,
    ConnectionId,
    PoolId,
    ResourceId,
    ResourceName,
    TenantId,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.pools import HostPool, StepUp
from dialback.store.memory_approvals import MemoryApprovals
from tests.broker.recorder import KeptEntries

DEADLINE_S = 10
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME, ANNA = TenantId("acme"), UserId("u1")
OFFICE = ResourceName("office")
TOKEN = TokenHash("a" * 64)
ADMISSION = Admission(ACME, ANNA, UserName("anna"), OFFICE, TOKEN, frozenset())
TICKET = replace(ADMISSION, kind=TokenKind.TICKET)
HOME = "192.0.2.1"
POOL = HostPool(ACME, PoolId("p1"), "Office", step_up=StepUp(wanted=True))


def published(pool: HostPool) -> Published:
    group = ApplicationGroup(ACME, ApplicationGroupId("a1"), "Desktops", pool.id)
    return Published(PublishedResource(ACME, ResourceId("r1"), group.id, OFFICE, "Office"), group, pool)


class AwayApprovals(MemoryApprovals):
    """Approvals whose store is away while `away` is set."""

    away = False

    async def ask(self, approval: Approval) -> None:
        self._check()
        await super().ask(approval)

    async def approval(self, tenant: TenantId, id: ConnectionId) -> Approval | None:
        self._check()
        return await super().approval(tenant, id)

    async def decide(
        self, tenant: TenantId, id: ConnectionId, decision: Decision, by: str, now: datetime
    ) -> bool:
        self._check()
        return await super().decide(tenant, id, decision, by, now)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("the disk is full; free some space")


class Addresses:
    """Accounts that know from where users were seen last."""

    def __init__(self) -> None:
        self.seen: dict[str, datetime] = {}

    async def last_sign_in(self, tenant: TenantId, user: UserId, address: str) -> SignIn | None:
        if (tenant, user) != (ACME, ANNA) or address not in self.seen:
            return None
        at = self.seen[address]
        return SignIn(
            TokenHash("s"), tenant, user, SignInKind.BROWSER, "password", START, at, at, Origin(address)
        )


@dataclass
class Playbook:
    """One approver, the people at both ends, and a clock that a script moves."""

    now: datetime = START
    kept: AwayApprovals = field(default_factory=AwayApprovals)
    addresses: Addresses = field(default_factory=Addresses)
    log: KeptEntries = field(default_factory=KeptEntries)
    connections: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.heard = HeardApprovals(self.kept)
        accounts: Any = self.addresses
        self.approver = StepUpApprover(
            self.heard, accounts, self.log, BrokerSettings(), lambda: self.now, look_every_s=0.01
        )

    async def comes(
        self, id: str, admission: Admission = ADMISSION, pool: HostPool = POOL, address: str = HOME
    ) -> None:
        """Let a connection come, and wait until it is parked or over."""
        attempt = Attempt(ConnectionId(id), OFFICE, address, "ANNE-PC")
        work = self.approver.approve(admission, published(pool), attempt)
        self.connections[id] = asyncio.create_task(work)
        async with asyncio.timeout(DEADLINE_S):
            while not self.connections[id].done() and id not in [each.id for each in await self.waiting()]:
                await asyncio.sleep(0)

    async def waiting(self) -> list[Approval]:
        return list(await MemoryApprovals.waiting(self.kept, ACME, self.now))

    async def decides(self, id: str, decision: Decision, by: str = "anna") -> bool:
        """Decide in this process."""
        return await self.heard.decide(ACME, ConnectionId(id), decision, by, self.now)

    async def decides_elsewhere(self, id: str, decision: Decision) -> None:
        """Decide in another process, of which nobody here is told."""
        assert await self.kept.decide(ACME, ConnectionId(id), decision, "anna", self.now)

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def leaves(self, id: str) -> None:
        self.connections[id].cancel()
        await asyncio.gather(self.connections[id], return_exceptions=True)

    async def goes_on(self, id: str) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self.connections[id]

    async def is_refused(self, id: str) -> Refused:
        with pytest.raises(Refused) as caught:
            await self.goes_on(id)
        return caught.value

    async def became(self, id: str) -> Decision | None:
        approval = await MemoryApprovals.approval(self.kept, ACME, ConnectionId(id))
        return approval.decision if approval else None


@pytest.fixture
def play() -> Playbook:
    return Playbook()


async def test_who_needs_no_approval_goes_on_at_once(play: Playbook) -> None:
    await play.comes("c1", pool=replace(POOL, step_up=StepUp()))
    await play.goes_on("c1")
    assert await play.became("c1") is None


async def test_a_parked_connection_says_what_it_is(play: Playbook) -> None:
    await play.comes("c1")
    assert await play.waiting() == [
        Approval(
            ConnectionId("c1"),
            ACME,
            ANNA,
            OFFICE,
            Cause.POLICY,
            number_of(TOKEN),
            HOME,
            "ANNE-PC",
            START,
            START + timedelta(seconds=60),
        )
    ]
    await play.leaves("c1")


async def test_approved_it_goes_on(play: Playbook) -> None:
    await play.comes("c1")
    assert await play.decides("c1", Decision.APPROVED)
    await play.goes_on("c1")
    assert play.log.entries == []


async def test_approved_in_another_process_it_goes_on(play: Playbook) -> None:
    await play.comes("c1")
    await play.decides_elsewhere("c1", Decision.APPROVED)
    await play.goes_on("c1")


async def test_denied_it_is_refused_with_who_denied(play: Playbook) -> None:
    await play.comes("c1")
    await play.decides("c1", Decision.DENIED, by="anna from 192.0.2.9")
    refused = await play.is_refused("c1")
    assert (refused.reason, refused.detail) == (Reason.APPROVAL_DENIED, "anna from 192.0.2.9")


async def test_with_nobody_there_its_time_passes(play: Playbook) -> None:
    await play.comes("c1")
    play.passes(59.9)
    await asyncio.sleep(0.05)
    assert not play.connections["c1"].done()
    play.passes(0.1)
    refused = await play.is_refused("c1")
    assert (refused.reason, refused.detail) == (Reason.APPROVAL_TIMED_OUT, "not approved within 60 s")
    assert await play.became("c1") is Decision.EXPIRED
    assert play.log.actions == ["approval.expired"]


async def test_nobody_approves_what_has_expired(play: Playbook) -> None:
    await play.comes("c1")
    play.passes(60)
    assert not await play.decides("c1", Decision.APPROVED)
    assert (await play.is_refused("c1")).reason is Reason.APPROVAL_TIMED_OUT


async def test_left_by_its_client_it_can_be_approved_no_more(play: Playbook) -> None:
    await play.comes("c1")
    await play.leaves("c1")
    assert await play.became("c1") is Decision.LEFT
    assert not await play.decides("c1", Decision.APPROVED)
    assert play.log.actions == ["approval.left"]


async def test_approved_in_the_moment_in_which_the_client_leaves_it_stays_approved(play: Playbook) -> None:
    await play.comes("c1")
    await play.decides_elsewhere("c1", Decision.APPROVED)
    await play.leaves("c1")
    assert await play.became("c1") is Decision.APPROVED


async def test_two_at_once_are_decided_one_by_one(play: Playbook) -> None:
    await play.comes("c1")
    await play.comes("c2")
    await play.decides("c1", Decision.DENIED)
    assert (await play.is_refused("c1")).reason is Reason.APPROVAL_DENIED
    assert [each.id for each in await play.waiting()] == ["c2"]
    await play.decides("c2", Decision.APPROVED)
    await play.goes_on("c2")


async def test_of_too_many_the_oldest_is_refused(play: Playbook) -> None:
    most = BrokerSettings().approvals_per_user
    for number in range(most + 1):
        await play.comes(f"c{number}")
    refused = await play.is_refused("c0")
    assert refused.reason is Reason.TOO_MANY_APPROVALS
    assert await play.became("c0") is Decision.EXPIRED
    assert len(await play.waiting()) == most
    await play.decides("c1", Decision.APPROVED)
    await play.goes_on("c1")
    for number in range(2, most + 1):
        await play.leaves(f"c{number}")


async def test_others_do_not_count_among_the_users_own(play: Playbook) -> None:
    for number in range(BrokerSettings().approvals_per_user):
        await play.comes(f"c{number}")
    await play.comes("ben", replace(ADMISSION, user_id=UserId("u2")))
    assert not play.connections["c0"].done()
    for id in play.connections:
        await play.leaves(id)


async def test_remembered_for_its_address_alone(play: Playbook) -> None:
    pool = replace(POOL, step_up=StepUp(wanted=True, remembered_hours=8))
    await play.comes("c1", pool=pool)
    await play.decides("c1", Decision.APPROVED)
    play.passes(8 * 3600 - 1)
    await play.comes("c2", pool=pool)
    await play.goes_on("c2")
    await play.comes("c3", pool=pool, address="192.0.2.2")
    assert [each.id for each in await play.waiting()] == ["c3"]
    await play.leaves("c3")
    play.passes(1)
    await play.comes("c4", pool=pool)
    assert [each.id for each in await play.waiting()] == ["c4"]
    await play.leaves("c4")


async def test_what_is_not_remembered_is_asked_each_time(play: Playbook) -> None:
    await play.comes("c1")
    await play.decides("c1", Decision.APPROVED)
    await play.goes_on("c1")
    await play.comes("c2")
    assert [each.id for each in await play.waiting()] == ["c2"]
    await play.leaves("c2")


async def test_a_ticket_from_where_its_user_signed_in_goes_on(play: Playbook) -> None:
    play.addresses.seen[HOME] = START - timedelta(hours=23)
    await play.comes("c1", TICKET, replace(POOL, step_up=StepUp()))
    await play.goes_on("c1")


@pytest.mark.parametrize("seen", [{}, {"192.0.2.2": START}, {HOME: START - timedelta(hours=24)}])
async def test_any_other_ticket_waits_and_has_no_number(play: Playbook, seen: dict[str, datetime]) -> None:
    play.addresses.seen = seen
    await play.comes("c1", TICKET, replace(POOL, step_up=StepUp()))
    [approval] = await play.waiting()
    assert (approval.cause, approval.number) == (Cause.STALE_TICKET, None)
    await play.decides("c1", Decision.APPROVED)
    await play.goes_on("c1")
    await play.comes("c2", TICKET, replace(POOL, step_up=StepUp()))
    await play.goes_on("c2")


async def test_while_the_store_is_away_nobody_is_asked_and_nobody_comes_in(play: Playbook) -> None:
    play.kept.away = True
    await play.comes("c1")
    assert (await play.is_refused("c1")).reason is Reason.STORE_UNAVAILABLE


async def test_a_store_that_comes_back_in_time_brings_the_decision(play: Playbook) -> None:
    await play.comes("c1")
    play.kept.away = True
    await asyncio.sleep(0.05)
    play.kept.away = False
    await play.decides_elsewhere("c1", Decision.APPROVED)
    await play.goes_on("c1")


async def test_the_time_passes_without_a_store_too(play: Playbook) -> None:
    await play.comes("c1")
    play.kept.away = True
    play.passes(60)
    assert (await play.is_refused("c1")).reason is Reason.APPROVAL_TIMED_OUT


async def test_an_approval_that_was_forgotten_refuses(play: Playbook) -> None:
    await play.comes("c1")
    await play.kept.prune_approvals(START + timedelta(days=1))
    assert (await play.is_refused("c1")).detail == "the approval was forgotten"
