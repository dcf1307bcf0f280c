"""A technician asks for a way to a host, and hears what became of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialback.domain.access import TokenKind
from dialback.domain.audit import ActorKind
from dialback.domain.consent import ConsentScope
from dialback.domain.hosts import HostReport, RdpServer
from dialback.domain.ids import ConnectionId, GrantId, HostId, ResourceName, TokenHash, UserId, UserName
from dialback.domain.live import LiveConnection
from dialback.domain.provider import KeptGrant
from dialback.identity.grants import build, sign
from dialback.identity.tokens import hash_token
from tests.web.api.stage import ACME, ADDRESS, ApiStage
from tests.web.api.test_provider import local

PATH = "/provider/connections"
ASKED = {"tenant": "acme", "host": "acme-desk-1", "purpose": "the printer is stuck", "ticket_number": "T-7"}


async def asked(api: ApiStage, **more: Any) -> Any:
    return await api.good("POST", PATH, "provider/tess", json={**ASKED, **more})


async def test_technician_is_given_a_way_that_opens_one_request(api: ApiStage) -> None:
    servers = (
        RdpServer("unix:/run/x", False),
        RdpServer("127.0.0.1:3390", True, certificate_sha256="ab" * 32, signed_at="then", signature="s"),
        RdpServer("127.0.0.1:3391", True, certificate_sha256="cd" * 32),
    )
    await api.store.save_report(HostId("acme-desk-1"), HostReport("pc", "Debian", "1", servers), api.now)
    given = await asked(api)
    request = await api.provider.consent_request(ACME, given["request"])
    assert request is not None
    assert len(request.id) == 16
    assert set(request.id) <= set("0123456789abcdef")
    assert (request.staff, request.role, request.host) == ("tess", "technician", "acme-desk-1")
    assert (request.scope, request.target) == (ConsentScope.DESKTOP, "127.0.0.1:3390")
    assert (request.purpose, request.ticket_number) == ("the printer is stuck", "T-7")
    token, _ = await api.store.token(hash_token(given["token"]))
    assert token is not None
    assert (token.tenant, token.user_id, token.user) == (ACME, "tess", "tess")
    assert (token.kind, token.resource) == (TokenKind.PROVIDER, request.id)
    assert token.expires_at == api.now + timedelta(hours=8)
    del given["token"]
    assert given == {
        "request": request.id,
        "alias": request.id,
        "address": ADDRESS,
        "expires_at": "2026-03-01T20:00:00Z",
        "tenant": "acme",
        "host": "acme-desk-1",
        "host_name": "desk",
        "host_key": b"k".hex() * 32,
        "target": "127.0.0.1:3390",
        "certificates": {"127.0.0.1:3390": "ab" * 32, "127.0.0.1:3391": "cd" * 32},
        "signatures": {"127.0.0.1:3390": {"signed_at": "then", "signature": "s"}},
        "state": "waiting",
    }


async def test_both_sides_have_it_in_their_audit_log(api: ApiStage) -> None:
    given = await asked(api)
    mine, theirs = api.notes.entries
    assert (mine.tenant, mine.action, mine.subject) == ("provider", "connection.ask", "host:acme/acme-desk-1")
    assert (theirs.tenant, theirs.action) == ("acme", "consent.ask")
    assert theirs.subject == f"consent-request:{given['request']}"
    assert (theirs.actor.kind, theirs.actor.name) == (ActorKind.USER, "provider\\tess")
    assert "the printer is stuck" in theirs.detail


async def test_what_needs_no_target_has_none(api: ApiStage) -> None:
    given = await asked(api, scope="facts")
    assert given["target"] == ""
    body = {**ASKED, "scope": "facts", "target": "127.0.0.1:1"}
    assert (await api.bad("POST", PATH, "provider/tess", json=body))[0] == 422
    assert (await asked(api, target="127.0.0.1:3391"))["target"] == "127.0.0.1:3391"


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": ""},
        {"purpose": " "},
        {"purpose": "a\nb"},
        {"purpose": "\x1b[2J"},
        {"purpose": "\u202e"},
        {"purpose": "x" * 401},
        {"ticket_number": "\x07"},
        {"scope": "everything"},
        {"target": "nowhere"},
        {"target": "a:1\n"},
        {"minutes": 0},
        {"minutes": 100_000},
    ],
)
async def test_what_breaks_a_rule_is_refused_and_nothing_is_asked(
    api: ApiStage, change: dict[str, object]
) -> None:
    before = await api.provider.consent_requests(ACME)
    answer = await api.bad("POST", PATH, "provider/tess", json={**ASKED, **change})
    assert answer == (422, "request-invalid")
    assert await api.provider.consent_requests(ACME) == before


async def test_purpose_is_mandatory(api: ApiStage) -> None:
    body = {name: value for name, value in ASKED.items() if name != "purpose"}
    assert (await api.bad("POST", PATH, "provider/tess", json=body))[0] == 422


@pytest.mark.parametrize("who", ["timo", "pia"])
async def test_nobody_reaches_a_tenant_they_do_not_serve(api: ApiStage, who: str) -> None:
    for tenant in ("acme", "nobody", "a b"):
        answer = await api.bad("POST", PATH, f"provider/{who}", json={**ASKED, "tenant": tenant})
        assert answer == (403, "staff-not-assigned")
    assert {(entry.action, entry.allowed) for entry in api.notes.entries} == {("connection.ask", False)}


async def test_whoever_has_the_data_folder_is_on_no_staff(api: ApiStage) -> None:
    answer = await api.bad("POST", PATH, bearer=await local(api), json=ASKED)
    assert answer == (403, "staff-not-assigned")


async def test_console_outside_is_refused(api: ApiStage) -> None:
    api.address = "198.51.100.7"
    assert await api.bad("POST", PATH, "provider/tess", json=ASKED) == (403, "console-outside")


async def test_terms_are_kept(api: ApiStage) -> None:
    terms = await api.provider.terms(ACME)
    for change, reason in (
        ({"suspended_at": api.now}, "tenant-suspended"),
        ({"ends_at": api.now}, "tenant-lease-over"),
        ({"begins_at": api.now + timedelta(1)}, "tenant-lease-over"),
        ({"most_connections": 1}, "tenant-limit"),
        ({"most_bytes_month": 10}, "tenant-limit"),
    ):
        await api.provider.save_terms(replace(terms, version=0, **change))
        if reason == "tenant-limit":
            await api.provider.add_bytes(ACME, "2026-03", 10)
            api.cuts.going_on = [_live()]
        assert await api.bad("POST", PATH, "provider/tess", json=ASKED) == (403, reason)


def _live() -> LiveConnection:
    return LiveConnection(
        ConnectionId("c"), ACME, UserId("u"), UserName("u"), ResourceName("r"), TokenHash("h"), "::1"
    )


async def test_host_must_be_the_tenants_and_not_removed(api: ApiStage) -> None:
    for host in ("desk-1", "lost", "a b"):
        assert await api.bad("POST", PATH, "provider/tess", json={**ASKED, "host": host}) == (
            404,
            "not-there",
        )
    await api.store.revoke_host(HostId("acme-desk-1"), api.now)
    assert await api.bad("POST", PATH, "provider/tess", json=ASKED) == (403, "host-revoked")


async def test_state_follows_what_the_tenant_answers(api: ApiStage) -> None:
    given = await asked(api)
    path = f"{PATH}/{given['request']}?tenant=acme"
    assert (await api.good("GET", path, "provider/tess"))["state"] == "waiting"
    await api.good("POST", f"/consent/requests/{given['request']}/deny", "acme/adam")
    found = await api.good("GET", path, "provider/tess")
    assert (found["state"], found["purpose"], found["staff"]) == ("denied", "the printer is stuck", "tess")


async def test_grant_of_any_number_of_uses_answers_what_is_asked_later(api: ApiStage) -> None:
    first = await api.provider.consent_request(ACME, "acme-request")
    assert first is not None
    grant = api.grant(first, "standing")
    text = build(sign(grant, api.consent_key.public_bytes, api.consent_key.sign))
    await api.provider.save_grant(KeptGrant(ACME, GrantId("standing"), first.id, text, grant.until))
    assert (await asked(api))["state"] == "granted"
    assert (await asked(api, target="127.0.0.1:1"))["state"] == "waiting"
    await api.provider.revoke_grant(ACME, GrantId("standing"), api.now)
    assert (await asked(api))["state"] == "waiting"


async def test_technician_hears_of_their_own_alone_and_others_of_all_they_serve(api: ApiStage) -> None:
    path = f"{PATH}/{(await asked(api))['request']}"
    for who, status in (("tess", 200), ("aida", 200), ("pia", 200), ("timo", 404)):
        answer = await api.ask("GET", f"{path}?tenant=acme", f"provider/{who}")
        assert answer.status_code == status, who
    await api.good("PUT", "/provider/staff/timo", "provider/pia", json={"name": "timo", "tenants": ["acme"]})
    for query in ("?tenant=acme", "?tenant=main", "?tenant=nobody"):
        assert await api.bad("GET", path + query, "provider/timo") == (404, "not-there")
    assert await api.bad("GET", f"{PATH}/lost?tenant=acme", "provider/tess") == (404, "not-there")
    assert await api.bad("GET", path, "provider/tess") == (422, "request-invalid")
