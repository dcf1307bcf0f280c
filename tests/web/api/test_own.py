from datetime import timedelta

import pytest

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.accounts import Origin, Person, Scope, SignInKind
from dialback.domain.errors import Reason
from dialback.domain.ids import ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.tenancy import MAIN, User
from dialback.identity.tokens import hash_token
from dialback.web.api.own import GRANT
from dialback.wire import rdpfile
from tests.web.api.stage import ACME, ApiStage, problem_of


async def polled(api: ApiStage, code: str, grant: str = GRANT) -> tuple[int, str, str]:
    """Poll once; return status, reason, and the error that RFC 8628 names."""
    form = {"grant_type": grant, "device_code": code, "client_id": "dialback"}
    answer = await api.ask("POST", "/device-token", None, data=form)
    problem = problem_of(answer)
    return answer.status_code, problem["reason"], problem.get("error", "")


async def person(api: ApiStage, name: str) -> Person:
    user = await api.directory.get(User, MAIN, UserId(name))
    assert user is not None
    opened = await api.authenticator.open(user, SignInKind.BROWSER, "password", Origin("192.0.2.9"))
    return Person(user, user.role, opened.sign_in)


async def token_sha256(
    api: ApiStage, user: str, tenant: TenantId = MAIN, kind: TokenKind = TokenKind.CONNECTION
) -> TokenHash:
    """Keep a token of the user's for the office, and return its hash."""
    hash, until = hash_token(f"{kind} of {tenant}/{user}"), api.now + timedelta(minutes=10)
    office = ResourceName("office")
    token = ConnectionToken(hash, tenant, UserId(user), UserName(user), office, api.now, until, kind=kind)
    await api.store.save_token(token)
    return hash


async def revoked(api: ApiStage, hash: TokenHash) -> bool:
    token, _ = await api.store.token(hash)
    return token is not None and token.revoked_at is not None


async def test_command_line_is_let_in_by_a_person(api: ApiStage) -> None:
    begun = await api.good("POST", "/device-code", None)
    assert begun["verification_uri"] == "https://gw.example.org/device"
    assert begun["verification_uri_complete"].endswith(f"/device?user_code={begun['user_code']}")
    assert begun["expires_in"] == 900
    assert await polled(api, begun["device_code"]) == (400, "device-code-pending", "authorization_pending")

    assert await api.authenticator.approve_device(begun["user_code"], await person(api, "uma"))
    form = {"grant_type": GRANT, "device_code": begun["device_code"]}
    answer = await api.ask("POST", "/device-token", None, data=form)

    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 30 * 24 * 3600)
    assert (await api.good("GET", "/me", bearer=token["access_token"]))["name"] == "uma"
    assert await polled(api, begun["device_code"]) == (400, "device-code-expired", "expired_token")


async def test_command_line_that_is_refused_or_late_is_told(api: ApiStage) -> None:
    denied = await api.good("POST", "/device-code", None)
    await api.authenticator.deny_device(denied["user_code"])
    assert await polled(api, denied["device_code"]) == (400, "device-code-denied", "access_denied")

    late = await api.good("POST", "/device-code", None)
    api.now += timedelta(minutes=16)
    assert await polled(api, late["device_code"]) == (400, "device-code-expired", "expired_token")
    assert await polled(api, "unknown") == (400, "device-code-expired", "expired_token")
    assert (await polled(api, "x", "password"))[:2] == (422, "request-invalid")


async def test_address_that_begins_too_often_must_wait(api: ApiStage) -> None:
    answers = [await api.ask("POST", "/device-code", None) for _ in range(200)]

    assert {answer.status_code for answer in answers} == {200, 429}
    assert problem_of(answers[-1])["reason"] == Reason.SIGN_IN_LOCKED


async def test_caller_learns_who_they_are(api: ApiStage) -> None:
    token = await api.token(Scope.AUDIT_READ)

    assert await api.good("GET", "/me", "main/hella") == {
        "tenant": "main",
        "kind": "user",
        "name": "hella",
        "user": "hella",
        "role": "helpdesk",
        "scopes": [],
    }
    assert await api.good("GET", "/me", bearer=token) == {
        "tenant": "main",
        "kind": "token",
        "name": "robot",
        "user": None,
        "role": None,
        "scopes": ["audit:read"],
    }


async def test_caller_sees_what_they_may_use(api: ApiStage) -> None:
    assert [each["name"] for each in (await api.good("GET", "/me/resources", "main/uma"))["items"]] == [
        "office"
    ]
    assert (await api.good("GET", "/me/resources", "main/hella"))["items"] == []


async def test_signed_out_caller_is_nobody(api: ApiStage) -> None:
    await api.good("DELETE", "/me/sign-in", "main/uma")

    assert (await api.bad("GET", "/me", "main/uma"))[0] == 401


async def test_connection_file_opens_the_resource_for_its_user(api: ApiStage) -> None:
    answer = await api.ask("POST", "/connection-files", "main/uma", json={"resource": "office", "minutes": 5})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-rdp"
    assert answer.headers["content-disposition"] == 'attachment; filename="office.rdp"'
    assert answer.headers["cache-control"] == "no-store"
    settings = {each.name: each.value for each in rdpfile.parse(rdpfile.decode(answer.content))}
    assert (settings["full address"], settings["username"]) == ("office", "uma")
    token, _ = await api.store.token(hash_token(str(settings["gatewayaccesstoken"])))
    assert token is not None
    assert (token.tenant, token.user_id, token.expires_at) == ("main", "uma", api.now + timedelta(minutes=5))
    assert api.notes.actions == [("connection-file.make", "resource:office")]


@pytest.mark.parametrize(
    ("by", "user", "status", "reason"),
    [
        ("uma", "uma", 200, ""),
        ("uma", "hella", 403, "role-lacking"),
        ("hella", "uma", 403, "role-lacking"),
        ("adam", "uma", 200, ""),
        ("adam", "hella", 404, "not-there"),
        ("adam", "olga", 403, "role-lacking"),
        ("adam", "nobody", 404, "not-there"),
    ],
)
async def test_connection_file_for_somebody_else_is_for_administrators(
    api: ApiStage, by: str, user: str, status: int, reason: str
) -> None:
    answer = await api.ask(
        "POST", "/connection-files", f"main/{by}", json={"resource": "office", "user": user}
    )

    assert answer.status_code == status
    if reason:
        assert problem_of(answer)["reason"] == reason


async def test_token_makes_files_for_named_users_alone(api: ApiStage) -> None:
    token = await api.token(Scope.SESSIONS_WRITE)

    assert await api.bad("POST", "/connection-files", bearer=token, json={"resource": "office"}) == (
        403,
        "person-needed",
    )
    body = {"resource": "office", "user": "uma"}
    assert (await api.ask("POST", "/connection-files", bearer=token, json=body)).status_code == 200


async def test_resource_that_is_not_ones_own_is_not_there(api: ApiStage) -> None:
    for resource in ("none", "acme-office", "a\0b"):
        body = {"resource": resource}
        assert await api.bad("POST", "/connection-files", "main/uma", json=body) == (404, "not-there")


@pytest.mark.parametrize(
    ("by", "user", "status", "reason"),
    [
        ("uma", "uma", 204, ""),
        ("uma", "hella", 404, "not-there"),
        ("hella", "uma", 403, "role-lacking"),
        ("hella", "hella", 204, ""),
        ("adam", "uma", 204, ""),
        ("adam", "olga", 403, "role-lacking"),
        ("adam", "gone", 204, ""),
        ("olga", "adam", 204, ""),
    ],
)
async def test_file_is_revoked_by_its_user_or_an_administrator(
    api: ApiStage, by: str, user: str, status: int, reason: str
) -> None:
    hash = await token_sha256(api, user)

    answer = await api.ask("POST", "/connection-files/revoke", f"main/{by}", json={"token_sha256": hash})

    assert answer.status_code == status
    assert await revoked(api, hash) is (status == 204)
    if reason:
        assert problem_of(answer)["reason"] == reason


async def test_file_of_a_feed_is_revoked_by_a_program(api: ApiStage) -> None:
    hash = await token_sha256(api, "uma", kind=TokenKind.TICKET)

    bearer = await api.token(Scope.SESSIONS_WRITE)
    await api.good("POST", "/connection-files/revoke", bearer=bearer, json={"token_sha256": hash})

    assert await revoked(api, hash)


async def test_token_that_is_not_of_the_tenants_users_is_answered_as_one_that_is_unknown(
    api: ApiStage,
) -> None:
    theirs = await token_sha256(api, "uma", ACME)
    # Staff of the provider, under an id that a user of the tenant has too.
    visit = await token_sha256(api, "uma", kind=TokenKind.PROVIDER)

    for by in ("main/uma", "main/adam", "main/olga"):
        answers = [
            await api.ask("POST", "/connection-files/revoke", by, json={"token_sha256": hash})
            for hash in (theirs, visit, "ab" * 32)
        ]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.content for answer in answers}) == 1
    assert not await revoked(api, theirs)
    assert not await revoked(api, visit)
    assert not api.notes.entries


@pytest.mark.parametrize("said", ["", "ab", "AB" * 32, "ab" * 32 + "\n", "x" * 64])
async def test_what_is_no_hash_is_refused(api: ApiStage, said: str) -> None:
    body = {"token_sha256": said}
    assert await api.bad("POST", "/connection-files/revoke", json=body) == (422, "request-invalid")
