"""Connections of the whole tenant."""

from dataclasses import replace

from dialback.domain.errors import SENTENCES, Reason
from dialback.domain.ids import ConnectionId, ResourceName, UserName
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import read_copy
from tests.web.portal.stage import ACME, HOSTILE, PortalStage, text_of


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
    await portal.store.save_connection(replace(record, client_name=HOSTILE, detail=HOSTILE))
    hella = await portal.signed_in("hella")
    for path in ("/admin/connections", "/admin/connections/c-refused"):
        answer = await hella.get(path)
        assert "<script>alert" not in answer.text
        assert HOSTILE in text_of(answer)


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
