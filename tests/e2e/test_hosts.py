"""A host's life: enrolment, its link, and its removal."""

from datetime import UTC, datetime, timedelta

import pytest

from dialback.agent.enrolment import join
from dialback.agent.problems import JoinFailed
from dialback.broker.settings import BrokerSettings
from dialback.domain.errors import SENTENCES, Reason
from dialback.identity.host_keys import HostKey
from dialback.wire.agent import joincode
from dialback.wire.agent.link import LINK_PATH
from dialback.wire.websocket import PROTOCOL_ERROR, Opcode
from tests.e2e.stage import Stage, until

pytestmark = pytest.mark.e2e


async def test_join_code_enrols_one_host_and_no_second(stage: Stage) -> None:
    await stage.start_server()
    code = await stage.make_code()
    await join(code, stage.agent_folder)

    with pytest.raises(JoinFailed, match="was used before"):
        await join(code, stage.folder / "other")

    assert len(await stage.store.all_hosts()) == 1
    assert not (stage.folder / "other").exists()


async def test_join_code_that_expired_enrols_nobody(stage: Stage) -> None:
    await stage.start_server()

    with pytest.raises(JoinFailed, match="has expired"):
        await join(await stage.make_code(timedelta(minutes=-1)), stage.agent_folder)


async def test_join_code_nobody_made_enrols_nobody(stage: Stage) -> None:
    await stage.start_server()
    known = joincode.parse(await stage.make_code())
    code = joincode.build(joincode.JoinCode(known.server, known.ca_sha256, "x" * 43))

    with pytest.raises(JoinFailed, match="No such join code"):
        await join(code, stage.agent_folder)


async def test_join_code_of_another_authority_gives_its_secret_to_nobody(stage: Stage) -> None:
    await stage.start_server()
    known = joincode.parse(await stage.make_code())
    code = joincode.build(joincode.JoinCode(known.server, "ab" * 32, known.secret))

    with pytest.raises(JoinFailed, match="somebody may be in between"):
        await join(code, stage.agent_folder)

    await join(joincode.build(known), stage.agent_folder)


async def test_report_of_the_agent_reaches_the_store(stage: Stage) -> None:
    await stage.begin()

    async def reported() -> bool:
        report = (await stage.store.all_hosts())[0].report
        return report is not None and bool(report.rdp_servers)

    await until(reported)
    report = (await stage.store.all_hosts())[0].report
    assert report is not None
    assert report.rdp_servers[0].target == stage.desktop.target


async def test_agent_with_another_key_is_refused_with_a_goodbye(stage: Stage) -> None:
    await stage.start_server()
    known = await stage.script_agent()

    agent = await stage.script_agent(HostKey.generate(), known.host_id)

    assert await agent.open() == SENTENCES[Reason.HOST_KEY_REFUSED]
    assert await agent.wire.hear() == b""
    assert not await stage.link_is_up()


async def test_agent_of_a_removed_host_is_refused_with_a_goodbye(stage: Stage) -> None:
    await stage.start_server()
    agent = await stage.script_agent()
    assert await agent.open() == ""

    await stage.store.revoke_host(agent.host_id, datetime.now(UTC))
    agent.say(agent.machine.heartbeat())

    assert await agent.goodbye() == SENTENCES[Reason.HOST_REVOKED]
    await until(stage.link_is_down)
    again = await stage.script_agent(agent.key, agent.host_id)
    assert await again.open() == SENTENCES[Reason.HOST_REVOKED]


async def test_newer_link_of_a_host_takes_the_place_of_the_older(stage: Stage) -> None:
    await stage.start_server()
    older = await stage.script_agent()
    assert await older.open() == ""
    newer = await stage.script_agent(older.key, older.host_id)

    assert await newer.open() == ""

    assert "newer link" in await older.goodbye()
    assert await stage.link_is_up()


async def test_link_that_breaks_the_protocol_is_closed_with_1002(stage: Stage) -> None:
    await stage.start_server()
    agent = await stage.script_agent()
    assert await agent.open() == ""

    agent.say('{"type":"welcome"}')
    agent.wire.say(Opcode.TEXT, b"{")

    while await agent.wire.hear():
        pass  # An order of a canary may have been on its way.
    assert agent.wire.closed_with == PROTOCOL_ERROR
    await until(stage.link_is_down)


async def test_agent_that_says_no_hello_is_let_go(stage: Stage) -> None:
    stage.broker = BrokerSettings(hello_deadline_s=0.2)
    await stage.start_server()
    wire = await stage.wire()
    await wire.upgrade("GET", LINK_PATH)

    assert b"challenge" in await wire.hear()
    assert await wire.hear() == b""


async def test_agent_whose_heartbeat_stays_away_is_let_go_although_it_pings(stage: Stage) -> None:
    stage.broker = BrokerSettings(heartbeat_s=1)
    await stage.start_server()
    agent = await stage.script_agent()
    assert await agent.open() == ""

    async def down() -> bool:
        agent.wire.say(Opcode.PING, b"still here")
        return await stage.link_is_down()

    await until(down)


async def test_server_that_stops_says_goodbye_to_agents(stage: Stage) -> None:
    await stage.start_server()
    agent = await stage.script_agent()
    assert await agent.open() == ""

    await stage.stop_server()

    assert await agent.goodbye() == SENTENCES[Reason.SERVER_STOPPED]


async def test_plain_request_for_a_link_is_told_to_upgrade(stage: Stage) -> None:
    await stage.start_server()

    answer = await (await stage.wire()).ask("GET", LINK_PATH, [])

    assert answer.status == 426
