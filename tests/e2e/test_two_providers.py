"""One machine that serves two providers: an agent and a folder for each, and one desktop behind both."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.agent import enrolment
from dialback.agent.consent_local import LocalConsent
from dialback.agent.flights import Flights
from dialback.agent.identity_file import load_identity
from dialback.agent.problems import JoinFailed
from dialback.domain.errors import Reason
from dialback.domain.flight import FlightProblem
from dialback.domain.ids import GrantId
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import judge, read_copy
from dialback.identity.host_keys import HostKey
from lab.ports import free_port
from tests.e2e.stage import Stage, until
from tests.e2e.visitor import ANNA, BERT, Visitor, Way, table

pytestmark = pytest.mark.e2e
CUT_S = 2.0


@pytest.fixture
async def first(tmp_path: Path) -> AsyncIterator[Visitor]:
    """A platform, and the machine's agent for it, whose settings trust Anna's key."""
    async for visitor in _visitor(Stage(_folder(tmp_path, "first"), free_port())):
        await visitor.begin(table(ANNA))
        yield visitor


@pytest.fixture
async def second(first: Visitor, tmp_path: Path) -> AsyncIterator[Visitor]:
    """Another provider's platform, and the same machine's second agent, whose settings trust Bert's key."""
    stage = Stage(_folder(tmp_path, "second"), free_port(), desktop=first.stage.desktop)
    async for visitor in _visitor(stage):
        await visitor.begin(table(BERT))
        yield visitor


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


async def _visitor(stage: Stage) -> AsyncIterator[Visitor]:
    try:
        yield Visitor(stage)
    finally:
        await stage.end()


async def visit(visitor: Visitor, key: HostKey) -> tuple[Way, GrantId]:
    """Open the desktop with a grant by the key; return the way and the grant's id."""
    way = await visitor.ask()
    grant = await visitor.keep(way.request, visitor.grant(way.request), [key])
    await visitor.connect(way)
    assert way.refusal == {}
    assert await way.echoes(b"hello")
    return way, grant.id


async def test_both_links_stand_and_both_providers_reach_the_one_desktop(
    first: Visitor, second: Visitor
) -> None:
    one, _ = await visit(first, ANNA)
    two, _ = await visit(second, BERT)
    assert first.stage.desktop.sessions == 2
    assert await first.stage.link_is_up()
    assert await second.stage.link_is_up()
    assert await one.echoes(b"still here")
    assert await two.echoes(b"still here")


async def test_grant_for_one_provider_is_refused_by_the_agent_of_the_other(
    first: Visitor, second: Visitor
) -> None:
    here, there = await first.ask(), await second.ask()
    grant = first.grant(here.request)
    await first.keep(here.request, grant, [ANNA])

    # The other provider got hold of the text, and shows it to its own agent.
    kept = (await first.provider.grants(MAIN))[0]
    await second.keep_text(there.request, grant, kept.text)
    await second.connect(there)
    assert there.refusal == {"reason": Reason.GRANT_OTHER, "detail": f"the grant is for host {grant.host}"}


async def test_key_that_one_agent_trusts_signs_nothing_for_the_other(first: Visitor, second: Visitor) -> None:
    there = await second.ask()
    await second.keep(there.request, second.grant(there.request), [ANNA])
    await second.connect(there)
    assert there.refusal["reason"] == Reason.GRANT_UNSIGNED
    assert first.stage.desktop.sessions == 0


async def test_revoking_at_one_provider_cuts_there_and_leaves_the_other(
    first: Visitor, second: Visitor
) -> None:
    one, grant = await visit(first, ANNA)
    two, _ = await visit(second, BERT)
    revoked_at = asyncio.get_running_loop().time()
    await first.provider.revoke_grant(MAIN, grant, datetime.now(UTC))
    assert await one.end() - revoked_at < CUT_S
    [record] = await first.stage.records()
    assert (record.reason, record.detail) == (Reason.GRANT_REVOKED, grant)
    assert await two.echoes(b"still here")
    assert (await second.stage.open_record()).reason is None


async def test_stopping_one_agent_leaves_the_link_and_the_desktop_of_the_other(
    first: Visitor, second: Visitor
) -> None:
    two, _ = await visit(second, BERT)
    await first.stage.stop_agent()
    await until(first.stage.link_is_down)
    assert await second.stage.link_is_up()
    assert await two.echoes(b"still here")


async def test_each_agent_keeps_its_own_keys(first: Visitor, second: Visitor) -> None:
    folders = [visitor.stage.agent_folder for visitor in (first, second)]
    one, two = (load_identity(folder) for folder in folders)
    assert (one.enrolled.server, two.enrolled.server) == (first.stage.address, second.stage.address)
    assert one.enrolled.host_id != two.enrolled.host_id
    assert one.key.public_bytes != two.key.public_bytes
    assert one.ca_pem != two.ca_pem
    ours, theirs = (LocalConsent(folder).key_fingerprint() for folder in folders)
    assert ours != theirs


async def test_consent_at_the_machine_is_for_the_provider_of_that_folder(
    first: Visitor, second: Visitor
) -> None:
    one, two = await first.ask(), await second.ask()
    connecting = [first.connecting(one), second.connecting(two)]
    here, there = (LocalConsent(visitor.stage.agent_folder) for visitor in (first, second))

    async def both_wait() -> bool:
        return bool(here.waiting() and there.waiting())

    await until(both_wait)
    assert [each.request.id for each in here.waiting()] == [one.request.id]
    here.approve(one.request.id, "olga", timedelta(hours=1))
    await connecting[0]
    assert await one.echoes(b"hello")
    assert [each.request.id for each in there.waiting()] == [two.request.id]
    await second.provider.deny_consent(MAIN, two.request.id, "bert", datetime.now(UTC))
    await connecting[1]
    assert two.refusal["reason"] == Reason.CONSENT_DENIED


async def test_each_agent_keeps_the_flight_records_of_its_own_provider(
    first: Visitor, second: Visitor
) -> None:
    copies = []
    for visitor, key in ((first, ANNA), (second, BERT)):
        way, _ = await visit(visitor, key)
        assert way.wire is not None
        await way.wire.close()
        copies.append(await _proven_copy(visitor))
    (ours, our_key), (theirs, their_key) = copies
    assert judge(read_copy(ours), our_key).entries[0].connection_id not in theirs
    assert judge(read_copy(theirs), their_key).proven
    with pytest.raises(FlightProblem, match="expected heads signed with the key of the host"):
        judge(read_copy(theirs), our_key)


async def _proven_copy(visitor: Visitor) -> tuple[str, bytes]:
    """Return the one record in the agent's folder once it is proven, and the host's public key."""
    key = load_identity(visitor.stage.agent_folder).key
    flights = Flights(visitor.stage.agent_folder, key)
    [record] = await visitor.stage.records()

    async def proven() -> bool:
        text = flights.text(record.id)
        return bool(text) and judge(read_copy(text)).proven

    await until(proven)
    assert list(flights.connections()) == [record.id]
    return flights.text(record.id), key.public_bytes


async def test_second_provider_is_not_joined_into_the_folder_of_the_first(
    first: Visitor, second: Visitor
) -> None:
    folder = first.stage.agent_folder
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(JoinFailed, match=r"for another provider name a second folder with --folder"):
        await enrolment.join(await second.stage.make_code(), folder)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert await first.stage.link_is_up()
