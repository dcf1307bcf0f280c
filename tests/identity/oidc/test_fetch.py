"""Answers of a provider: bounded in size and time, no redirect followed, JSON objects alone."""

import gzip
import json

import httpx
import pytest

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.fetch import MAX_ANSWER_BYTES, ask, fetch, read_object, unavailable
from tests.identity.oidc.issuer import Issuer, Reply, json_reply


async def refusal(http: httpx.AsyncClient, url: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await fetch(http, "keys", url)
    assert caught.value.reason is Reason.OIDC_PROVIDER_UNAVAILABLE
    assert caught.value.detail.startswith("keys: ")
    return caught.value


async def test_object_is_returned(issuer: Issuer, http: httpx.AsyncClient) -> None:
    issuer.replies["/a"] = json_reply({"a": 1})
    assert await fetch(http, "keys", f"{issuer.address}/a") == {"a": 1}


async def test_answer_at_the_bound_is_taken_and_one_above_it_refused(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    filled = json.dumps({"a": ""})
    body = json.dumps({"a": "x" * (MAX_ANSWER_BYTES - len(filled))}).encode()
    issuer.replies["/fits"], issuer.replies["/over"] = Reply(body), Reply(body + b" ")
    assert len((await fetch(http, "keys", f"{issuer.address}/fits"))["a"]) > 100_000
    assert "bytes at most" in (await refusal(http, f"{issuer.address}/over")).detail


async def test_compressed_answer_is_refused_before_it_is_read(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    issuer.replies["/a"] = Reply(gzip.compress(b"{}" + b" " * 10_000_000), 200, {"content-encoding": "gzip"})
    assert "not compressed" in (await refusal(http, f"{issuer.address}/a")).detail
    assert issuer.seen[0].headers["accept-encoding"] == "identity"


async def test_redirect_is_not_followed(issuer: Issuer, http: httpx.AsyncClient) -> None:
    issuer.replies["/a"] = Reply(b"", 302, {"location": f"{issuer.address}/b"})
    assert "got 302" in (await refusal(http, f"{issuer.address}/a")).detail
    assert issuer.paths() == ["/a"]


async def test_silent_provider_is_given_up(issuer: Issuer, http: httpx.AsyncClient) -> None:
    issuer.replies["/a"] = Reply(silent=True)
    with pytest.raises(Refused, match=r"no answer within 0\.05 s"):
        await ask(http, "keys", httpx.Request("GET", f"{issuer.address}/a"), 0.05)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", f"https://{'a' * 70}.test/"])
async def test_provider_that_cannot_be_reached_is_named(http: httpx.AsyncClient, url: str) -> None:
    assert url in (await refusal(http, url)).detail


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"{", b"\xff", b"[" * 100_000, b"null"])
async def test_answer_that_is_no_object_is_refused(
    issuer: Issuer, http: httpx.AsyncClient, body: bytes
) -> None:
    issuer.replies["/a"] = Reply(body)
    assert "JSON object" in (await refusal(http, f"{issuer.address}/a")).detail


async def test_error_may_come_without_an_object(issuer: Issuer, http: httpx.AsyncClient) -> None:
    issuer.replies["/a"] = Reply(b"<html>", 502)
    answer = await ask(http, "token", httpx.Request("GET", f"{issuer.address}/a"))
    assert (answer.status, answer.values) == (502, {})


async def test_cookie_of_a_provider_is_not_sent_back(issuer: Issuer, http: httpx.AsyncClient) -> None:
    issuer.replies["/a"] = Reply(b"{}", 200, {"set-cookie": "person=alice"})
    for _ in range(2):
        await fetch(http, "keys", f"{issuer.address}/a")
    assert "cookie" not in issuer.seen[1].headers


def test_number_too_long_for_python_is_no_object() -> None:
    assert read_object('{"a": ' + "1" * 5000 + "}") is None


def test_refusal_names_the_part_of_the_conversation() -> None:
    assert str(unavailable("token", "gone")) == "oidc-provider-unavailable: token: gone"
