"""The flight recorder on a real connection: both copies prove the same, and show what was done to them."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dialback.agent.flights import Flights
from dialback.app.files import platform_key
from dialback.broker.settings import BrokerSettings
from dialback.domain.flight import FlightEvent, FlightProblem, parse
from dialback.domain.ids import ConnectionId
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import FlightCopy, Seal, build_copy, compare, judge, read_copy
from dialback.identity.host_keys import HostKey
from tests.e2e.stage import Stage, until
from tests.e2e.visitor import Visitor, table

pytestmark = pytest.mark.e2e


@pytest.fixture
async def recorded(stage: Stage) -> Stage:
    stage.broker = dataclasses.replace(stage.broker, record_flights="all")
    await stage.begin()
    return stage


def host_key(stage: Stage) -> HostKey:
    return HostKey.load(stage.agent_folder / "host.key")


def hosts_copy(stage: Stage, id: ConnectionId) -> str:
    return Flights(stage.agent_folder, host_key(stage)).text(id)


async def platforms_copy(stage: Stage, id: ConnectionId) -> str:
    provider = stage.store.provider
    flight = await provider.flight(MAIN, id)
    lines = await provider.flight_lines(MAIN, id)
    signed = flight.signed if flight else None
    keys = host_key(stage).public_bytes, platform_key(stage.data).public_bytes
    return build_copy(lines, [Seal(signed, *keys)] if signed else [])


async def connect_once(stage: Stage) -> ConnectionId:
    client = await stage.connect(await stage.token())
    assert await client.echoes(b"hello")
    await client.end()
    return (await stage.records())[0].id


async def until_proven(stage: Stage, id: ConnectionId) -> tuple[str, str]:
    """Return both copies once both prove the whole."""

    async def proven() -> bool:
        copies = hosts_copy(stage, id), await platforms_copy(stage, id)
        return all(copy and judge(read_copy(copy)).proven for copy in copies)

    await until(proven)
    return hosts_copy(stage, id), await platforms_copy(stage, id)


async def test_both_copies_prove_who_asked_and_how_it_ended(recorded: Stage) -> None:
    id = await connect_once(recorded)
    ours, theirs = await until_proven(recorded, id)
    keys = host_key(recorded).public_bytes, platform_key(recorded.data).public_bytes
    for copy in (ours, theirs):
        verdict = judge(read_copy(copy), *keys)
        assert verdict.proven
        events = {entry.event: entry.facts for entry in verdict.entries}
        assert events[FlightEvent.ASKED]["user"] == "anne"
        assert events[FlightEvent.CONSENT] == {"ground": "assignment"}
        assert "dial_ms" in events[FlightEvent.OPENED]
        assert events[FlightEvent.ENDED]["reason"] == "client-ended"
        assert events[FlightEvent.ENDED]["to_host_bytes"] == 5
    compare(read_copy(ours), read_copy(theirs))


async def test_end_that_the_host_missed_is_signed_when_its_link_is_back(recorded: Stage) -> None:
    client = await recorded.connect(await recorded.token())
    assert await client.echoes(b"hello")
    await recorded.stop_agent()
    id = (await recorded.records())[0].id

    async def alone() -> bool:
        copy = await platforms_copy(recorded, id)
        return bool(copy) and judge(read_copy(copy)).by_platform > 0 and judge(read_copy(copy)).ended

    await until(alone)
    assert not judge(read_copy(await platforms_copy(recorded, id))).proven
    await recorded.start_agent()
    await until_proven(recorded, id)


async def test_record_outlives_a_restart_of_the_platform(recorded: Stage) -> None:
    client = await recorded.connect(await recorded.token())
    assert await client.echoes(b"hello")
    id = (await recorded.open_record()).id
    await recorded.stop_server()
    await recorded.start_server()
    ours, theirs = await until_proven(recorded, id)
    assert judge(read_copy(ours)).entries[-1].facts["reason"] == "server-stopped"
    compare(read_copy(ours), read_copy(theirs))


async def test_users_connections_are_not_recorded_unless_the_settings_say_so(stage: Stage) -> None:
    assert BrokerSettings().record_flights == "provider"
    await stage.begin()
    id = await connect_once(stage)
    assert await stage.store.provider.flight(MAIN, id) is None
    assert not (stage.agent_folder / "flights").exists()


Lines = list[str]


def is_entry(line: str) -> bool:
    return not line.startswith('{"head"')


def changed(lines: Lines) -> Lines:
    return [line.replace("anne", "tess") for line in lines]


def removed(lines: Lines) -> Lines:
    return [line for line in lines if '"number":1,' not in line]


def reordered(lines: Lines) -> Lines:
    at = [place for place, line in enumerate(lines) if is_entry(line)]
    moved = lines.copy()
    moved[at[0]], moved[at[1]] = lines[at[1]], lines[at[0]]
    return moved


def truncated(lines: Lines) -> Lines:
    last = max(parse(line).number for line in lines if is_entry(line))
    return [line for line in lines if f'"number":{last},' not in line]


@pytest.mark.parametrize("tamper", [changed, removed, reordered, truncated])
async def test_tampering_with_either_copy_is_noticed(
    recorded: Stage, tamper: Callable[[Lines], Lines]
) -> None:
    id = await connect_once(recorded)
    for copy in await until_proven(recorded, id):
        with pytest.raises(FlightProblem, match=r"entry|entries"):
            judge(read_copy("\n".join(tamper(copy.splitlines()))))


async def test_copy_of_which_the_end_is_gone_with_its_head_is_shown_by_the_other_one(recorded: Stage) -> None:
    client = await recorded.connect(await recorded.token())
    assert await client.echoes(b"hello")
    id = (await recorded.open_record()).id
    flights = Flights(recorded.agent_folder, host_key(recorded))

    async def sealed() -> bool:
        return bool(read_copy(flights.text(id)).seals)

    await until(sealed)
    early = flights.text(id)
    await client.end()
    whole, _ = await until_proven(recorded, id)
    assert whole.startswith(early)
    verdict = judge(read_copy(early))
    assert not verdict.proven
    assert "does not go to the end" in verdict.sentence
    forged: FlightCopy = read_copy(early)
    compare(forged, read_copy(whole))


async def test_host_whose_copy_was_tampered_with_signs_no_more(recorded: Stage, tmp_path: Path) -> None:
    client = await recorded.connect(await recorded.token())
    assert await client.echoes(b"hello")
    id = (await recorded.open_record()).id
    path = recorded.agent_folder / "flights" / f"{id}.jsonl"

    async def begun() -> bool:
        return path.exists() and bool(read_copy(path.read_text()).seals)

    await until(begun)
    await asyncio.to_thread(path.write_text, path.read_text().replace("anne", "tess"))
    await client.end()

    async def alone() -> bool:
        return judge(read_copy(await platforms_copy(recorded, id))).by_platform > 3

    await until(alone)
    verdict = judge(read_copy(await platforms_copy(recorded, id)))
    assert verdict.ended
    assert not verdict.by_agent


async def test_visit_of_the_provider_is_recorded_with_its_purpose_and_grant(stage: Stage) -> None:
    visitor = Visitor(stage)
    await visitor.begin(table())
    way = await visitor.ask(ticket_number="4711")
    grant = visitor.grant(way.request)
    await visitor.keep(way.request, grant)
    await visitor.connect(way)
    assert await way.echoes(b"hello")
    assert way.wire is not None
    await way.wire.close()
    id = (await stage.records())[0].id
    copies = await until_proven(stage, id)
    for copy in copies:
        facts = {entry.event: entry.facts for entry in judge(read_copy(copy)).entries}
        asked = facts[FlightEvent.ASKED]
        assert (asked["user"], asked["role"], asked["purpose"]) == ("tom", "technician", "the printer")
        assert asked["ticket_number"] == "4711"
        assert facts[FlightEvent.CONSENT]["ground"] == "grant"
        assert facts[FlightEvent.ENDED]["to_client_bytes"] == 5


async def test_visit_that_the_host_forbids_has_a_record_that_says_so(stage: Stage) -> None:
    visitor = Visitor(stage)
    await visitor.begin(table(mode="never"))
    way = await visitor.connect(await visitor.ask())
    assert way.refusal["reason"] == "consent-forbidden"
    id = (await stage.records())[0].id
    ours, _ = await until_proven(stage, id)
    asked, ended = judge(read_copy(ours)).entries
    assert asked.facts["user"] == "tom"
    assert (ended.facts["reason"], ended.facts["opened"]) == ("consent-forbidden", False)
