"""Signing in by password and code, by invitation, and out."""

from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest

from dialback.domain.audit import ActorKind
from dialback.domain.errors import Reason, Refused, sentence_for_user
from dialback.web.people import COOKIE
from dialback.web.signin import in_words
from tests.identity.people import wrong_code
from tests.web.portal.stage import ACME, HOSTILE, NOW, PASSWORD, PortalStage, field_of, text_of

WRONG = sentence_for_user(Reason.SIGN_IN_REFUSED)


async def set_up_codes(portal: PortalStage, name: str = "anna") -> tuple[str, list[str]]:
    """Let the person need a code; return its secret and the recovery codes."""
    user = await portal.user(name)
    secret = portal.authenticator.enrol_totp(user, "x").secret
    codes = await portal.authenticator.confirm_totp(user, secret, pyotp.TOTP(secret.reveal()).at(portal.now))
    portal.later(timedelta(minutes=1))
    return secret.reveal(), [code.reveal() for code in codes]


async def test_password_signs_in_and_sets_the_cookie(portal: PortalStage) -> None:
    await portal.set_password("anna")
    browser = portal.browser()
    answer = await browser.post("/signin", name=" Anna ", password=PASSWORD, next="/sessions?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions?x=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert cookie.endswith("; HttpOnly; Path=/; SameSite=lax; Secure")
    assert (await browser.get("/sessions")).status_code == 200
    [entry] = portal.recorded.entries
    assert (entry.action, entry.actor.name, entry.actor.address) == ("sign-in.open", "anna", "192.0.2.7")


async def test_person_of_another_tenant_names_it(portal: PortalStage) -> None:
    await portal.set_password("anna", tenant=ACME)
    browser = portal.browser()
    assert (await browser.post("/signin", name="anna", password=PASSWORD)).status_code == 403
    assert (await browser.post("/signin", name="acme\\anna", password=PASSWORD)).status_code == 303
    assert portal.recorded.entries[-1].tenant == ACME


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong"),
        ("anna", ""),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("hella", ""),
        ("anna\0", PASSWORD),
        ("a\nb", PASSWORD),
        ("\u202eanna", PASSWORD),
        ("none\\anna", PASSWORD),
        ("\\", PASSWORD),
        (HOSTILE, HOSTILE),
        ("x" * 3000, "x" * 3000),
    ],
)
async def test_wrong_name_and_wrong_password_are_told_alike(
    portal: PortalStage, name: str, password: str
) -> None:
    await portal.set_password("anna")
    answer = await portal.browser().post("/signin", name=name, password=password)
    assert answer.status_code == 403
    assert WRONG in text_of(answer)
    assert "set-cookie" not in answer.headers
    assert "<script>alert" not in answer.text
    [entry] = portal.recorded.entries
    assert (entry.action, entry.allowed, entry.actor.kind) == ("sign-in.refused", False, ActorKind.USER)


async def test_password_is_never_shown_again(portal: PortalStage) -> None:
    answer = await portal.browser().post("/signin", name="anna", password="my-secret-words")
    assert "my-secret-words" not in answer.text
    assert field_of(answer, "name") == "anna"
    assert "my-secret-words" not in repr(portal.recorded.entries)


async def test_lock_says_how_long(portal: PortalStage) -> None:
    await portal.set_password("anna")
    browser = portal.browser()
    for _ in range(5):
        await browser.post("/signin", name="anna", password="wrong")
    answer = await browser.post("/signin", name="anna", password=PASSWORD)
    assert answer.status_code == 403
    assert f"{sentence_for_user(Reason.SIGN_IN_LOCKED)} It is possible again in 1 minute." in text_of(answer)
    portal.later(timedelta(minutes=1))
    assert (await browser.post("/signin", name="anna", password=PASSWORD)).status_code == 303


async def test_disabled_user_is_told_so_only_with_the_right_password(portal: PortalStage) -> None:
    await portal.set_password("anna")
    await portal.directory.save(replace(await portal.user("anna"), disabled_at=NOW))
    browser = portal.browser()
    assert WRONG in text_of(await browser.post("/signin", name="anna", password="wrong"))
    answer = await browser.post("/signin", name="anna", password=PASSWORD)
    assert sentence_for_user(Reason.USER_DISABLED) in text_of(answer)


@pytest.mark.parametrize(
    "next", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_sign_in_leads_to_no_other_site(portal: PortalStage, next: str) -> None:
    await portal.set_password("anna")
    browser = portal.browser()
    assert field_of(await browser.ask("GET", "/signin", params={"next": next}), "next") == "/"
    answer = await browser.post("/signin", name="anna", password=PASSWORD, next=next)
    assert answer.headers["location"] == "/"
    answer = await browser.ask("GET", "/signin", params={"next": next})
    assert answer.headers["location"] == "/"


async def test_code_is_asked_for_in_a_second_step(portal: PortalStage) -> None:
    await portal.set_password("anna")
    secret, _ = await set_up_codes(portal)
    browser = portal.browser()
    step = await browser.post("/signin", name="anna", password=PASSWORD, next="/devices")
    assert step.status_code == 200
    assert "One-time code" in text_of(step)
    assert PASSWORD not in step.text
    assert "set-cookie" not in step.headers
    answer = await browser.post(
        "/signin/code",
        sealed=field_of(step, "sealed"),
        next=field_of(step, "next"),
        code=pyotp.TOTP(secret).at(portal.now),
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/devices")
    assert portal.recorded.entries[-1].detail == "password and code"


@pytest.mark.parametrize("code", [None, "", " ", "x" * 200, "\u0661\u0662\u0663\u0664\u0665\u0666"])
async def test_wrong_code_is_told_and_asked_again(portal: PortalStage, code: str | None) -> None:
    await portal.set_password("anna")
    secret, _ = await set_up_codes(portal)
    code = wrong_code(secret, portal.now) if code is None else code
    browser = portal.browser()
    step = await browser.post("/signin", name="anna", password=PASSWORD)
    again = await browser.post("/signin/code", sealed=field_of(step, "sealed"), code=code)
    assert again.status_code == 403
    assert sentence_for_user(Reason.CODE_REFUSED) in text_of(again)
    answer = await browser.post(
        "/signin/code", sealed=field_of(again, "sealed"), code=pyotp.TOTP(secret).at(portal.now)
    )
    assert answer.status_code == 303


async def test_recovery_code_stands_in_once(portal: PortalStage) -> None:
    await portal.set_password("anna")
    _, codes = await set_up_codes(portal)
    browser = portal.browser()
    step = await browser.post("/signin", name="anna", password=PASSWORD)
    sealed = field_of(step, "sealed")
    assert (await browser.post("/signin/code", sealed=sealed, code=codes[0].upper())).status_code == 303
    assert (await portal.browser().post("/signin/code", sealed=sealed, code=codes[0])).status_code == 403


@pytest.mark.parametrize("sealed", ["", "x", "x" * 9000])
async def test_second_step_without_the_first_begins_anew(portal: PortalStage, sealed: str) -> None:
    answer = await portal.browser().post("/signin/code", sealed=sealed, code="000000")
    assert answer.status_code == 403
    assert sentence_for_user(Reason.SIGN_IN_ENDED) in text_of(answer)


async def test_second_step_is_good_for_minutes(portal: PortalStage) -> None:
    await portal.set_password("anna")
    secret, _ = await set_up_codes(portal)
    browser = portal.browser()
    step = await browser.post("/signin", name="anna", password=PASSWORD)
    portal.later(timedelta(minutes=6))
    answer = await browser.post(
        "/signin/code", sealed=field_of(step, "sealed"), code=pyotp.TOTP(secret).at(portal.now)
    )
    assert sentence_for_user(Reason.SIGN_IN_ENDED) in text_of(answer)


async def test_sign_out_ends_the_sign_in_and_drops_the_cookie(portal: PortalStage) -> None:
    browser = await portal.signed_in("anna")
    other = portal.browser()
    other.headers["Cookie"] = f"{COOKIE}={browser.cookies[COOKIE]}"
    answer = await browser.post("/signout")
    assert answer.headers["location"] == "/signin"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await other.get("/")).status_code == 303
    assert portal.recorded.actions == ["sign-in.end"]


async def test_sign_out_without_a_sign_in_does_nothing(portal: PortalStage) -> None:
    answer = await portal.browser().post("/signout")
    assert answer.headers["location"] == "/signin"
    assert portal.recorded.entries == []


async def test_who_is_signed_in_needs_no_sign_in(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/signin?next=/devices")
    assert answer.headers["location"] == "/devices"


async def test_invitation_sets_a_password_and_signs_in(portal: PortalStage) -> None:
    link = (await portal.authenticator.invite(await portal.user("anna"))).reveal()
    browser = portal.browser()
    page = await browser.get(f"/invitation/{link}")
    assert "for anna" in text_of(page)
    assert "At least 12 characters" in text_of(page)
    answer = await browser.post(f"/invitation/{link}", password=PASSWORD, again=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await browser.get("/")).status_code == 200
    assert portal.recorded.actions == ["invitation.accept"]
    again = await portal.browser().get(f"/invitation/{link}")
    assert again.status_code == 403
    assert sentence_for_user(Reason.INVITATION_USED) in text_of(again)


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "The password is too easy to guess; choose a longer one. (expected 12 to 256"),
        ("annaannaanna", "annaannaanna", "too easy to guess"),
        (PASSWORD, PASSWORD + "x", "The two passwords differ."),
        (PASSWORD, "", "The two passwords differ."),
        ("", "", "too easy to guess"),
    ],
)
async def test_unfit_password_says_why_and_the_link_stays_good(
    portal: PortalStage, password: str, again: str, said: str
) -> None:
    link = (await portal.authenticator.invite(await portal.user("anna"))).reveal()
    answer = await portal.browser().post(f"/invitation/{link}", password=password, again=again)
    assert answer.status_code == 403
    assert said in text_of(answer)
    assert PASSWORD not in answer.text
    assert (await portal.browser().get(f"/invitation/{link}")).status_code == 200


async def test_invitation_alone_does_not_replace_one_time_codes(portal: PortalStage) -> None:
    await portal.set_password("anna")
    secret, _ = await set_up_codes(portal)
    link = (await portal.authenticator.invite(await portal.user("anna"))).reveal()
    fields = {"password": PASSWORD + "x", "again": PASSWORD + "x"}
    asked = await portal.browser().post(f"/invitation/{link}", **fields)
    assert sentence_for_user(Reason.CODE_WANTED) in text_of(asked)
    assert field_of(asked, "code") == ""
    assert portal.recorded.entries == []
    code = wrong_code(secret, portal.now)
    assert (await portal.browser().post(f"/invitation/{link}", **fields, code=code)).status_code == 403
    (entry,) = portal.recorded.entries
    assert (entry.action, entry.actor.name, entry.allowed) == ("sign-in.refused", "anna", False)
    assert sentence_for_user(Reason.CODE_REFUSED) in entry.detail
    code = pyotp.TOTP(secret).at(portal.now)
    assert (await portal.browser().post(f"/invitation/{link}", **fields, code=code)).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_and_expired_invitations_are_told_in_words(portal: PortalStage, method: str) -> None:
    answer = await portal.browser().ask(method, "/invitation/none")
    assert sentence_for_user(Reason.INVITATION_UNKNOWN) in text_of(answer)
    link = (await portal.authenticator.invite(await portal.user("anna"))).reveal()
    portal.later(timedelta(days=4))
    answer = await portal.browser().ask(method, f"/invitation/{link}")
    assert answer.status_code == 403
    assert sentence_for_user(Reason.INVITATION_EXPIRED) in text_of(answer)


def test_refusal_in_words_adds_what_can_be_acted_on() -> None:
    locked = Refused(Reason.SIGN_IN_LOCKED, f"until {(NOW + timedelta(seconds=121)).isoformat()}")
    assert in_words(locked, NOW).endswith("It is possible again in 3 minutes.")
    assert in_words(Refused(Reason.CODE_REFUSED, "inside"), NOW) == sentence_for_user(Reason.CODE_REFUSED)
