"""Letting a command line in."""

from datetime import timedelta

import pytest

from dialback.domain.accounts import Origin
from dialback.domain.tenancy import MAIN
from dialback.identity.authenticator import DevicePoll, Opened
from tests.web.portal.stage import STEERING, STEERING_SHOWN, PortalStage, text_of

CLI = Origin("203.0.113.9", "dialback/0.1")


async def test_command_line_is_let_in_as_the_person(portal: PortalStage) -> None:
    secret, code, _ = await portal.authenticator.begin_device(CLI)
    anna = await portal.signed_in("anna")
    looked = await anna.post("/device", user_code=code.lower().replace("-", " "))
    assert "203.0.113.9" in text_of(looked)
    assert "signed in as anna" in text_of(looked)
    assert await portal.authenticator.poll_device(secret, CLI) is DevicePoll.PENDING
    assert "is signed in as you" in text_of(
        await anna.post("/device/decision", user_code=code, decision="approve")
    )
    opened = await portal.authenticator.poll_device(secret, CLI)
    assert isinstance(opened, Opened)
    assert (opened.user.tenant, opened.user.name) == (MAIN, "anna")
    assert portal.recorded.actions == ["device-code.approve"]


@pytest.mark.parametrize("decision", ["deny", "", "APPROVE"])
async def test_whatever_is_not_approved_is_refused(portal: PortalStage, decision: str) -> None:
    secret, code, _ = await portal.authenticator.begin_device(CLI)
    anna = await portal.signed_in("anna")
    assert "Refused." in text_of(await anna.post("/device/decision", user_code=code, decision=decision))
    assert await portal.authenticator.poll_device(secret, CLI) is DevicePoll.DENIED


async def test_link_with_a_code_fills_it_in_and_approves_nothing(portal: PortalStage) -> None:
    secret, code, _ = await portal.authenticator.begin_device(CLI)
    answer = await (await portal.signed_in("anna")).get(f"/device?user_code={code}")
    assert f'value="{code}"' in answer.text
    assert "Yes, let it in" not in answer.text
    assert await portal.authenticator.poll_device(secret, CLI) is DevicePoll.PENDING


@pytest.mark.parametrize("path", ["/device", "/device/decision"])
@pytest.mark.parametrize("code", ["BCDF-GHJK", "", "x" * 5000, "BCDF\0GHJK"])
async def test_unknown_code_is_told_in_words(portal: PortalStage, path: str, code: str) -> None:
    answer = await (await portal.signed_in("anna")).post(path, user_code=code, decision="approve")
    assert answer.status_code == 404
    assert "No command line waits under this code" in text_of(answer)


async def test_code_that_waited_too_long_is_good_no_more(portal: PortalStage) -> None:
    _, code, _ = await portal.authenticator.begin_device(CLI)
    anna = await portal.signed_in("anna")
    portal.later(timedelta(minutes=16))
    assert (await anna.post("/device/decision", user_code=code, decision="approve")).status_code == 404


async def test_hostile_name_of_a_program_is_shown_as_what_it_is(portal: PortalStage) -> None:
    _, code, _ = await portal.authenticator.begin_device(Origin("203.0.113.9", STEERING))
    answer = await (await portal.signed_in("anna")).post("/device", user_code=code)
    assert "<script>alert" not in answer.text
    assert STEERING_SHOWN in text_of(answer)
