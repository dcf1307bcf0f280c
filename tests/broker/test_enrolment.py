from dataclasses import replace
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from dialback.broker.enrolment import StoreEnrolment
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import HostReport
from dialback.domain.secret import Secret
from dialback.identity.host_keys import host_id_of
from dialback.identity.tokens import hash_token
from dialback.observe.metrics import Metrics
from tests.broker.stores import AWAY, CODE, CODE_SECRET, NOW, FailingStore

KEY = b"k" * 32
REPORT = HostReport("what the agent calls itself", "Linux", "0.1.0")


@pytest.fixture
async def store() -> FailingStore:
    store = FailingStore()
    await store.save_join_code(CODE)
    return store


def enrolment(store: FailingStore, now: datetime = NOW) -> tuple[StoreEnrolment, Metrics]:
    metrics = Metrics()
    return StoreEnrolment(store, metrics, lambda: now), metrics


async def test_host_gets_an_id_and_the_name_of_its_code(store: FailingStore) -> None:
    enrols, _ = enrolment(store)

    host = await enrols.enrol(Secret(CODE_SECRET), KEY, REPORT)

    assert (host.name, host.public_key, host.enrolled_at) == ("desk", KEY, NOW)
    assert host.id == host_id_of(KEY)
    assert await store.any_host(host.id) == host


@pytest.mark.parametrize(
    ("uses", "secret", "now", "reason"),
    [
        (1, CODE_SECRET, NOW, Reason.JOIN_CODE_USED),
        (0, CODE_SECRET, CODE.expires_at, Reason.JOIN_CODE_EXPIRED),
        (0, "y" * 43, NOW, Reason.JOIN_CODE_UNKNOWN),
    ],
)
async def test_bad_code_is_refused_counted_and_logged(
    store: FailingStore, uses: int, secret: str, now: datetime, reason: Reason
) -> None:
    enrols, metrics = enrolment(store, now)
    for _ in range(uses):
        await enrols.enrol(Secret(secret), KEY, REPORT)

    with capture_logs() as lines, pytest.raises(Refused) as refused:
        await enrols.enrol(Secret(secret), KEY, REPORT)

    assert refused.value.reason is reason
    assert metrics.value("dialback_refused_total", reason=reason.value) == 1
    assert [(line["event"], line["reason"]) for line in lines] == [("enrolment refused", reason.value)]
    assert secret not in str(lines)


async def test_store_that_is_away_is_a_refusal_counted_and_logged(store: FailingStore) -> None:
    enrols, metrics = enrolment(store)
    store.away = AWAY

    with capture_logs() as lines, pytest.raises(Refused) as refused:
        await enrols.enrol(Secret(CODE_SECRET), KEY, REPORT)

    assert refused.value.reason is Reason.STORE_UNAVAILABLE
    assert metrics.value("dialback_refused_total", reason="store-unavailable") == 1
    assert lines[0]["detail"] == str(AWAY)
    store.away = None
    assert (await enrols.enrol(Secret(CODE_SECRET), KEY, REPORT)).name == "desk"


async def test_key_that_is_known_is_refused_and_told_to_whoever_has_a_code_alone(store: FailingStore) -> None:
    enrols, _ = enrolment(store)
    await enrols.enrol(Secret(CODE_SECRET), KEY, REPORT)
    other = "z" * 43
    await store.save_join_code(replace(CODE, hash=hash_token(other)))

    for secret, reason in ((other, Reason.HOST_KEY_KNOWN), ("y" * 43, Reason.JOIN_CODE_UNKNOWN)):
        with pytest.raises(Refused) as refused:
            await enrols.enrol(Secret(secret), KEY, REPORT)
        assert refused.value.reason is reason
