"""Sessions of the whole tenant, and what helpdesk does about them."""

import re
from dataclasses import replace

import pytest

from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.ids import SessionId, UserName
from dialback.domain.sessions import Session
from dialback.domain.tenancy import MAIN
from dialback.web.portal.administration.sessions import PAGE
from tests.web.portal.stage import HOST, HOSTILE, Browser, PortalStage, links_of, text_of


async def save_many(portal: PortalStage, names: list[str]) -> None:
    """Keep a session of each of them on the host, in place of what is there."""
    (session,) = await portal.directory.sessions(MAIN, HOST)
    listed: list[Session] = [
        replace(session, id=SessionId(f"{number:03}"), user=UserName(name))
        for number, name in enumerate(names)
    ]
    await portal.directory.save_sessions(MAIN, HOST, listed)


async def found(browser: Browser, path: str) -> list[str]:
    """Return whose sessions are shown, page by page."""
    names = []
    while path:
        answer = await browser.get(path)
        names += re.findall(r"<strong><bdi>([^<]*)</bdi></strong> on", answer.text)
        path = next((link for link in links_of(answer) if "after=" in link), "")
    return names


async def test_sessions_are_shown_page_by_page(portal: PortalStage) -> None:
    names = [f"user{number}" for number in range(2 * PAGE + 10)]
    await save_many(portal, names)
    hella = await portal.signed_in("hella")
    assert await found(hella, "/admin/sessions") == names
    first = (await hella.get("/admin/sessions")).text
    assert first.count("<strong><bdi>") == PAGE
    assert "acme" not in first


async def test_sessions_are_found_by_user_and_host(portal: PortalStage) -> None:
    await save_many(portal, ["anna", "CORP\\Anne", "ben", "annika@corp.example"])
    hella = await portal.signed_in("hella")
    assert await found(hella, "/admin/sessions?user=ANN") == ["anna", "CORP\\Anne", "annika@corp.example"]
    assert await found(hella, f"/admin/sessions?user=be&host={HOST}") == ["ben"]
    for query in ("user=nna", "user=%25", f"user=anna&host=acme-{HOST}", "host=%3Cb%3E"):
        answer = await hella.get(f"/admin/sessions?{query}")
        assert "Nobody of that name has a session" in text_of(answer)


async def test_hostile_names_are_shown_as_what_they_are(portal: PortalStage) -> None:
    await save_many(portal, [HOSTILE])
    answer = await (await portal.signed_in("hella")).get("/admin/sessions")
    assert "<script>alert" not in answer.text
    assert HOSTILE in text_of(answer)


async def test_nobody_has_a_session(portal: PortalStage) -> None:
    await portal.directory.save_sessions(MAIN, HOST, [])
    assert "Nobody has a session now." in text_of(
        await (await portal.signed_in("hella")).get("/admin/sessions")
    )


@pytest.mark.parametrize("who", ["adam", "hella"])
@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"action": "disconnect"}, ("disconnect", "")),
        ({"action": "log-off"}, ("log-off", "")),
        ({"action": "message", "text": "Lunch\r\nat one"}, ("message", "Lunch\nat one")),
    ],
)
async def test_session_is_ordered_about_by_helpdesk_and_above(
    portal: PortalStage, who: str, fields: dict[str, str], given: tuple[str, str]
) -> None:
    answer = await (await portal.signed_in(who)).post(f"/admin/sessions/{HOST}/7", **fields)
    assert answer.headers["location"] == f"/admin/sessions?said={given[0]}"
    assert portal.orders.given == [(MAIN, HOST, "7", *given)]
    assert portal.recorded.actions == [f"session.{given[0]}"]


@pytest.mark.parametrize("text", ["", " ", "x" * 501, "a\0b", "\u202eabc"])
async def test_unfit_message_is_told_and_not_sent(portal: PortalStage, text: str) -> None:
    answer = await (await portal.signed_in("adam")).post(
        f"/admin/sessions/{HOST}/7", action="message", text=text
    )
    assert answer.status_code == 422
    assert "The message was not sent: expected" in text_of(answer)
    assert portal.orders.given == []


async def test_order_that_is_refused_is_told_in_words(portal: PortalStage) -> None:
    portal.orders.refusal = Refused(Reason.AGENT_SILENT)
    answer = await (await portal.signed_in("adam")).post(f"/admin/sessions/{HOST}/7", action="disconnect")
    assert answer.status_code == 502
    assert SENTENCES[Reason.AGENT_SILENT] in text_of(answer)
    assert [(entry.action, entry.allowed) for entry in portal.recorded.entries] == [
        ("session.disconnect", False)
    ]


async def test_what_the_host_says_of_an_order_is_told_and_noted(portal: PortalStage) -> None:
    why = f"{HOSTILE}; nobody knows whether it was done"
    portal.orders.refusal = Refused(Reason.SESSION_ORDER_FAILED, why)
    answer = await (await portal.signed_in("hella")).post(f"/admin/sessions/{HOST}/7", action="log-off")
    assert f"the detail says why: {why}." in text_of(answer)
    assert "<script>alert" not in answer.text
    (entry,) = portal.recorded.entries
    assert (entry.action, entry.subject, entry.allowed) == ("session.log-off", f"session:{HOST}/7", False)
    assert entry.detail.startswith("user anna: ")
    assert why in entry.detail


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/admin/sessions/acme-desk-1/7", {"action": "log-off"}),
        (f"/admin/sessions/{HOST}/8", {"action": "log-off"}),
        (f"/admin/sessions/{HOST}/7", {"action": "explode"}),
    ],
)
async def test_what_is_not_there_or_anothers_is_not_found(
    portal: PortalStage, path: str, fields: dict[str, str]
) -> None:
    assert (await (await portal.signed_in("adam")).post(path, **fields)).status_code == 404
    assert portal.orders.given == []


async def test_helpdesk_is_offered_orders_to_sessions(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("hella")).get("/admin/sessions")
    assert "anna on blue-01" in text_of(answer)
    offered = re.findall(r'action="([^"]+)"', answer.text.partition("<main")[2])
    assert set(offered) == {f"/admin/sessions/{HOST}/7", "/admin/sessions"}


async def test_user_orders_no_session_of_others(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    assert (await anna.post(f"/admin/sessions/{HOST}/7", action="log-off")).status_code == 403
    assert portal.orders.given == []


async def test_nothing_is_offered_where_no_agent_is_reached(portal: PortalStage) -> None:
    portal.without_orders()
    for who in ("adam", "hella"):
        answer = await (await portal.signed_in(who)).get("/admin/sessions")
        assert f"/admin/sessions/{HOST}" not in answer.text
