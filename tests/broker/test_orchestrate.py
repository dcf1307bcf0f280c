from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.broker.links import Links
from dialback.broker.orchestrate import StoreBroker
from dialback.broker.records import Records
from dialback.domain.contracts import Admission, DialOrder, Placement
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, HostId
from dialback.domain.secret import Secret
from dialback.observe.metrics import Metrics
from tests.broker.stores import AWAY, HOST, NOW, RECORD, RESOURCE, SECRET, TOKEN, USER, FailingStore, filled

ADMISSION = Admission(USER, RESOURCE.name, TOKEN.hash)
LATE = TOKEN.expires_at


class Standing(Links):
    """Links of which all stand, or none."""

    def __init__(self, store: FailingStore, up: bool) -> None:
        super().__init__(store, "ab" * 32, Metrics())
        self._up = up
        self.orders: list[DialOrder] = []

    def up(self, host_id: HostId) -> bool:
        return self._up

    async def dial(self, order: DialOrder) -> None:
        self.orders.append(order)


@pytest.fixture
async def store() -> FailingStore:
    return await filled()


def broker(store: FailingStore, *, up: bool = True, after: timedelta = timedelta()) -> StoreBroker:
    return StoreBroker(store, Standing(store, up), Records(store), lambda: NOW + after)


async def refusal(attempt: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as refused:
        await attempt
    return refused.value.reason


async def test_good_token_admits_its_user_to_its_resource(store: FailingStore) -> None:
    assert await broker(store).admit(Secret(SECRET)) == ADMISSION


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.TOKEN_MISSING),
        ("no token", Reason.TOKEN_MALFORMED),
        ("x" * 65, Reason.TOKEN_OVERSIZED),
        ("y" * 43, Reason.TOKEN_UNKNOWN),
        ("\ud800", Reason.TOKEN_MALFORMED),
    ],
)
async def test_text_that_is_no_token_of_ours_admits_nobody(
    store: FailingStore, text: str, reason: Reason
) -> None:
    assert await refusal(broker(store).admit(Secret(text))) is reason


async def test_token_that_expired_or_was_revoked_admits_nobody(store: FailingStore) -> None:
    after = LATE - NOW
    assert await refusal(broker(store, after=after).admit(Secret(SECRET))) is Reason.TOKEN_EXPIRED

    await store.revoke_token(TOKEN.hash, NOW)
    assert await refusal(broker(store).admit(Secret(SECRET))) is Reason.TOKEN_REVOKED


async def test_expired_token_admits_while_its_connection_is_open(store: FailingStore) -> None:
    await store.save_connection(RECORD)

    assert await broker(store, after=LATE - NOW).admit(Secret(SECRET)) == ADMISSION


async def test_granted_alias_is_placed_on_its_host(store: FailingStore) -> None:
    placed = await broker(store).place(ADMISSION, RESOURCE.name)

    assert placed == Placement(HOST.id, HOST.public_key, RESOURCE.target)


async def test_alias_the_admission_does_not_open_is_not_placed(store: FailingStore) -> None:
    assert await refusal(broker(store).place(ADMISSION, "other")) is Reason.RESOURCE_NOT_GRANTED


async def test_assignment_counts_at_the_time_of_placing(store: FailingStore) -> None:
    eve = replace(ADMISSION, user="eve")

    assert await refusal(broker(store).place(eve, RESOURCE.name)) is Reason.RESOURCE_NOT_GRANTED


async def test_host_without_link_or_removed_is_no_place(store: FailingStore) -> None:
    assert await refusal(broker(store, up=False).place(ADMISSION, RESOURCE.name)) is Reason.HOST_OFFLINE

    await store.revoke_host(HOST.id, NOW)
    assert await refusal(broker(store).place(ADMISSION, RESOURCE.name)) is Reason.HOST_REVOKED


async def test_store_that_is_away_refuses_and_says_so(store: FailingStore) -> None:
    store.away = AWAY

    assert await refusal(broker(store).admit(Secret(SECRET))) is Reason.STORE_UNAVAILABLE
    assert await refusal(broker(store).place(ADMISSION, RESOURCE.name)) is Reason.STORE_UNAVAILABLE


async def test_order_goes_to_the_links(store: FailingStore) -> None:
    links = Standing(store, True)
    order = DialOrder(ConnectionId("c1"), HOST.id, "gw:443", "ab" * 32, Secret("t"), RESOURCE.target, USER)

    await StoreBroker(store, links, Records(store)).dial(order)

    assert links.orders == [order]


async def test_reports_are_queued_even_while_the_store_is_away(store: FailingStore) -> None:
    store.away = AWAY
    records = Records(store)
    asked = StoreBroker(store, Standing(store, True), records)

    await asked.opened(RECORD)
    await asked.ended(replace(RECORD, ended_at=NOW, reason=Reason.CLIENT_ENDED))

    assert len(records) == 1
