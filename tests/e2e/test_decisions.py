"""Clients that are parked until somebody approves or a host wakes, and connections that are cut."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.domain.access import TokenKind
from dialback.domain.approvals import Approval, Cause, Decision
from dialback.domain.errors import Reason
from dialback.domain.ids import PoolId, UserName
from dialback.domain.pools import HostPool, StartOnConnect, StepUp, WakeMethod
from dialback.domain.secret import Secret
from dialback.domain.sessions import Stage as Step
from dialback.domain.tenancy import MAIN, User
from dialback.identity.tokens import hash_token
from dialback.wire.tsgu.client import TunnelRefused
from dialback.wire.tsgu.codes import ErrorCode
from tests.e2e.stage import USER, Client, Stage, until

pytestmark = pytest.mark.e2e
CUT_WITHIN_S = 2.0


async def change_pool(stage: Stage, **changes: object) -> None:
    """Change the policy of the one host pool."""
    pools = await stage.store.directory.page(HostPool, MAIN)
    [pool] = [each for each in pools.items if each.id != PoolId("main")]
    await stage.store.directory.save(replace(pool, **changes))  # type: ignore[arg-type]


async def begin(stage: Stage, **changes: object) -> None:
    await stage.begin()
    await change_pool(stage, **changes)


async def asked(stage: Stage) -> Approval:
    """Return the approval that waits, as another process sees it."""

    async def waits() -> bool:
        return bool(await stage.store.approvals.waiting(MAIN, datetime.now(UTC)))

    await until(waits)
    [approval] = await stage.store.approvals.waiting(MAIN, datetime.now(UTC))
    return approval


async def decide(stage: Stage, approval: Approval, decision: Decision) -> None:
    """Decide from another process, as `dialback approve` does."""
    assert await stage.store.approvals.decide(MAIN, approval.id, decision, "anne", datetime.now(UTC))


async def test_parked_client_goes_on_once_its_user_approves_elsewhere(stage: Stage) -> None:
    await begin(stage, step_up=StepUp(wanted=True))
    connecting = asyncio.create_task(stage.connect(await stage.token()))
    approval = await asked(stage)
    assert (approval.cause, approval.resource, approval.client_name) == (Cause.POLICY, "office", "ANNE-PC")
    assert approval.number is not None
    assert stage.desktop.sessions == 0
    await decide(stage, approval, Decision.APPROVED)
    client = await connecting
    assert await client.echoes(b"hello")
    await client.end()
    [record] = await stage.records()
    assert record.timeline[Step.APPROVE] > 0

    async def audited() -> bool:
        newest_first = [entry.action for entry in await stage.store.audit.entries(MAIN)]
        return newest_first == ["connection.place", "host.enrol"]

    await until(audited)


async def test_denied_client_is_refused_access(stage: Stage) -> None:
    await begin(stage, step_up=StepUp(wanted=True))
    connecting = asyncio.create_task(stage.connect(await stage.token()))
    await decide(stage, await asked(stage), Decision.DENIED)
    with pytest.raises(TunnelRefused) as caught:
        await connecting
    assert caught.value.code == ErrorCode.RAP_ACCESS_DENIED
    [record] = await stage.records()
    assert (record.reason, record.detail) == (Reason.APPROVAL_DENIED, "anne")
    assert record.timeline[Step.APPROVE] > 0


async def test_client_that_leaves_takes_its_approval_along(stage: Stage) -> None:
    await begin(stage, step_up=StepUp(wanted=True))
    connecting = asyncio.create_task(stage.connect(await stage.token()))
    approval = await asked(stage)
    connecting.cancel()
    for wire in stage._wires:
        await wire.close()

    async def left() -> bool:
        kept = await stage.store.approvals.approval(MAIN, approval.id)
        return kept is not None and kept.decision is Decision.LEFT

    await until(left)
    assert (await stage.records())[0].reason is Reason.CLIENT_LEFT


async def test_ticket_from_an_address_without_a_sign_in_waits(stage: Stage) -> None:
    await begin(stage)
    token = await stage.token()
    kept, _ = await stage.store.token(hash_token(token))
    assert kept is not None
    ticket = "t" * 43
    await stage.store.save_token(replace(kept, hash=hash_token(ticket), kind=TokenKind.TICKET))
    connecting = asyncio.create_task(stage.connect(ticket))
    approval = await asked(stage)
    assert (approval.cause, approval.number) == (Cause.STALE_TICKET, None)
    await decide(stage, approval, Decision.APPROVED)
    assert await (await connecting).echoes(b"hello")
    again = await stage.connect(ticket)
    assert await again.echoes(b"hello")


async def test_sleeping_host_is_woken_while_its_client_waits(stage: Stage) -> None:
    mark = stage.folder / "woken"
    hook = StartOnConnect(WakeMethod.COMMAND, f"touch {mark}", 15)
    await begin(stage, start_on_connect=hook)
    await stage.stop_agent()
    await until(stage.link_is_down)
    connecting = asyncio.create_task(stage.connect(await stage.token()))

    async def woken() -> bool:
        return mark.exists()

    await until(woken)
    await stage.start_agent()
    client = await connecting
    assert await client.echoes(b"hello")
    await client.end()
    [record] = await stage.records()
    assert record.timeline[Step.WAKE] > 0


async def test_host_that_cannot_be_woken_refuses_with_what_the_hook_said(stage: Stage) -> None:
    hook = StartOnConnect(WakeMethod.COMMAND, "/bin/sh -c 'echo no such machine; exit 1'", 15)
    await begin(stage, start_on_connect=hook)
    await stage.stop_agent()
    await until(stage.link_is_down)
    with pytest.raises(TunnelRefused):
        await stage.connect(await stage.token())
    [record] = await stage.records()
    assert record.reason is Reason.WAKE_FAILED
    assert record.detail.endswith("no such machine")


async def cut(stage: Stage, client: Client, since: float, reason: Reason) -> None:
    """Check that the client is told of the end in time, and why it ended."""
    await client.hear_end()
    assert time.monotonic() - since < CUT_WITHIN_S
    assert (await stage.records())[0].reason is reason


async def disable(stage: Stage) -> None:
    user = await stage.store.directory.find(User, MAIN, UserName(USER))
    assert user is not None
    await stage.store.directory.save(replace(user, disabled_at=datetime.now(UTC)))


async def test_user_who_is_disabled_in_mid_session_is_cut(stage: Stage) -> None:
    await stage.begin()
    client = await stage.connect(await stage.token())
    assert await client.echoes(b"hello")
    await disable(stage)
    await cut(stage, client, time.monotonic(), Reason.USER_DISABLED)

    async def audited() -> bool:
        newest = (await stage.store.audit.entries(MAIN, limit=1))[0]
        return newest.action == "connection.cut"

    await until(audited)


async def test_user_who_is_disabled_while_parked_is_cut(stage: Stage) -> None:
    await begin(stage, step_up=StepUp(wanted=True))
    connecting = asyncio.create_task(stage.connect(await stage.token()))
    await asked(stage)
    await disable(stage)
    since = time.monotonic()
    with pytest.raises(TunnelRefused):
        await connecting
    assert time.monotonic() - since < CUT_WITHIN_S
    assert (await stage.records())[0].reason is Reason.USER_DISABLED


async def test_disabled_user_stays_where_the_setting_says_so(stage: Stage) -> None:
    stage.broker = replace(stage.broker, disabled_user="keep")
    await stage.begin()
    client = await stage.connect(await stage.token())
    await disable(stage)
    await asyncio.sleep(1.2)
    assert await client.echoes(b"hello")


async def test_revoked_token_ends_its_connection(stage: Stage) -> None:
    await stage.begin()
    token = await stage.token()
    client, other = await stage.connect(token), await stage.connect(await stage.token())
    assert await client.echoes(b"hello")
    await stage.store.revoke_token(hash_token(Secret(token)), datetime.now(UTC))
    since = time.monotonic()
    await client.hear_end()
    assert time.monotonic() - since < CUT_WITHIN_S
    assert await other.echoes(b"hello")
    await other.end()
    assert {record.reason for record in await stage.records(2)} == {
        Reason.TOKEN_REVOKED,
        Reason.CLIENT_ENDED,
    }


async def test_removed_host_loses_its_connections(stage: Stage) -> None:
    await stage.begin()
    client = await stage.connect(await stage.token())
    assert await client.echoes(b"hello")
    await stage.store.revoke_host((await stage.store.all_hosts())[0].id, datetime.now(UTC))
    await cut(stage, client, time.monotonic(), Reason.HOST_REVOKED)
