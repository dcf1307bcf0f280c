"""Every route of the API against its entry in the table of needs."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import Request

from dialback.domain.accounts import Origin, Scope, SignInKind
from dialback.domain.audit import Actor, ActorKind
from dialback.domain.ids import UserId
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Role, User
from dialback.web.api.application import make_api
from dialback.web.api.guard import LOCAL_METHOD
from dialback.web.api.needs import NEEDS
from dialback.web.api.parts import Api, Caller
from tests.web.api.stage import PEOPLE, ApiStage, names_acme, problem_of

BODIES: dict[str, dict[str, Any]] = {
    "save_tenant": {"name": "X"},
    "save_user": {"name": "new"},
    "save_group": {"name": "New"},
    "save_workspace": {"name": "New"},
    "save_host_pool": {"name": "New"},
    "save_pool_host": {},
    "save_application_group": {"name": "New", "pool": "pool"},
    "save_resource": {"name": "new", "title": "New", "application_group": "desktops"},
    "make_join_code": {"name": "x"},
    "message_session": {"text": "x"},
    "read_reach_end": {"token": "x" * 43},
    "approve": {"number": 42},
    "make_connection_file": {"resource": "office"},
    "revoke_connection_file": {"token_sha256": "ab" * 32},
    "make_api_token": {"name": "x", "scopes": ["audit:read"]},
    "save_served_tenant": {"name": "X"},
    "save_terms": {},
    "save_staff": {"name": "x"},
    "reach_host": {"tenant": "acme", "host": "acme-desk-1", "purpose": "x"},
    "save_consent_grant": {"grant": "x"},
    "save_consent_key": {"public_key": "ab" * 32},
}
OTHERS = {
    "users": "uma",
    "groups": "acme-staff",
    "workspaces": "acme-work",
    "host-pools": "acme-pool",
    "hosts": "acme-desk-1",
    "application-groups": "acme-desktops",
    "resources": "acme-office",
    "connections": "acme-c-uma",
    "approvals": "acme-a-uma",
    "sessions": "acme-desk-1",
    "api-tokens": "acme-token",
    "consent": "acme-request",
    "flights": "acme-flight",
    "provider": "acme-request",
}
"""An id of the other tenant for each family."""


def operations(api: ApiStage) -> list[tuple[str, str, str]]:
    """Return method, path and operation id of every route."""
    return [
        (method.upper(), path, operation["operationId"])
        for path, methods in api.app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def filled(path: str) -> str:
    for name in ("{id}", "{user_id}", "{group_id}", "{host_id}", "{tenant}", "{name}"):
        path = path.replace(name, "x")
    return path


def body_of(operation: str) -> dict[str, Any]:
    return {"json": BODIES[operation]} if operation in BODIES else {}


async def test_every_operation_has_an_entry_and_every_entry_an_operation(api: ApiStage) -> None:
    assert sorted(operation for _, _, operation in operations(api)) == sorted(NEEDS)


async def test_nobody_passes_without_a_bearer(api: ApiStage) -> None:
    for method, path, operation in operations(api):
        if NEEDS[operation].role is not None:
            answer = await api.ask(method, filled(path), by=None, **body_of(operation))
            assert problem_of(answer)["reason"] == "not-signed-in", operation
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_lower_role_is_refused_by_every_operation(api: ApiStage) -> None:
    refused = 0
    for method, path, operation in operations(api):
        role = NEEDS[operation].role
        for name in [name for name in PEOPLE if role and not PEOPLE[name].includes(role)]:
            answer = await api.ask(method, filled(path), f"main/{name}", **body_of(operation))
            assert problem_of(answer)["reason"] == "role-lacking", (operation, name)
            assert PEOPLE[name].value in problem_of(answer)["detail"]
            refused += 1
    assert refused > len(NEEDS)


async def test_refusal_for_a_role_is_on_record(api: ApiStage) -> None:
    await api.ask("GET", "/users", "main/uma")

    entry = api.notes.entries[-1]
    assert (entry.action, entry.subject) == ("api.refused", "route:GET /users")
    assert (entry.actor.name, entry.detail, entry.allowed) == ("uma", "role-lacking", False)


async def test_whoever_is_not_on_the_staff_is_refused_by_every_operation_of_the_provider(
    api: ApiStage,
) -> None:
    refused = 0
    for method, path, operation in operations(api):
        wanted = NEEDS[operation].staff
        for who in ("main/olga", "acme/olga", "provider/nora", "provider/aida", "provider/tess"):
            member = await api.provider.staff(UserId(who.split("/")[1]))
            if wanted is None or (member is not None and member.role.includes(wanted)):
                continue
            answer = await api.ask(method, filled(path), who, **body_of(operation))
            assert problem_of(answer)["reason"] == "role-lacking", (operation, who)
            refused += 1
    assert refused > 50


async def test_staff_is_refused_from_outside_by_every_operation_of_the_provider(api: ApiStage) -> None:
    api.address = "198.51.100.7"
    for method, path, operation in operations(api):
        if NEEDS[operation].staff is not None:
            answer = await api.ask(method, filled(path), "provider/pia", **body_of(operation))
            assert problem_of(answer)["reason"] == "console-outside", operation


async def test_token_without_the_scope_is_refused_by_every_operation(api: ApiStage) -> None:
    for method, path, operation in operations(api):
        needs = NEEDS[operation]
        if needs.role is None or needs.scopes == frozenset(Scope):
            continue
        token = await api.token(*(frozenset(Scope) - needs.scopes))
        answer = await api.ask(method, filled(path), bearer=token, **body_of(operation))
        expected = "scope-lacking" if needs.scopes else "person-needed"
        assert problem_of(answer)["reason"] == expected, operation


async def test_ids_of_another_tenant_are_answered_as_if_not_there(api: ApiStage) -> None:
    asked = 0
    for method, path, operation in operations(api):
        family = path.split("/")[1]
        makes = method == "PUT" and path.count("{") == 1 and "icon" not in path
        if "{" not in path or makes or family == "users" or NEEDS[operation].staff is not None:
            continue
        first = path.split("{")[1].split("}")[0]
        theirs = path.replace(f"{{{first}}}", OTHERS[family]).replace("{id}", "1")
        nowhere = path.replace(f"{{{first}}}", "nowhere").replace("{id}", "1")
        answers = [
            await api.ask(method, filled(each), "main/olga", **body_of(operation))
            for each in (theirs, nowhere)
        ]
        assert [answer.status_code for answer in answers] == [404, 404], operation
        assert answers[0].content == answers[1].content
        asked += 1
    assert asked > 25
    assert not api.notes.entries


async def test_lists_hold_nothing_of_another_tenant(api: ApiStage) -> None:
    lists = [
        path
        for method, path, operation in operations(api)
        if method == "GET" and "{" not in path and NEEDS[operation].staff is None
    ]
    await api.token(Scope.AUDIT_READ, tenant=MAIN)
    for path in lists:
        answer = await api.ask("GET", path, "main/olga")
        assert answer.status_code == 200, path
        assert not names_acme(answer), path


async def test_saving_under_another_tenants_id_makes_a_thing_of_ones_own(api: ApiStage) -> None:
    await api.good("PUT", "/groups/acme-staff", json={"name": "Mine"})

    assert (await api.good("GET", "/groups/acme-staff", "acme/adam"))["name"] == "Staff"
    assert (await api.good("GET", "/groups/acme-staff"))["name"] == "Mine"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic dTpw", "Bearer " + "x" * 300, "bearer wrong", "Bearer \u00e9"]
)
async def test_credentials_that_are_none_are_told_alike(api: ApiStage, value: str) -> None:
    answer = await api.ask("GET", "/me", None, headers={"Authorization": value.encode("latin-1")})

    assert (answer.status_code, problem_of(answer)["reason"]) == (401, "not-signed-in")


async def test_scheme_is_taken_in_any_case(api: ApiStage) -> None:
    headers = {"Authorization": f"bEaReR {api.bearers['main/uma']}"}

    assert (await api.ask("GET", "/me", None, headers=headers)).status_code == 200


async def test_bearer_is_refused_once_expired_ended_or_of_another_kind(api: ApiStage) -> None:
    uma = await api.directory.get(User, MAIN, "uma")
    assert uma is not None
    browser = await api.authenticator.open(uma, SignInKind.BROWSER, "password", Origin("192.0.2.7"))
    assert (await api.bad("GET", "/me", bearer=browser.secret.reveal()))[0] == 401

    await api.authenticator.end(Secret(api.bearers["main/hella"]))
    assert (await api.bad("GET", "/me", "main/hella"))[0] == 401

    token = await api.token(Scope.AUDIT_READ)
    api.now += timedelta(days=400)
    assert (await api.bad("GET", "/me", "main/uma"))[0] == 401
    assert (await api.ask("GET", "/me", bearer=token)).status_code == 200


async def test_role_is_asked_at_each_request(api: ApiStage) -> None:
    await api.good("GET", "/users", "main/hella")

    await api.good("PUT", "/users/hella", json={"name": "hella"})

    assert await api.bad("GET", "/users", "main/hella") == (403, "role-lacking")


async def test_role_of_a_group_counts(api: ApiStage) -> None:
    await api.good("PUT", "/groups/staff", json={"name": "Staff", "role": "helpdesk"})
    await api.good("PUT", "/groups/staff/members/uma")

    assert (await api.good("GET", "/me", "main/uma"))["role"] == "helpdesk"


async def test_nothing_of_a_request_is_read_before_its_caller_is_known(api: ApiStage) -> None:
    answer = await api.ask("PUT", "/users/x", None, content=b"no json")

    assert answer.status_code == 401


async def test_local_caller_is_audited_as_such(api: ApiStage) -> None:
    olga = await api.directory.get(User, MAIN, UserId("olga"))
    assert olga is not None
    opened = await api.authenticator.open(olga, SignInKind.CLI, LOCAL_METHOD, Origin("127.0.0.1", "root"))

    await api.good("PUT", "/groups/new", bearer=opened.secret.reveal(), json={"name": "New"})

    actor = api.notes.entries[-1].actor
    assert (actor.kind, actor.name) == (ActorKind.LOCAL, "root")


async def test_token_has_no_power_that_its_maker_lost(api: ApiStage) -> None:
    made = await api.good("POST", "/api-tokens", json={"name": "x", "scopes": ["directory:write"]})
    token = made["secret"]
    await api.good("PUT", "/groups/new", bearer=token, json={"name": "New"})

    await api.good("PUT", "/users/adam", "main/olga", json={"name": "adam", "role": "helpdesk"})
    await api.good("GET", "/users", bearer=token)
    for method, path, body in (
        ("PUT", "/users/new", {"name": "new", "role": "administrator"}),
        ("DELETE", "/groups/new", None),
    ):
        assert await api.bad(method, path, bearer=token, json=body) == (403, "role-lacking")

    await api.good("POST", "/users/adam/disable", "main/olga")
    assert await api.bad("POST", "/users/adam/enable", bearer=token) == (401, "not-signed-in")


async def test_token_that_was_made_on_the_server_is_nobodys(api: ApiStage) -> None:
    olga = await api.directory.get(User, MAIN, UserId("olga"))
    assert olga is not None
    local = await api.authenticator.open(olga, SignInKind.CLI, LOCAL_METHOD, Origin("127.0.0.1", "root"))
    body = {"name": "x", "scopes": ["directory:write"]}
    made = await api.good("POST", "/api-tokens", bearer=local.secret.reveal(), json=body)

    await api.directory.remove(User, MAIN, olga.id)

    await api.good("PUT", "/groups/new", bearer=made["secret"], json={"name": "New"})


async def test_token_is_audited_by_its_name(api: ApiStage) -> None:
    token = await api.token(Scope.DIRECTORY_WRITE)

    await api.good("PUT", "/groups/new", bearer=token, json={"name": "New"})

    actor = api.notes.entries[-1].actor
    assert (actor.kind, actor.name, actor.address) == (ActorKind.TOKEN, "robot", "192.0.2.7")


def test_owner_alone_may_everything() -> None:
    assert all(needs.role is None or Role.OWNER.includes(needs.role) for needs in NEEDS.values())


async def test_what_else_says_who_calls_is_asked_instead_of_a_bearer(api: ApiStage) -> None:
    uma = await api.directory.get(User, MAIN, "uma")

    async def who(_: Api, request: Request) -> Caller | None:
        known = "x-known" in request.headers
        return Caller(MAIN, Actor(ActorKind.LOCAL, "root"), Role.USER, uma) if known else None

    api.app = make_api(api.api, who)

    assert await api.bad("GET", "/me", "main/olga") == (401, "not-signed-in")
    told = await api.good("GET", "/me", None, headers={"X-Known": "yes"})
    assert (told["kind"], told["name"]) == ("local", "uma")
    # The table counts for them too.
    assert await api.bad("GET", "/users", None, headers={"X-Known": "yes"}) == (403, "role-lacking")
