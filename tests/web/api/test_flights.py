"""A tenant reads its own flight records, as they are kept."""

from datetime import timedelta

from dialback.domain.flight import (
    FlightEntry,
    FlightEvent,
    SignedHead,
    build,
    check_chain,
    extend,
    head_of,
    parse,
)
from dialback.domain.ids import ConnectionId
from dialback.domain.tenancy import MAIN
from tests.web.api.stage import ACME, ApiStage


def flown(api: ApiStage, id: str, count: int = 3) -> list[FlightEntry]:
    chain: list[FlightEntry] = []
    for number in range(count):
        at = api.now + timedelta(seconds=number)
        chain.append(extend(chain, ConnectionId(id), at, FlightEvent.BYTES, to_host=number))
    return chain


async def test_chain_is_read_with_what_proves_it(api: ApiStage) -> None:
    chain = flown(api, "c1")
    await api.provider.append_flight(MAIN, [build(entry) for entry in chain])
    await api.provider.sign_flight(MAIN, SignedHead(head_of(chain), b"a" * 64))
    (listed,) = (await api.good("GET", "/flights"))["items"]
    read = await api.good("GET", "/flights/c1")
    check_chain([parse(line) for line in read.pop("lines")], head_of(chain))
    assert read == listed
    assert (listed["connection"], listed["count"], listed["hash"]) == ("c1", 3, chain[-1].hash)
    assert listed["signed"] == {
        "count": 3,
        "hash": chain[-1].hash,
        "agent_signature": b"a".hex() * 64,
        "platform_signature": "",
    }


async def test_chains_of_another_tenant_are_not_there(api: ApiStage) -> None:
    await api.provider.append_flight(ACME, [build(entry) for entry in flown(api, "c1")])
    answers = [await api.ask("GET", f"/flights/{id}") for id in ("c1", "lost", "a%20b")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].content == answers[1].content
    assert (await api.good("GET", "/flights"))["items"] == []
    (theirs,) = (await api.good("GET", "/flights?limit=1", "acme/adam"))["items"]
    assert theirs["signed"] is None
    assert await api.bad("GET", "/flights", "acme/uma") == (403, "role-lacking")
