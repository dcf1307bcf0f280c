"""Workspace passwords, sign-ins, password and one-time codes."""

import re
from datetime import timedelta

import pyotp
import pytest

from dialback.domain.accounts import MAX_WORKSPACE_PASSWORDS, Origin, SignInKind
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.identity.tokens import hash_token
from dialback.web.people import COOKIE
from dialback.web.portal.devices import qr_of, uri_of
from tests.identity.people import wrong_code
from tests.web.portal.stage import (
    ACME,
    HOSTILE,
    PASSWORD,
    Browser,
    PortalStage,
    field_of,
    text_of,
)

NEW = "copper-lantern-forest-7"
DESK = Origin("203.0.113.9", "TSWorkspace/2.0")


async def in_by_password(portal: PortalStage, name: str = "anna") -> Browser:
    """Return a browser in which the person is signed in, who has a password."""
    await portal.set_password(name)
    return await portal.signed_in(name)


async def with_codes(portal: PortalStage, browser: Browser) -> tuple[str, list[str]]:
    """Set up one-time codes; return their secret and the recovery codes."""
    secret = field_of(await browser.get("/devices/codes"), "secret")
    done = await browser.post("/devices/codes", secret=secret, code=code_of(portal, secret))
    assert done.status_code == 200
    portal.later(timedelta(minutes=1))
    return secret, re.findall(r"<li>(\w{4}-\w{4}-\w{4}-\w{4})</li>", done.text)


def code_of(portal: PortalStage, secret: str) -> str:
    return pyotp.TOTP(secret).at(portal.now)


async def test_workspace_password_is_shown_once_and_works(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    made = await anna.post("/devices/workspace-passwords", device="Laptop")
    found = re.search(r'id="secret"[^>]*>([^<]+)<', made.text)
    assert found is not None
    opened = await portal.authenticator.by_workspace_password("anna", Secret(found[1]), DESK)
    assert opened.user.name == "anna"
    assert made.headers["cache-control"] == "no-store"
    later = await anna.get("/devices")
    assert "Laptop" in later.text
    assert found[1] not in later.text
    assert found[1] not in repr(portal.recorded.entries)
    assert portal.recorded.actions == ["workspace-password.make"]


async def test_revoked_workspace_password_opens_nothing(portal: PortalStage) -> None:
    anna, user = await portal.signed_in("anna"), await portal.user("anna")
    password, _ = await portal.authenticator.make_workspace_password(user, "Laptop")
    answer = await anna.post(f"/devices/workspace-passwords/{password.id}/revoke")
    assert answer.headers["location"] == "/devices?said=revoked"
    assert await portal.accounts.workspace_passwords(MAIN, user.id) == []
    assert (await anna.post(f"/devices/workspace-passwords/{password.id}/revoke")).status_code == 404


async def test_workspace_password_of_another_is_not_there(portal: PortalStage) -> None:
    password, _ = await portal.authenticator.make_workspace_password(await portal.user("anna"), "Laptop")
    for browser in (await portal.signed_in("adam"), await portal.signed_in("anna", ACME)):
        assert (await browser.post(f"/devices/workspace-passwords/{password.id}/revoke")).status_code == 404
    assert len(await portal.accounts.workspace_passwords(MAIN, password.user)) == 1


@pytest.mark.parametrize("device", ["", " ", "a\nb", "\u202etxt.exe", "x" * 65, "a\0b"])
async def test_unfit_device_name_is_told_in_words(portal: PortalStage, device: str) -> None:
    answer = await (await portal.signed_in("anna")).post("/devices/workspace-passwords", device=device)
    assert answer.status_code == 422
    assert "Expected " in text_of(answer)
    assert "device name" in text_of(answer)


async def test_hostile_device_name_is_shown_as_what_it_is(portal: PortalStage) -> None:
    anna, device = await portal.signed_in("anna"), HOSTILE[:64]
    for answer in (
        await anna.post("/devices/workspace-passwords", device=device),
        await anna.get("/devices"),
    ):
        assert "<script>alert" not in answer.text
        assert device in text_of(answer)


async def test_too_many_workspace_passwords_are_told_in_words(portal: PortalStage) -> None:
    anna, user = await portal.signed_in("anna"), await portal.user("anna")
    for number in range(MAX_WORKSPACE_PASSWORDS):
        await portal.authenticator.make_workspace_password(user, f"d{number}")
    answer = await anna.post("/devices/workspace-passwords", device="one more")
    assert answer.status_code == 422
    assert "which is the most" in text_of(answer)


async def test_other_sign_in_is_ended(portal: PortalStage) -> None:
    here, there = await portal.signed_in("anna"), await portal.signed_in("anna")
    user = await portal.user("anna")
    page = await here.get("/devices")
    marks = re.findall(r"/devices/sign-ins/(\w+)/end", page.text)
    own = hash_token(here.cookies[COOKIE])
    [other] = [mark for mark in marks if mark != own]
    assert "That sign-in has ended" in text_of(
        await here.get((await here.post(f"/devices/sign-ins/{other}/end")).headers["location"])
    )
    assert (await there.get("/devices")).headers["location"].startswith("/signin")
    assert (await here.post(f"/devices/sign-ins/{own}/end")).headers["location"] == "/signin"
    assert await portal.accounts.sign_ins_of(MAIN, user.id) == []


async def test_sign_in_that_is_over_is_not_listed(portal: PortalStage) -> None:
    await portal.signed_in("anna")
    await portal.authenticator.open(await portal.user("anna"), SignInKind.FEED, "workspace password", DESK)
    portal.later(timedelta(hours=2))
    anna = await portal.signed_in("anna")
    page = await anna.get("/devices")
    assert re.findall(r"/devices/sign-ins/(\w+)/end", page.text) == [hash_token(anna.cookies[COOKIE])]


async def test_sign_in_of_another_is_not_there(portal: PortalStage) -> None:
    anna, adam = await portal.signed_in("anna"), await portal.signed_in("adam")
    [mark] = re.findall(r"/devices/sign-ins/(\w+)/end", (await anna.get("/devices")).text)
    assert (await adam.post(f"/devices/sign-ins/{mark}/end")).status_code == 404
    assert (await anna.get("/devices")).status_code == 200


async def test_changed_password_ends_every_other_sign_in(portal: PortalStage) -> None:
    anna, other = await in_by_password(portal), await portal.signed_in("anna")
    before = anna.cookies[COOKIE]
    answer = await anna.post("/devices/password", old=PASSWORD, new=NEW, again=NEW)
    assert answer.status_code == 303
    assert anna.cookies[COOKIE] != before
    assert "Your password is changed" in text_of(await anna.get(answer.headers["location"]))
    assert (await other.get("/devices")).status_code == 303
    await portal.authenticator.by_password("anna", Secret(NEW), "", DESK)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"old": "wrong-pass-word-1", "new": NEW, "again": NEW}, "The old password is wrong."),
        ({"old": PASSWORD, "new": NEW, "again": NEW + "x"}, "The two new passwords differ."),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "too easy to guess"),
        ({"old": PASSWORD, "new": "anna" * 4, "again": "anna" * 4}, "too easy to guess"),
        ({}, "too easy to guess"),
    ],
)
async def test_password_that_is_not_changed_says_why(
    portal: PortalStage, fields: dict[str, str], said: str
) -> None:
    anna = await in_by_password(portal)
    answer = await anna.post("/devices/password", **fields)
    assert answer.status_code in (403, 422)
    assert said in text_of(answer)
    assert PASSWORD not in answer.text
    await portal.authenticator.by_password("anna", Secret(PASSWORD), "", DESK)
    noted = [entry for entry in portal.recorded.entries if entry.action == "password.refused"]
    assert [entry.allowed for entry in noted] == [False] * (answer.status_code == 403)


async def test_one_time_codes_are_set_up_with_recovery_codes(portal: PortalStage) -> None:
    anna = await in_by_password(portal)
    page = await anna.get("/devices/codes")
    secret = field_of(page, "secret")
    assert " ".join(re.findall("....", secret)) in text_of(page)
    assert "<svg" in page.text
    _, recovery = await with_codes(portal, anna)
    assert len(set(recovery)) == 10
    assert await portal.authenticator.has_totp(await portal.user("anna"))
    assert (await anna.get("/devices/codes")).headers["location"] == "/devices"
    await portal.authenticator.by_password("anna", Secret(PASSWORD), recovery[0], DESK)


async def test_wrong_code_sets_nothing_up_and_keeps_the_secret(portal: PortalStage) -> None:
    anna = await in_by_password(portal)
    secret = field_of(await anna.get("/devices/codes"), "secret")
    answer = await anna.post("/devices/codes", secret=secret, code=wrong_code(secret, portal.now))
    assert answer.status_code == 403
    assert "The one-time code is wrong" in text_of(answer)
    assert field_of(answer, "secret") == secret
    assert not await portal.authenticator.has_totp(await portal.user("anna"))
    last = portal.recorded.entries[-1]
    assert (last.action, last.allowed) == ("one-time-codes.refused", False)


@pytest.mark.parametrize("secret", ["", "A" * 5000, "<script>", "AAAA"])
async def test_secret_that_is_not_ours_is_refused(portal: PortalStage, secret: str) -> None:
    answer = await (await in_by_password(portal)).post("/devices/codes", secret=secret, code="000000")
    assert answer.status_code == 404


async def test_recovery_codes_are_renewed_for_a_code(portal: PortalStage) -> None:
    anna = await in_by_password(portal)
    secret, before = await with_codes(portal, anna)
    refused = await anna.post("/devices/recovery-codes", code=wrong_code(secret, portal.now))
    assert refused.status_code == 403
    last = portal.recorded.entries[-1]
    assert (last.action, last.allowed) == ("recovery-codes.refused", False)
    answer = await anna.post("/devices/recovery-codes", code=code_of(portal, secret))
    after = re.findall(r"<li>(\w{4}-\w{4}-\w{4}-\w{4})</li>", answer.text)
    assert len(after) == 10
    assert not set(before) & set(after)


async def test_one_time_codes_are_removed_for_a_code_alone(portal: PortalStage) -> None:
    anna = await in_by_password(portal)
    secret, _ = await with_codes(portal, anna)
    for code in ("", wrong_code(secret, portal.now)):
        assert (await anna.post("/devices/codes/remove", code=code)).status_code == 403
    assert await portal.authenticator.has_totp(await portal.user("anna"))
    answer = await anna.post("/devices/codes/remove", code=code_of(portal, secret))
    assert answer.headers["location"] == "/devices?said=no-codes"
    assert not await portal.authenticator.has_totp(await portal.user("anna"))


async def test_password_change_asks_for_a_code_too(portal: PortalStage) -> None:
    anna = await in_by_password(portal)
    secret, _ = await with_codes(portal, anna)
    fields = {"old": PASSWORD, "new": NEW, "again": NEW}
    assert "takes a one-time code" in text_of(await anna.post("/devices/password", **fields))
    answer = await anna.post("/devices/password", **fields, code=code_of(portal, secret))
    assert answer.status_code == 303


async def test_who_signs_in_elsewhere_has_no_password_here(portal: PortalStage) -> None:
    text = text_of(await (await portal.signed_in("anna")).get("/devices"))
    assert "Old password" not in text
    assert "One-time codes" not in text


def test_uri_escapes_what_a_name_may_have() -> None:
    assert (
        uri_of("anna&secret=X", "ABC")
        == "otpauth://totp/Dialback:anna%26secret%3DX?secret=ABC&issuer=Dialback"
    )


def test_picture_is_an_element_without_style_and_text() -> None:
    picture = qr_of("otpauth://totp/<script>")
    assert picture.startswith("<svg ")
    assert "script" not in picture
    assert "style" not in picture
