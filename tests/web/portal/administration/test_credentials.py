"""What a user holds, ended in the portal for somebody who lost something."""

import pytest
from pyotp import TOTP

from dialback.domain.ids import UserId, UserName
from dialback.domain.tenancy import MAIN, User
from tests.identity.held import hand_out
from tests.web.portal.stage import ACME, NOW, PortalStage, text_of

ACTIONS = ("reset-codes", "end-sign-ins", "revoke-files", "revoke-workspace-passwords")


async def done(portal: PortalStage, action: str) -> str:
    """Have adam do it to anna; return what the page says then."""
    adam = await portal.signed_in("adam")
    answer = await adam.post(f"/admin/users/anna/{action}")
    assert answer.status_code == 303
    return text_of(await adam.get(answer.headers["location"]))


async def test_buttons_stand_beside_who_may_be_acted_on(portal: PortalStage) -> None:
    page = (await (await portal.signed_in("adam")).get("/admin/users")).text
    for action in ACTIONS:
        assert f"/admin/users/anna/{action}" in page
        assert f"/admin/users/olga/{action}" not in page
        assert f"/admin/users/adam/{action}" not in page
    assert "Something lost" not in (await (await portal.signed_in("hella")).get("/admin/users")).text


async def test_codes_are_asked_for_no_more(portal: PortalStage) -> None:
    anna = await portal.user("anna")
    secret = portal.authenticator.enrol_totp(anna, "Dialback").secret
    await portal.authenticator.confirm_totp(anna, secret, TOTP(secret.reveal()).at(NOW))

    assert "without one-time codes" in await done(portal, "reset-codes")

    assert not await portal.authenticator.has_totp(anna)
    assert portal.recorded.actions == ["one-time-codes.remove"]


async def test_sign_ins_end(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")

    assert "Every sign-in of the user has ended" in await done(portal, "end-sign-ins")

    assert (await anna.get("/")).status_code == 303
    assert portal.recorded.actions == ["sign-in.end"]


async def test_files_are_revoked_and_nothing_else(portal: PortalStage) -> None:
    anna = await portal.user("anna")
    await hand_out(portal.store, anna, NOW)

    assert "is revoked, the feed's too" in await done(portal, "revoke-files")

    tokens = await portal.store.tokens_of(MAIN, anna.id)
    assert all(token.revoked_at is not None for token in tokens)
    assert portal.recorded.actions == ["connection-file.revoke"]


async def test_every_workspace_password_is_revoked_and_noted(portal: PortalStage) -> None:
    anna = await portal.user("anna")
    for device in ("laptop", "phone"):
        await portal.authenticator.make_workspace_password(anna, device)

    assert "no device of theirs gets the feed" in await done(portal, "revoke-workspace-passwords")

    assert not await portal.accounts.workspace_passwords(MAIN, anna.id)
    assert portal.recorded.actions == ["workspace-password.revoke"] * 2
    assert {entry.detail for entry in portal.recorded.entries} == {"laptop of anna", "phone of anna"}


@pytest.mark.parametrize("action", ACTIONS)
async def test_nobody_does_it_to_more_rights_to_themselves_or_without_the_role(
    portal: PortalStage, action: str
) -> None:
    await portal.directory.save(User(ACME, UserId("theirs"), UserName("theirs")))
    adam, hella = await portal.signed_in("adam"), await portal.signed_in("hella")

    assert (await adam.post(f"/admin/users/olga/{action}")).status_code == 409
    assert (await adam.post(f"/admin/users/adam/{action}")).status_code == 409
    assert (await adam.post(f"/admin/users/theirs/{action}")).status_code == 404
    assert (await hella.post(f"/admin/users/anna/{action}")).status_code == 403
    assert {entry.action for entry in portal.recorded.entries} <= {"portal.refused"}
