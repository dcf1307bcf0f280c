"""How things stand, and what an administrator does about it."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.health import Check
from dialback.domain.hosts import HostReport, RdpServer
from dialback.domain.ids import PoolId
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN
from dialback.identity.signing import SigningKey
from dialback.web.portal.administration.overview import OLDEST, POOLS
from tests.web.portal.stage import (
    HOST,
    HOSTILE,
    NOW,
    STEERING,
    STEERING_SHOWN,
    PortalStage,
    field_of,
    links_of,
    text_of,
)


async def drained(portal: PortalStage) -> bool:
    member = await portal.directory.pool_host(MAIN, HOST)
    assert member is not None
    return member.drained


async def test_hosts_pools_sessions_and_approvals_are_shown(portal: PortalStage) -> None:
    await portal.ask_approval()
    text = text_of(await (await portal.signed_in("adam")).get("/admin"))
    for said in (
        "Hosts linked1 of 1",
        "Sessions1",
        "Waiting for approval1",
        "blue-01",
        "healthy",
    ):
        assert said in text


async def test_pools_are_shown_page_by_page_and_draining_stays_on_the_page(portal: PortalStage) -> None:
    for number in range(2 * POOLS):
        await portal.directory.save(HostPool(MAIN, PoolId(f"n{number:03}"), f"A pool {number:03}"))
    adam, path, found = await portal.signed_in("adam"), "/admin", list[str]()
    while path:
        answer = await adam.get(path)
        assert f"Host pools{2 * POOLS + 1}" in text_of(answer)
        found += re.findall(r'<h2 id="p-([^"]+)"', answer.text)
        last, path = path, next((link for link in links_of(answer) if "after=" in link), "")
    assert (len(found), len(set(found))) == (2 * POOLS + 1, 2 * POOLS + 1)
    assert "First page" in text_of(answer)
    assert "blue-01" in text_of(answer)
    drained = await adam.post(f"/admin/hosts/{HOST}/drain", drained="yes", after=field_of(answer, "after"))
    assert drained.headers["location"].partition("after=")[2] == last.partition("after=")[2]
    assert "is in drain mode" in text_of(await adam.get(drained.headers["location"]))


async def test_of_many_approvals_the_oldest_are_shown_and_all_are_counted(portal: PortalStage) -> None:
    for number in range(OLDEST + 3):
        await portal.ask_approval(f"a{number:02}")
    answer = await (await portal.signed_in("hella")).get("/admin")
    text = text_of(answer)
    assert f"Waiting for approval{OLDEST + 3}" in text
    assert f"These are the oldest {OLDEST} of {OLDEST + 3}; dialback approve shows all." in text


async def test_host_without_link_and_with_failed_checks_is_told(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    await portal.directory.save_health(MAIN, HOST, [Check.DISK, Check.RDP])
    assert "disk, rdp" in text_of(await adam.get("/admin"))
    await portal.store.set_link(HOST, False, NOW)
    text = text_of(await adam.get("/admin"))
    assert "no link" in text
    assert "Hosts linked0 of 1" in text


async def test_no_pool_and_empty_pool_say_what_to_do(portal: PortalStage) -> None:
    await portal.directory.save(HostPool(MAIN, PoolId("new"), "New pool"))
    text = text_of(await (await portal.signed_in("adam")).get("/admin"))
    assert "No host is in this pool" in text


async def test_host_is_drained_and_not_any_more(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    answer = await adam.post(f"/admin/hosts/{HOST}/drain", drained="yes")
    assert "is in drain mode" in text_of(await adam.get(answer.headers["location"]))
    assert await drained(portal)
    assert "drained" in text_of(await adam.get("/admin"))
    await adam.post(f"/admin/hosts/{HOST}/drain", drained="no")
    assert not await drained(portal)
    assert portal.recorded.actions == ["host.drain", "host.undrain"]


@pytest.mark.parametrize("host", ["acme-desk-1", "none"])
async def test_host_that_is_not_there_or_anothers_is_not_found(portal: PortalStage, host: str) -> None:
    answer = await (await portal.signed_in("adam")).post(f"/admin/hosts/{host}/drain", drained="yes")
    assert answer.status_code == 404
    assert portal.recorded.entries == []


async def test_helpdesk_changes_no_host(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    answer = await hella.get("/admin")
    assert "blue-01" in text_of(answer)
    assert "<form" not in answer.text.partition("<main")[2]
    assert (await hella.post(f"/admin/hosts/{HOST}/drain", drained="yes")).status_code == 403
    assert not await drained(portal)


async def test_sessions_of_a_host_are_a_link_away(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    link = f"/admin/sessions?host={HOST}"
    assert link in links_of(await hella.get("/admin"))
    assert "anna on blue-01" in text_of(await hella.get(link))


async def test_administrator_is_told_when_the_publisher_nears_its_end(
    portal: PortalStage, publisher: SigningKey
) -> None:
    said = "The certificate that signs connection files is near its end"
    adam = await portal.signed_in("adam")
    assert said not in text_of(await adam.get("/admin"))
    portal.later(publisher.facts.not_after - portal.now - timedelta(days=20))
    assert said in text_of(await (await portal.signed_in("adam")).get("/admin"))
    # Whoever can do nothing about it is not told.
    assert said not in text_of(await (await portal.signed_in("hella")).get("/admin"))


async def test_what_hosts_say_of_themselves_is_shown_as_what_it_is(portal: PortalStage) -> None:
    server = RdpServer("127.0.0.1:3389", True, STEERING)
    await portal.store.save_report(HOST, HostReport(STEERING, STEERING, "1", (server,)), NOW)
    pool = await portal.directory.get(HostPool, MAIN, "pool")
    assert pool is not None
    await portal.directory.save(replace(pool, name=HOSTILE[:64]))
    answer = await (await portal.signed_in("adam")).get("/admin")
    assert "<script>alert" not in answer.text
    assert STEERING_SHOWN in text_of(answer)
