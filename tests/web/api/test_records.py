from datetime import timedelta

from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from tests.web.api.stage import ACME, ApiStage


async def written(api: ApiStage) -> None:
    for tenant, action, name in (
        (MAIN, "pool.save", "adam"),
        (ACME, "pool.save", "adam"),
        (MAIN, "user.save", "olga"),
        (MAIN, "user.disable", "adam"),
    ):
        await api.audit.write(AuditEntry(tenant, api.now, Actor(ActorKind.USER, name), action))


async def test_audit_log_is_paged_and_filtered_newest_first(api: ApiStage) -> None:
    await written(api)

    async def seen(query: str) -> list[str]:
        return [each["action"] for each in (await api.good("GET", f"/audit{query}"))["items"]]

    assert await seen("") == ["user.disable", "user.save", "pool.save"]
    assert await seen("?action=user.") == ["user.disable", "user.save"]
    assert await seen("?actor=adam") == ["user.disable", "pool.save"]
    first = await api.good("GET", "/audit?limit=2")
    assert await seen(f"?after={first['after']}") == ["pool.save"]
    assert (await api.good("GET", "/audit"))["after"] == ""


async def test_audit_query_that_is_none_is_refused(api: ApiStage) -> None:
    for query in ("after=x", "after=-1", "action=%00", "after=" + "9" * 30):
        assert (await api.bad("GET", f"/audit?{query}")) == (422, "request-invalid")


async def test_token_is_made_listed_without_its_secret_and_revoked(api: ApiStage) -> None:
    body = {"name": "robot", "scopes": ["audit:read", "hosts:read"], "days": 1}
    made = await api.good("POST", "/api-tokens", json=body)

    assert (made["created_by"], made["scopes"]) == ("adam", ["audit:read", "hosts:read"])
    assert made["expires_at"].startswith((api.now + timedelta(days=1)).date().isoformat())
    assert await api.authenticator.program(Secret(made["secret"])) is not None
    listed = await api.ask("GET", "/api-tokens")
    assert made["secret"] not in listed.text
    assert [each["id"] for each in listed.json()["items"]] == [made["id"]]
    assert made["secret"] not in str(api.notes.entries)

    await api.good("DELETE", f"/api-tokens/{made['id']}")
    await api.good("DELETE", f"/api-tokens/{made['id']}")
    assert (await api.bad("GET", "/me", bearer=made["secret"]))[0] == 401
    assert [action for action, _ in api.notes.actions] == ["api-token.make", "api-token.revoke"]


async def test_token_of_another_tenant_cannot_be_revoked(api: ApiStage) -> None:
    made = await api.good("POST", "/api-tokens", "acme/adam", json={"name": "x", "scopes": ["audit:read"]})

    assert await api.bad("DELETE", f"/api-tokens/{made['id']}") == (404, "not-there")
    assert (await api.ask("GET", "/me", bearer=made["secret"])).status_code == 200


async def test_token_that_cannot_be_is_not_made(api: ApiStage) -> None:
    for body in (
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["all"]},
        {"name": "", "scopes": ["audit:read"]},
        {"name": "x", "scopes": ["audit:read"], "days": 0},
    ):
        assert (await api.bad("POST", "/api-tokens", json=body)) == (422, "request-invalid")
