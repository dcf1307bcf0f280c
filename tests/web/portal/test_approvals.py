"""Connections that wait until their user says that it is them."""

from datetime import timedelta

import pytest

from dialback.domain.approvals import Cause, Decision, choices
from dialback.domain.ids import ConnectionId
from dialback.domain.tenancy import MAIN
from tests.web.portal.stage import ACME, STEERING, STEERING_SHOWN, PortalStage, text_of


async def decided(portal: PortalStage, id: str = "a1") -> Decision | None:
    approval = await portal.approvals.approval(MAIN, ConnectionId(id))
    assert approval is not None
    return approval.decision


async def test_right_number_approves(portal: PortalStage) -> None:
    await portal.ask_approval()
    anna = await portal.signed_in("anna")
    answer = await anna.post("/approvals/a1", decision="approve", number="42")
    assert "the connection goes on" in text_of(await anna.get(answer.headers["location"]))
    assert await decided(portal) is Decision.APPROVED
    assert portal.recorded.actions == ["connection.approve"]


async def test_three_numbers_are_shown_and_none_is_marked(portal: PortalStage) -> None:
    approval = await portal.ask_approval()
    answer = await (await portal.signed_in("anna")).get("/approvals")
    for number in choices(approval):
        assert f'<button name="number" value="{number}">{number}</button>' in answer.text


@pytest.mark.parametrize("number", ["43", "", "042", "\u0664\u0662", "4" * 5000, "-1"])
async def test_wrong_number_refuses_the_connection(portal: PortalStage, number: str) -> None:
    await portal.ask_approval()
    anna = await portal.signed_in("anna")
    answer = await anna.post("/approvals/a1", decision="approve", number=number)
    assert "That was not the number" in text_of(await anna.get(answer.headers["location"]))
    assert await decided(portal) is Decision.DENIED
    assert portal.recorded.actions == ["connection.deny"]


async def test_without_a_number_a_word_approves(portal: PortalStage) -> None:
    await portal.ask_approval(number=None, cause=Cause.STALE_TICKET)
    anna = await portal.signed_in("anna")
    text = text_of(await anna.get("/approvals"))
    assert "Yes, let it in" in text
    assert "not signed in from this address lately" in text
    await anna.post("/approvals/a1", decision="approve")
    assert await decided(portal) is Decision.APPROVED


@pytest.mark.parametrize("fields", [{"decision": "deny"}, {"decision": "deny", "number": "42"}, {}])
async def test_whatever_is_not_approved_is_denied(portal: PortalStage, fields: dict[str, str]) -> None:
    await portal.ask_approval()
    await (await portal.signed_in("anna")).post("/approvals/a1", **fields)
    assert await decided(portal) is Decision.DENIED


async def test_decision_that_comes_late_is_told(portal: PortalStage) -> None:
    await portal.ask_approval()
    anna = await portal.signed_in("anna")
    portal.later(timedelta(seconds=60))
    answer = await anna.post("/approvals/a1", decision="approve", number="42")
    assert answer.headers["location"] == "/approvals?said=late"
    assert await decided(portal) is None
    assert portal.recorded.actions == []


async def test_nobody_decides_for_another(portal: PortalStage) -> None:
    await portal.ask_approval()
    for browser in (
        await portal.signed_in("olga"),
        await portal.signed_in("anna", ACME),
    ):
        assert (await browser.post("/approvals/a1", decision="approve", number="42")).status_code == 404
        assert "ANNAS-PC" not in (await browser.get("/approvals")).text
    assert (await (await portal.signed_in("anna")).post("/approvals/none")).status_code == 404
    assert await decided(portal) is None


async def test_badge_counts_what_waits_on_every_page(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    assert text_of(await anna.get("/approvals/badge")) == ""
    await portal.ask_approval("a1")
    await portal.ask_approval("a2")
    await portal.ask_approval("a3", user="adam")
    assert text_of(await anna.get("/approvals/badge")) == "Waiting: 2"
    for path in ("/", "/sessions", "/devices", "/subscribe", "/device"):
        assert "Approvals Waiting: 2" in text_of(await anna.get(path))


async def test_part_is_sent_again_only_when_something_changed(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    first = await anna.part("/approvals")
    mark = first.text.partition("/approvals?seen=")[2][:16]
    assert (await anna.part(f"/approvals?seen={mark}")).status_code == 204
    await portal.ask_approval()
    assert "Is this you?" in (await anna.part(f"/approvals?seen={mark}")).text


async def test_without_a_script_the_page_loads_itself_anew(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/approvals")
    assert '<noscript><meta http-equiv="refresh" content="5;url=/approvals"></noscript>' in answer.text


async def test_hostile_client_name_is_shown_as_what_it_is(portal: PortalStage) -> None:
    await portal.ask_approval(client_name=STEERING)
    answer = await (await portal.signed_in("anna")).get("/approvals")
    assert "<script>alert" not in answer.text
    assert STEERING_SHOWN in text_of(answer)
