"""What the provider asks of a tenant, and what the tenant answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialback.domain.consent import MAX_APPROVERS, MAX_WAIT, ConsentRequest, ConsentScope, Grant
from dialback.domain.ids import GrantId, HostId, TenantId
from dialback.domain.provider import KeptGrant
from dialback.domain.tenancy import MAIN
from dialback.identity.grants import SignedGrant, build, fingerprint, parse, sign
from dialback.identity.host_keys import HostKey
from tests.web.api.stage import ACME, ApiStage, names_acme

BEN = HostKey.generate()
REQUESTS = "/consent/requests"
GRANTED = {"grant": "x"}


def text_of(api: ApiStage, grant: Grant, *keys: HostKey) -> str:
    signed: SignedGrant | None = None
    for key in keys or (api.consent_key,):
        signed = sign(grant, key.public_bytes, key.sign, signed)
    assert signed is not None
    return build(signed)


async def request_of(api: ApiStage, tenant: TenantId = MAIN, id: str = "request") -> ConsentRequest:
    request = await api.provider.consent_request(tenant, id)
    assert request is not None
    return request


async def put(api: ApiStage, text: str, id: str = "request", by: str = "main/adam") -> Any:
    return await api.good("PUT", f"{REQUESTS}/{id}/grant", by, json={"grant": text})


async def bad_put(api: ApiStage, text: str, id: str = "request") -> tuple[int, str]:
    return await api.bad("PUT", f"{REQUESTS}/{id}/grant", json={"grant": text})


async def test_administrator_sees_who_asks_for_what(api: ApiStage) -> None:
    granted, waiting = (await api.good("GET", REQUESTS))["items"]
    assert (waiting["id"], waiting["state"], waiting["grant"]) == ("request", "waiting", None)
    assert (waiting["staff"], waiting["role"], waiting["scope"]) == ("tess", "technician", "desktop")
    assert (waiting["host"], waiting["host_name"]) == ("desk-1", "desk")
    assert (waiting["purpose"], waiting["ticket_number"]) == ("printer", "T-1")
    assert (granted["id"], granted["state"]) == ("granted", "granted")
    assert granted["grant"]["signed_by"] == ["request"]
    assert [each["id"] for each in (await api.good("GET", f"{REQUESTS}?state=waiting"))["items"]] == [
        "request"
    ]
    assert len((await api.good("GET", f"{REQUESTS}?limit=1"))["items"]) == 1
    assert await api.good("GET", f"{REQUESTS}/request") == waiting


async def test_signed_grant_is_kept_and_told(api: ApiStage) -> None:
    grant = api.grant(await request_of(api), "g1")
    text = text_of(api, grant)
    view = await put(api, text)
    assert (view["id"], view["request"], view["state"]) == ("g1", "request", "granted")
    assert (view["signed_by"], view["signatures"], view["text"]) == (["request"], 1, text)
    assert view["grant"] == {
        "host": "desk-1",
        "staff": "tess",
        "scopes": ["desktop"],
        "targets": ["127.0.0.1:3389"],
        "purpose": "printer",
        "begins_at": "2026-03-01T12:00:00Z",
        "until": "2026-03-01T13:00:00Z",
        "approved_by": "adam",
        "ticket_number": "",
        "uses": 0,
    }
    assert api.consent_events.heard == [("granted", MAIN, "request")]
    assert api.notes.actions == [("consent.grant", "consent-request:request")]
    assert (await api.good("GET", f"{REQUESTS}/request"))["state"] == "granted"


async def test_second_approver_adds_a_signature_whatever_the_first_sends(api: ApiStage) -> None:
    grant = api.grant(await request_of(api), "g1")
    await api.good("PUT", "/consent/keys/ben", json={"public_key": BEN.public_bytes.hex()})
    await put(api, text_of(api, grant))
    view = await put(api, text_of(api, grant, BEN), by="main/olga")
    assert (view["signed_by"], view["signatures"]) == (["ben", "request"], 2)
    assert set(parse(view["text"]).signatures) == {
        fingerprint(key.public_bytes) for key in (BEN, api.consent_key)
    }
    again = await put(api, text_of(api, grant))
    assert again == view
    assert api.consent_events.heard == [("granted", MAIN, "request")] * 2


async def test_signature_of_a_key_nobody_registered_is_kept_and_not_named(api: ApiStage) -> None:
    view = await put(api, text_of(api, api.grant(await request_of(api), "g1"), BEN))
    assert (view["signed_by"], view["signatures"]) == ([], 1)


async def test_signature_that_does_not_hold_counts_for_nothing(api: ApiStage) -> None:
    signed = parse(text_of(api, api.grant(await request_of(api), "g1")))
    forged = SignedGrant(signed.body, dict.fromkeys(signed.signatures, b"\0" * 64))
    assert (await put(api, build(forged)))["signed_by"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": ACME},
        {"host": HostId("acme-desk-1")},
        {"staff": "timo"},
        {"scopes": frozenset({ConsentScope.FACTS})},
        {"targets": frozenset({"127.0.0.1:1"})},
    ],
)
async def test_grant_for_something_else_is_refused(api: ApiStage, change: dict[str, Any]) -> None:
    grant = api.grant(await request_of(api), "g1", **change)
    assert await bad_put(api, text_of(api, grant)) == (403, "grant-other")
    assert not api.consent_events.heard


async def test_what_is_no_grant_is_refused(api: ApiStage) -> None:
    good = text_of(api, api.grant(await request_of(api), "g1"))
    unsigned = build(SignedGrant(parse(good).body, {}))
    assert await bad_put(api, unsigned) == (403, "grant-unsigned")
    for text in (
        "",
        "x",
        "{}",
        "[" * 9000,
        '{"grant":"","signatures":{}}',
        good.replace('"grant":"', '"grant":"A'),
    ):
        assert await bad_put(api, text) == (403, "grant-invalid")
    assert await bad_put(api, "x" * 20_000) == (422, "request-invalid")


async def test_grant_that_is_over_is_refused(api: ApiStage) -> None:
    grant = api.grant(await request_of(api), "g1")
    api.now = grant.until
    assert await bad_put(api, text_of(api, grant)) == (403, "grant-expired")


async def test_grant_is_not_swapped_for_another_of_its_id(api: ApiStage) -> None:
    request = await request_of(api)
    await put(api, text_of(api, api.grant(request, "g1")))
    longer = api.grant(request, "g1", until=api.now + timedelta(days=7))
    assert await bad_put(api, text_of(api, longer)) == (403, "grant-other")
    taken = api.grant(request, "request")
    assert await bad_put(api, text_of(api, taken, api.consent_key, BEN)) == (403, "grant-other")


async def test_revoked_grant_takes_no_more_signatures(api: ApiStage) -> None:
    grant = api.grant(await request_of(api), "g1")
    await put(api, text_of(api, grant))
    await api.good("DELETE", "/consent/grants/g1")
    assert await bad_put(api, text_of(api, grant, BEN)) == (403, "grant-revoked")
    assert (await put(api, text_of(api, replace(grant, id=GrantId("g2")))))["state"] == "granted"


async def test_signatures_are_bounded(api: ApiStage) -> None:
    grant = api.grant(await request_of(api), "g1")
    for _ in range(MAX_APPROVERS):
        await put(api, text_of(api, grant, HostKey.generate()))
    assert await bad_put(api, text_of(api, grant, BEN)) == (403, "grant-invalid")


async def test_grant_that_others_keep_meanwhile_is_signed_on_top(
    api: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = api.grant(await request_of(api), "g1")
    save, raced = api.provider.save_grant, []

    async def save_after_another(kept: KeptGrant) -> bool:
        if not raced:
            raced.append(kept)
            text = text_of(api, grant, BEN)
            assert await save(replace(kept, text=text))
        return await save(kept)

    monkeypatch.setattr(api.provider, "save_grant", save_after_another)
    assert (await put(api, text_of(api, grant)))["signatures"] == 2


async def test_request_is_denied_once(api: ApiStage) -> None:
    await api.good("POST", f"{REQUESTS}/request/deny")
    view = await api.good("GET", f"{REQUESTS}/request")
    assert (view["state"], view["denied_by"]) == ("denied", "adam")
    assert api.consent_events.heard == [("denied", MAIN, "request")]
    assert await api.bad("POST", f"{REQUESTS}/request/deny") == (409, "already-decided")
    assert await api.bad("POST", f"{REQUESTS}/granted/deny") == (409, "already-decided")
    text = text_of(api, api.grant(await request_of(api), "g1"))
    assert await bad_put(api, text) == (409, "already-decided")


async def test_request_lapses_and_a_grant_ends(api: ApiStage) -> None:
    api.now += MAX_WAIT + timedelta(seconds=1)
    states = {each["id"]: each["state"] for each in (await api.good("GET", REQUESTS))["items"]}
    assert states == {"request": "lapsed", "granted": "expired"}


async def test_revoked_grant_is_told_and_listed(api: ApiStage) -> None:
    await api.good("DELETE", "/consent/grants/request")
    (grant,) = (await api.good("GET", "/consent/grants"))["items"]
    assert (grant["id"], grant["state"], grant["revoked_at"]) == (
        "request",
        "revoked",
        "2026-03-01T12:00:00Z",
    )
    assert api.consent_events.heard == [("revoked", MAIN, "request")]
    assert api.notes.actions == [("consent.revoke", "grant:request")]
    assert (await api.good("GET", f"{REQUESTS}/granted"))["state"] == "revoked"


async def test_text_that_was_changed_in_the_database_is_shown_as_none(api: ApiStage) -> None:
    until = api.now + timedelta(hours=1)
    await api.provider.save_grant(KeptGrant(MAIN, GrantId("g9"), "request", "forged", until))
    forged, _ = (await api.good("GET", "/consent/grants"))["items"]
    assert (forged["grant"], forged["signed_by"], forged["text"]) == (None, [], "forged")


async def test_consent_keys_are_registered_and_forgotten(api: ApiStage) -> None:
    view = await api.good("PUT", "/consent/keys/ben", json={"public_key": BEN.public_bytes.hex().upper()})
    assert view == {
        "name": "ben",
        "public_key": BEN.public_bytes.hex(),
        "fingerprint": fingerprint(BEN.public_bytes),
    }
    await api.good("PUT", "/consent/keys/ben", json={"public_key": view["public_key"]})
    assert [key["name"] for key in (await api.good("GET", "/consent/keys"))["items"]] == ["ben", "request"]
    await api.good("DELETE", "/consent/keys/ben")
    assert await api.bad("DELETE", "/consent/keys/ben") == (404, "not-there")
    assert api.notes.actions == [
        ("consent-key.save", "consent-key:ben"),
        ("consent-key.remove", "consent-key:ben"),
    ]


@pytest.mark.parametrize(
    ("name", "key"), [("ben", "short"), ("ben", "zz" * 32), ("%0a", "ab" * 32), ("x" * 65, "ab" * 32)]
)
async def test_key_that_is_none_is_refused(api: ApiStage, name: str, key: str) -> None:
    assert (await api.bad("PUT", f"/consent/keys/{name}", json={"public_key": key}))[0] == 422


async def test_keys_are_bounded(api: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialback.web.api.consent.MOST_KEYS", 1)
    body = {"public_key": BEN.public_bytes.hex()}
    assert (await api.bad("PUT", "/consent/keys/ben", json=body))[0] == 422
    await api.good("PUT", "/consent/keys/request", json=body)


async def test_nothing_is_told_where_nobody_listens(api: ApiStage) -> None:
    object.__setattr__(api.api, "consent_events", None)
    await put(api, text_of(api, api.grant(await request_of(api), "g1")))
    await api.good("DELETE", "/consent/grants/g1")
    api_request = replace(await request_of(api), id="third")
    await api.provider.ask_consent(api_request)
    await api.provider.revoke_grant(MAIN, GrantId("g1"), api.now)
    await api.good("POST", f"{REQUESTS}/third/deny")
    assert api.consent_events.heard == []


async def test_tenants_see_and_touch_nothing_of_each_other(api: ApiStage) -> None:
    theirs = await request_of(api, ACME, "acme-request")
    text = text_of(api, api.grant(theirs, "g1"))
    key = {"public_key": BEN.public_bytes.hex()}
    for method, path, body in [
        ("GET", f"{REQUESTS}/{{}}", None),
        ("POST", f"{REQUESTS}/{{}}/deny", None),
        ("PUT", f"{REQUESTS}/{{}}/grant", {"grant": text}),
        ("DELETE", "/consent/grants/{}", None),
        ("DELETE", "/consent/keys/{}", None),
    ]:
        answers = [
            await api.ask(method, path.format(id), "main/olga", json=body) for id in ("acme-request", "lost")
        ]
        assert [answer.status_code for answer in answers] == [404, 404], path
        assert answers[0].content == answers[1].content
    for path in (REQUESTS, "/consent/grants", "/consent/keys"):
        assert not names_acme(await api.ask("GET", path, "main/olga"))
    await api.good("PUT", "/consent/keys/acme-request", "main/olga", json=key)
    (kept,) = await api.provider.consent_keys(ACME)
    assert kept.public_key == api.consent_key.public_bytes
    assert (await api.good("GET", f"{REQUESTS}/acme-request", "acme/adam"))["state"] == "waiting"
    assert not api.consent_events.heard


async def test_staff_of_the_provider_answers_nothing_for_a_tenant(api: ApiStage) -> None:
    for who in ("pia", "tess"):
        assert await api.bad("GET", REQUESTS, f"provider/{who}") == (403, "role-lacking")
        assert await api.bad("PUT", f"{REQUESTS}/acme-request/grant", f"provider/{who}", json=GRANTED) == (
            403,
            "role-lacking",
        )
