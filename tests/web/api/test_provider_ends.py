"""Whoever made a visit learns why it ended, by its token alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from dialback.domain.access import TokenKind
from dialback.domain.errors import SENTENCES, Reason
from dialback.domain.ids import ConnectionId, ResourceName, TokenHash, UserName
from dialback.domain.provider import visitor_name
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord
from dialback.identity.tokens import hash_token, make_token
from tests.web.api.stage import ACME, ApiStage
from tests.web.api.test_provider_connections import PATH, asked

INSIDE = {Reason.STORE_UNAVAILABLE, Reason.INTERNAL_ERROR}


async def recorded(api: ApiStage, given: Any, number: int = 1, **more: Any) -> None:
    """Keep a connection that was made with what was given."""
    record = ConnectionRecord(
        ConnectionId(f"visit-{number}"),
        api.now + timedelta(seconds=number),
        "stream",
        "192.0.2.7",
        tenant=ACME,
        user=visitor_name("tess"),
        resource=ResourceName(given["request"]),
        token_hash=hash_token_of(given),
    )
    await api.store.save_connection(replace(record, **more))


def hash_token_of(given: Any) -> TokenHash:
    return hash_token(Secret(given["token"]))


async def end(api: ApiStage, given: Any) -> Any:
    path = f"{PATH}/{given['request']}/end"
    return await api.good("POST", path, None, json={"token": given["token"]})


async def test_technician_is_told_each_reason_in_words(api: ApiStage) -> None:
    given = await asked(api)
    for reason in Reason:
        await recorded(api, given, ended_at=api.now, reason=reason, detail="the detail")
        assert await end(api, given) == {
            "request": given["request"],
            "ended_at": "2026-03-01T12:00:00Z",
            "reason": reason.value,
            "sentence": SENTENCES[reason],
            "detail": "" if reason in INSIDE else "the detail",
        }


async def test_nothing_is_told_of_what_is_open_or_was_never_made(api: ApiStage) -> None:
    given = await asked(api)
    nothing = {
        "request": given["request"],
        "ended_at": None,
        "reason": None,
        "sentence": "",
        "detail": "",
    }
    assert await end(api, given) == nothing
    await recorded(api, given)
    assert await end(api, given) == nothing


async def test_newest_connection_of_the_very_request_is_told(api: ApiStage) -> None:
    given, other = await asked(api), await asked(api)
    await recorded(api, given, 1, ended_at=api.now, reason=Reason.CLIENT_ENDED)
    await recorded(api, given, 2, ended_at=api.now, reason=Reason.TENANT_SUSPENDED)
    await recorded(api, other, 3, ended_at=api.now, reason=Reason.HOST_LOST)
    assert (await end(api, given))["reason"] == "tenant-suspended"
    await recorded(api, given, 4)
    assert (await end(api, given))["reason"] is None


async def test_who_was_taken_off_the_staff_is_told_so(api: ApiStage) -> None:
    given = await asked(api)
    await recorded(api, given, ended_at=api.now, reason=Reason.STAFF_NOT_ASSIGNED)
    await api.good("DELETE", "/provider/staff/tess", "provider/pia")
    assert (await end(api, given))["reason"] == "staff-not-assigned"


async def test_nobody_is_told_without_the_token_of_the_request(api: ApiStage) -> None:
    given, other = await asked(api), await asked(api)
    kept, _ = await api.store.token(hash_token_of(given))
    users = make_token()
    assert kept is not None
    await api.store.save_token(replace(kept, hash=hash_token(users), kind=TokenKind.CONNECTION))
    for token in (other["token"], users.reveal(), "x", given["token"] + "x", api.bearers["provider/tess"]):
        path = f"{PATH}/{given['request']}/end"
        assert await api.bad("POST", path, "provider/tess", json={"token": token}) == (404, "not-there")
    for body in ({}, {"token": ""}, {"token": "x" * 201}, {"token": 1}):
        path = f"{PATH}/{given['request']}/end"
        assert (await api.bad("POST", path, None, json=body))[0] == 422


async def test_connection_of_a_user_with_the_same_resource_is_not_told(api: ApiStage) -> None:
    given = await asked(api)
    await recorded(api, given, user=UserName("tess"), ended_at=api.now, reason=Reason.HOST_LOST)
    assert (await end(api, given))["reason"] is None
