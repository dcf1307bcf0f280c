"""What a user holds is ended over the API, by who may, and named in the audit log."""

from datetime import timedelta

import pytest
from pyotp import TOTP

from dialback.domain.access import ConnectionToken
from dialback.domain.ids import ResourceName, UserId, UserName
from dialback.domain.tenancy import MAIN, User
from dialback.identity.tokens import hash_token
from tests.web.api.stage import ACME, ApiStage

ACTIONS = ("reset-codes", "end-sign-ins", "revoke-files")


async def uma(api: ApiStage) -> User:
    user = await api.directory.get(User, MAIN, "uma")
    assert user is not None
    return user


async def has_password(api: ApiStage, device: str = "laptop") -> str:
    password, _ = await api.authenticator.make_workspace_password(await uma(api), device)
    return password.id


async def test_user_who_lost_their_phone_is_asked_for_codes_no_more(api: ApiStage) -> None:
    user = await uma(api)
    secret = api.authenticator.enrol_totp(user, "Dialback").secret
    await api.authenticator.confirm_totp(user, secret, TOTP(secret.reveal()).at(api.now))

    await api.good("POST", "/users/uma/reset-codes")

    assert not await api.authenticator.has_totp(user)
    assert api.notes.actions == [("one-time-codes.remove", "user:uma")]


async def test_every_sign_in_of_a_user_ends(api: ApiStage) -> None:
    assert await api.good("POST", "/users/uma/end-sign-ins") == {"ended": 1}

    assert await api.bad("GET", "/me", "main/uma") == (401, "not-signed-in")
    assert (await api.good("GET", "/me", "acme/uma"))["name"] == "uma"
    assert api.notes.entries[0].detail == "all 1 of uma"


async def test_every_file_of_a_user_is_revoked_and_of_nobody_else(api: ApiStage) -> None:
    for tenant, name in ((MAIN, "uma"), (MAIN, "hella"), (ACME, "uma")):
        token = ConnectionToken(
            hash_token(f"{tenant}/{name}"),
            tenant,
            UserId(name),
            UserName(name),
            ResourceName("office"),
            api.now,
            api.now + timedelta(minutes=10),
        )
        await api.store.save_token(token)

    assert await api.good("POST", "/users/uma/revoke-files") == {"ended": 1}

    async def revoked(name: str) -> bool:
        token, _ = await api.store.token(hash_token(name))
        assert token is not None
        return token.revoked_at is not None

    assert [await revoked(name) for name in ("main/uma", "main/hella", "acme/uma")] == [True, False, False]


async def test_workspace_passwords_are_listed_without_what_they_are(api: ApiStage) -> None:
    id = await has_password(api, "büro \U0001f4bb")

    (shown,) = (await api.good("GET", "/users/uma/workspace-passwords", "main/hella"))["items"]

    assert (shown["id"], shown["device"], shown["used_at"]) == (id, "büro \U0001f4bb", None)
    assert set(shown) == {"id", "device", "created_at", "used_at"}
    assert (await api.good("GET", "/users/uma/workspace-passwords", "acme/adam"))["items"] == []


async def test_workspace_password_is_revoked_once_and_by_its_own_tenant(api: ApiStage) -> None:
    id = await has_password(api)
    path = f"/users/uma/workspace-passwords/{id}"
    assert await api.bad("DELETE", path, "acme/adam") == (404, "not-there")
    assert await api.bad("DELETE", path.replace("uma", "hella")) == (404, "not-there")

    await api.good("DELETE", path)

    assert not await api.accounts.workspace_passwords(MAIN, UserId("uma"))
    assert await api.bad("DELETE", path) == (404, "not-there")
    (entry,) = api.notes.entries
    assert (entry.subject, entry.detail) == (f"workspace-password:{id}", "laptop of uma")


@pytest.mark.parametrize("action", ACTIONS)
async def test_nobody_does_it_to_a_higher_role_to_themselves_or_to_another_tenant(
    api: ApiStage, action: str
) -> None:
    assert await api.bad("POST", f"/users/olga/{action}") == (403, "role-lacking")
    assert await api.bad("POST", f"/users/adam/{action}") == (409, "own-user")
    assert await api.bad("POST", f"/users/nobody/{action}") == (404, "not-there")
    assert {(entry.action, entry.allowed) for entry in api.notes.entries} == {("api.refused", False)}
