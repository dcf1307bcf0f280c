"""Every operation that changes something, each followed by what the audit log has of it."""

from typing import Any

from dialback.domain.audit import Actor, ActorKind
from dialback.domain.tenancy import MAIN
from dialback.web.api.own import GRANT
from tests.web.api.stage import ApiStage
from tests.web.api.test_catalog import picture
from tests.web.api.test_consent import request_of, text_of
from tests.web.api.test_guard import operations
from tests.web.api.test_own import person, token_sha256

WITHOUT = {"begin_device_code", "read_reach_end"}
"""The first decides nothing: a person does so on the page where the code is typed, which notes it. The second
only reads; it is no GET because a token does not belong into an address."""

CHANGES: tuple[tuple[str, str, str, str, Any, str], ...] = (
    ("save_tenant", "main/olga", "PUT", "/tenant", {"name": "X"}, "tenant.save"),
    ("save_user", "main/adam", "PUT", "/users/ben", {"name": "ben"}, "user.save"),
    ("disable_user", "main/adam", "POST", "/users/ben/disable", None, "user.disable"),
    ("enable_user", "main/adam", "POST", "/users/ben/enable", None, "user.enable"),
    ("invite_user", "main/adam", "POST", "/users/ben/invite", None, "user.invite"),
    ("reset_codes", "main/adam", "POST", "/users/ben/reset-codes", None, "one-time-codes.remove"),
    ("end_sign_ins", "main/adam", "POST", "/users/ben/end-sign-ins", None, "sign-in.end"),
    ("revoke_files_of_user", "main/adam", "POST", "/users/ben/revoke-files", None, "connection-file.revoke"),
    ("save_group", "main/adam", "PUT", "/groups/g", {"name": "G"}, "group.save"),
    ("add_member", "main/adam", "PUT", "/groups/g/members/ben", None, "group.join"),
    ("remove_member", "main/adam", "DELETE", "/groups/g/members/ben", None, "group.leave"),
    ("remove_group", "main/adam", "DELETE", "/groups/g", None, "group.remove"),
    ("remove_user", "main/adam", "DELETE", "/users/ben", None, "user.remove"),
    ("save_workspace", "main/adam", "PUT", "/workspaces/w", {"name": "W"}, "workspace.save"),
    ("remove_workspace", "main/adam", "DELETE", "/workspaces/w", None, "workspace.remove"),
    ("save_host_pool", "main/adam", "PUT", "/host-pools/p", {"name": "P"}, "host-pool.save"),
    ("save_pool_host", "main/adam", "PUT", "/host-pools/p/hosts/desk-1", {}, "host-pool.host"),
    ("remove_pool_host", "main/adam", "DELETE", "/host-pools/p/hosts/desk-1", None, "host-pool.host-remove"),
    (
        "save_application_group",
        "main/adam",
        "PUT",
        "/application-groups/a",
        {"name": "A", "pool": "p"},
        "application-group.save",
    ),
    ("assign_user", "main/adam", "PUT", "/application-groups/a/users/uma", None, "application-group.assign"),
    (
        "unassign_user",
        "main/adam",
        "DELETE",
        "/application-groups/a/users/uma",
        None,
        "application-group.unassign",
    ),
    (
        "assign_group",
        "main/adam",
        "PUT",
        "/application-groups/a/groups/staff",
        None,
        "application-group.assign",
    ),
    (
        "unassign_group",
        "main/adam",
        "DELETE",
        "/application-groups/a/groups/staff",
        None,
        "application-group.unassign",
    ),
    (
        "save_resource",
        "main/adam",
        "PUT",
        "/resources/r",
        {"name": "r", "title": "R", "application_group": "a"},
        "resource.save",
    ),
    ("save_icon", "main/adam", "PUT", "/resources/r/icon", picture(), "resource.save"),
    ("remove_icon", "main/adam", "DELETE", "/resources/r/icon", None, "resource.save"),
    ("remove_resource", "main/adam", "DELETE", "/resources/r", None, "resource.remove"),
    (
        "remove_application_group",
        "main/adam",
        "DELETE",
        "/application-groups/a",
        None,
        "application-group.remove",
    ),
    ("remove_host_pool", "main/adam", "DELETE", "/host-pools/p", None, "host-pool.remove"),
    ("make_join_code", "main/adam", "POST", "/join-codes", {"name": "x"}, "join-code.make"),
    (
        "message_session",
        "main/hella",
        "POST",
        "/sessions/desk-1/1/message",
        {"text": "x"},
        "session.message",
    ),
    (
        "disconnect_session",
        "main/hella",
        "POST",
        "/sessions/desk-1/1/disconnect",
        None,
        "session.disconnect",
    ),
    ("log_off_session", "main/uma", "POST", "/sessions/desk-1/1/log-off", None, "session.log-off"),
    ("cut_connection", "main/hella", "POST", "/connections/c-uma/cut", None, "connection.cut"),
    ("approve", "main/uma", "POST", "/approvals/a-uma/approve", {"number": 42}, "connection.approve"),
    ("deny", "main/hella", "POST", "/approvals/a-hella/deny", None, "connection.deny"),
    (
        "make_connection_file",
        "main/uma",
        "POST",
        "/connection-files",
        {"resource": "office"},
        "connection-file.make",
    ),
    ("deny_consent", "main/adam", "POST", "/consent/requests/request/deny", None, "consent.deny"),
    ("revoke_consent_grant", "main/adam", "DELETE", "/consent/grants/request", None, "consent.revoke"),
    (
        "save_consent_key",
        "main/adam",
        "PUT",
        "/consent/keys/ben",
        {"public_key": "ab" * 32},
        "consent-key.save",
    ),
    ("remove_consent_key", "main/adam", "DELETE", "/consent/keys/ben", None, "consent-key.remove"),
    ("save_served_tenant", "provider/pia", "PUT", "/provider/tenants/new", {"name": "New"}, "tenant.save"),
    ("save_terms", "provider/pia", "PUT", "/provider/tenants/new/terms", {"tags": ["x"]}, "terms.save"),
    ("save_staff", "provider/pia", "PUT", "/provider/staff/max", {"name": "max"}, "staff.save"),
    ("save_staff", "provider/pia", "PUT", "/provider/staff/max", {"name": "moritz"}, "staff.rename"),
    ("invite_staff", "provider/pia", "POST", "/provider/staff/max/invite", None, "staff.invite"),
    ("remove_staff", "provider/pia", "DELETE", "/provider/staff/max", None, "staff.remove"),
    (
        "reach_host",
        "provider/tess",
        "POST",
        "/provider/connections",
        {"tenant": "acme", "host": "acme-desk-1", "purpose": "x"},
        "connection.ask",
    ),
    ("revoke_host", "main/adam", "DELETE", "/hosts/desk-1", None, "host.revoke"),
)
"""Operation, who, method, path, body, and the action that is noted."""

APART = {
    "revoke_connection_file",
    "save_consent_grant",
    "make_api_token",
    "revoke_api_token",
    "revoke_workspace_password",
    "poll_device_code",
    "sign_out",
    "prove_reach",
}
"""What needs something made before; the tests below do these."""


def test_every_operation_that_changes_something_is_looked_at(api: ApiStage) -> None:
    changing = {operation for method, _, operation in operations(api) if method != "GET"}
    assert changing == {each[0] for each in CHANGES} | APART | WITHOUT


async def test_each_change_is_noted_with_who_made_it_and_from_where(api: ApiStage) -> None:
    for operation, who, method, path, body, action in CHANGES:
        api.notes.entries.clear()
        carried = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        answer = await api.ask(method, path, who, **carried)
        assert answer.status_code < 300, (operation, answer.text)
        tenant, name = who.split("/")
        mine = [entry for entry in api.notes.entries if entry.tenant == tenant]
        assert [entry.action for entry in mine] == [action], operation
        assert mine[0].actor == Actor(ActorKind.USER, name, api.address), operation
        assert mine[0].subject, operation


async def test_signed_grant_is_noted(api: ApiStage) -> None:
    text = text_of(api, api.grant(await request_of(api), "g1"))
    await api.good("PUT", "/consent/requests/request/grant", json={"grant": text})
    assert api.notes.actions == [("consent.grant", "consent-request:request")]


async def test_token_is_noted_when_it_is_made_and_revoked(api: ApiStage) -> None:
    body = {"name": "robot", "scopes": ["audit:read"]}
    made = await api.good("POST", "/api-tokens", "main/olga", json=body)
    await api.good("DELETE", f"/api-tokens/{made['id']}", "main/olga")
    assert [action for action, _ in api.notes.actions] == ["api-token.make", "api-token.revoke"]


async def test_workspace_password_is_noted_when_it_is_revoked(api: ApiStage) -> None:
    uma = (await person(api, "uma")).user
    password, _ = await api.authenticator.make_workspace_password(uma, "laptop")
    await api.good("DELETE", f"/users/uma/workspace-passwords/{password.id}")
    assert api.notes.actions == [("workspace-password.revoke", f"workspace-password:{password.id}")]


async def test_connection_file_is_noted_when_it_is_revoked_and_not_a_second_time(api: ApiStage) -> None:
    body = {"token_sha256": await token_sha256(api, "uma")}
    for _ in range(2):
        await api.good("POST", "/connection-files/revoke", json=body)
    (entry,) = api.notes.entries
    assert (entry.action, entry.subject) == ("connection-file.revoke", "resource:office")
    assert entry.detail == "for user uma"


async def test_command_line_is_noted_when_it_is_signed_in_and_out(api: ApiStage) -> None:
    begun = await api.good("POST", "/device-code", None)
    await api.authenticator.approve_device(begun["user_code"], await person(api, "uma"))
    form = {"grant_type": GRANT, "device_code": begun["device_code"]}
    token = (await api.ask("POST", "/device-token", None, data=form)).json()["access_token"]
    await api.ask("DELETE", "/me/sign-in", None, bearer=token)
    opened, ended = api.notes.entries
    assert (opened.tenant, opened.action, opened.detail) == (MAIN, "sign-in.open", "device code")
    assert opened.actor == ended.actor == Actor(ActorKind.USER, "uma", api.address)
    assert ended.action == "sign-in.end"


async def test_proof_of_a_certificate_is_noted(api: ApiStage) -> None:
    wanted = {"tenant": "acme", "host": "acme-desk-1", "purpose": "x"}
    asked = await api.good("POST", "/provider/connections", "provider/tess", json=wanted)
    api.notes.entries.clear()
    path = f"/provider/connections/{asked['request']}/proof?tenant=acme"
    proof = {"proven": "proven", "shown": "ab" * 32, "announced": "ab" * 32}

    answer = await api.ask("POST", path, "provider/tess", json=proof)

    assert answer.status_code == 204
    assert {entry.tenant for entry in api.notes.entries} >= {"provider"}
    assert {entry.action for entry in api.notes.entries} == {"connection.proof"}
