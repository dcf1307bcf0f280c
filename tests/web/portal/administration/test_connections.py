"""Connections of the whole tenant."""

import html
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from dialback.domain.errors import SENTENCES, Reason
from dialback.domain.ids import ConnectionId, ResourceName, UserName
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import read_copy
from dialback.web.portal.administration.connections import SHOWN
from tests.web.portal.stage import ACME, HOSTILE, STEERING, STEERING_SHOWN, PortalStage, text_of


async def test_connections_are_listed_with_reasons_and_by_user(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    assert SENTENCES[Reason.HOSTS_FULL] in text_of(await hella.get("/admin/connections"))
    assert "c-live" in (await hella.get("/admin/connections?user=anna")).text
    assert "No connection" in text_of(await hella.get("/admin/connections?user=adam"))


async def test_providers_connections_stand_apart_with_what_was_asked(portal: PortalStage) -> None:
    await portal.ask_consent(purpose=HOSTILE)
    record = await portal.store.connection(MAIN, ConnectionId("c-live"))
    assert record is not None
    theirs = replace(record, user=UserName("provider\\tess"), resource=ResourceName("r1"))
    await portal.store.save_connection(replace(theirs, id=ConnectionId("c-provider")))
    await portal.store.save_connection(replace(theirs, id=ConnectionId("c-acme"), tenant=ACME))
    hella = await portal.signed_in("hella")
    answer = await hella.get("/admin/connections?by=provider")
    assert f"desktop: {HOSTILE}" in text_of(answer)
    assert "provider\\tess" in text_of(answer)
    for other in ("c-live", "c-acme"):
        assert other not in answer.text
    assert "c-provider" in (await hella.get("/admin/connections")).text


async def save_many(portal: PortalStage, count: int) -> None:
    """Keep many connections of Ben, older than what the stage has, every third of them open."""
    record = await portal.store.connection(MAIN, ConnectionId("c-live"))
    assert record is not None
    for number in range(count):
        opened_at = record.opened_at - timedelta(days=2, seconds=number)
        over = {} if number % 3 == 0 else {"ended_at": opened_at, "reason": Reason.HOST_ENDED}
        id, user = ConnectionId(f"n{number:03}"), UserName("ben")
        await portal.store.save_connection(replace(record, id=id, user=user, opened_at=opened_at, **over))


def shown_in(answer: httpx.Response) -> list[str]:
    """Return the ids of the connections on the page."""
    return re.findall(r'href="/admin/connections/([^"]+)"', answer.text)


def linked_as(answer: httpx.Response, name: str) -> str:
    """Return where the link of that name leads, empty if there is none."""
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>{name}</a>', answer.text)
    return html.unescape(found[1]) if found else ""


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 123),
        ("?user=ben", 120),
        ("?state=open", 41),
        ("?user=ben&state=host-ended", 80),
        ("?state=x", 123),
    ],
)
async def test_older_connections_are_found_page_by_page(portal: PortalStage, query: str, count: int) -> None:
    await save_many(portal, 120)
    hella, path, found = await portal.signed_in("hella"), f"/admin/connections{query}", list[str]()
    while path:
        answer = await hella.get(path)
        found += shown_in(answer)
        path = linked_as(answer, "Older connections")
    assert len(found) == len(set(found)) == count
    pages = [found[begin : begin + SHOWN] for begin in range(0, count, SHOWN)]
    assert shown_in(answer) == pages.pop()
    # And the way back, page by page.
    for page in reversed(pages):
        answer = await hella.get(linked_as(answer, "Newer connections"))
        assert shown_in(answer) == page
    assert not linked_as(answer, "Newer connections")


async def test_way_to_the_newest_connections_is_offered_where_it_is_longer_than_one_page(
    portal: PortalStage,
) -> None:
    await save_many(portal, 120)
    hella = await portal.signed_in("hella")
    first = await hella.get("/admin/connections")
    second = await hella.get(linked_as(first, "Older connections"))
    assert not linked_as(second, "Newest connections")
    third = await hella.get(linked_as(second, "Older connections"))
    assert 'aria-label="Pages of connections"' in third.text
    again = await hella.get(linked_as(third, "Newest connections"))
    assert shown_in(again) == shown_in(first)


async def test_page_that_nobody_was_shown_is_told_in_words(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("hella")).get("/admin/connections?after=%C3%A9")
    assert answer.status_code == 409
    assert "begin with the first page" in text_of(answer)


async def test_no_connection_is_the_providers_while_it_has_asked_for_nothing(portal: PortalStage) -> None:
    assert shown_in(await (await portal.signed_in("hella")).get("/admin/connections?by=provider")) == []


async def test_one_connection_is_shown_with_its_detail(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    refused = text_of(await hella.get("/admin/connections/c-refused"))
    assert "Office pool: of 3 hosts full 3" in refused
    assert "after 1 s" in refused
    live = text_of(await hella.get("/admin/connections/c-live"))
    assert "goes on" in live
    assert "48.2 MB" in live


async def test_connection_that_is_not_there_is_not_found(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    for id in ("none", "acme-c-live", "%3Cb%3E"):
        assert (await hella.get(f"/admin/connections/{id}")).status_code == 404


async def test_hostile_texts_are_shown_as_what_they_are(portal: PortalStage) -> None:
    record = await portal.store.connection(MAIN, ConnectionId("c-refused"))
    assert record is not None
    await portal.store.save_connection(replace(record, client_name=STEERING, detail=STEERING))
    hella = await portal.signed_in("hella")
    for path in ("/admin/connections", "/admin/connections/c-refused"):
        answer = await hella.get(path)
        assert "<script>alert" not in answer.text
        assert STEERING_SHOWN in text_of(answer)


async def test_flight_record_is_shown_with_what_it_proves_and_exported(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    assert "Flight record" not in (await hella.get("/admin/connections/c-live")).text
    await portal.fly("c-live")
    page = await hella.get("/admin/connections/c-live")
    assert HOSTILE in text_of(page)
    assert "Whole, but not proven by both" in text_of(page)
    assert "<polyline" in page.text
    export = await hella.get("/admin/connections/c-live/flight.jsonl")
    assert export.headers["content-disposition"] == 'attachment; filename="c-live.jsonl"'
    assert len(read_copy(export.text).lines) == 3


async def test_flight_record_of_others_is_not_there(portal: PortalStage) -> None:
    await portal.fly("c-live")
    hella = await portal.signed_in("hella")
    for id in ("none", "acme-c-live", "c-refused"):
        assert (await hella.get(f"/admin/connections/{id}/flight.jsonl")).status_code == 404
    acme = await portal.signed_in("hella", ACME)
    assert (await acme.get("/admin/connections/c-live/flight.jsonl")).status_code == 404
