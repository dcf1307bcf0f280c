"""A sign-in from begin to finish, at an issuer that lies as the test tells it to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.identity.oidc.claims import ExternalPerson
from dialback.identity.oidc.fetch import MAX_ANSWER_BYTES
from dialback.identity.oidc.flow import OidcProvider, basic, challenge_of
from dialback.identity.oidc.pending import LIFE, Pending
from tests.identity.oidc.issuer import (
    ACCESS_TOKEN,
    BACK,
    CLIENT_ID,
    Clock,
    Issuer,
    Reply,
    json_reply,
    running_issuer,
    sign,
)

DISCOVERY = "/.well-known/openid-configuration"


@dataclass
class Visit:
    """One person on the way: what was begun, and the honest answer to it."""

    provider: OidcProvider
    issuer: Issuer
    address: httpx.URL
    pending: Pending

    def answer(self, **changed: str) -> dict[str, str]:
        return {"code": "c0de", "state": self.pending.state.reveal(), **changed}

    async def come_back(self, **changed: str) -> ExternalPerson:
        return await self.provider.finish(self.pending, self.answer(**changed))

    async def refused(self, **changed: str) -> str:
        with pytest.raises(Refused) as caught:
            await self.come_back(**changed)
        return str(caught.value)

    def brings(self, **changed: Any) -> None:
        """Let the issuer give an id token with these claims."""
        self.issuer.gives(sign(self.issuer.claims(self.pending, **changed)))


async def begin(issuer: Issuer, http: httpx.AsyncClient, clock: Clock, **settings: Any) -> Visit:
    provider = OidcProvider(issuer.settings(**settings), http, clock)
    address, pending = await provider.begin(BACK)
    visit = Visit(provider, issuer, httpx.URL(address), pending)
    visit.brings()
    return visit


@pytest.fixture
async def visit(issuer: Issuer, http: httpx.AsyncClient, clock: Clock) -> Visit:
    return await begin(issuer, http, clock)


@pytest.fixture
async def other() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


def test_challenge_is_that_of_the_example_in_the_rfc() -> None:
    """RFC 7636, appendix B."""
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_client_proves_itself_with_both_parts_encoded() -> None:
    assert basic("a b:c", "s&") == "Basic YStiJTNBYzpzJTI2"


def test_begin_asks_for_a_code_with_everything_that_ties_it(visit: Visit) -> None:
    assert str(visit.address.copy_with(query=None)) == f"{visit.issuer.address}/authorize"
    assert dict(visit.address.params) == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": BACK,
        "scope": "openid profile email",
        "state": visit.pending.state.reveal(),
        "nonce": visit.pending.nonce.reveal(),
        "code_challenge": challenge_of(visit.pending.verifier),
        "code_challenge_method": "S256",
    }


async def test_parameters_of_the_provider_stay_in_its_address(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    issuer.document_says(authorization_endpoint=f"{issuer.address}/authorize?policy=a&state=mine")
    visit = await begin(issuer, http, clock)
    assert visit.address.params["policy"] == "a"
    assert visit.address.params.get_list("state") == [visit.pending.state.reveal()]


async def test_honest_answer_gives_the_person(visit: Visit) -> None:
    person = await visit.come_back()
    assert (person.issuer, person.subject, person.name) == (visit.issuer.address, "alice", "alice@lab.test")
    request = next(seen for seen in visit.issuer.seen if seen.path == "/token")
    assert request.form == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "redirect_uri": BACK,
        "code_verifier": visit.pending.verifier.reveal(),
    }
    assert request.headers["authorization"] == basic(CLIENT_ID, "s3cret&")
    assert "/userinfo" not in visit.issuer.paths()


async def test_provider_is_asked_for_what_it_publishes_once(visit: Visit) -> None:
    await visit.come_back()
    await visit.come_back()
    assert visit.issuer.paths() == [DISCOVERY, "/token", "/keys", "/token"]


async def test_secret_goes_into_the_form_where_the_provider_wants_it(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    issuer.document_says(token_endpoint_auth_methods_supported=["client_secret_post"])
    await (await begin(issuer, http, clock)).come_back()
    request = next(seen for seen in issuer.seen if seen.path == "/token")
    assert (request.form["client_id"], request.form["client_secret"]) == (CLIENT_ID, "s3cret&")
    assert "authorization" not in request.headers


async def test_public_client_names_itself_and_no_more(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    await (await begin(issuer, http, clock, client_secret="")).come_back()
    request = next(seen for seen in issuer.seen if seen.path == "/token")
    assert request.form["client_id"] == CLIENT_ID
    assert "client_secret" not in request.form
    assert "authorization" not in request.headers


# --- the answer of the browser --------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "forged", "forged\ud800"])
async def test_forged_state_is_refused_and_the_code_not_used(visit: Visit, state: str) -> None:
    assert await visit.refused(state=state) == "oidc-state-wrong: state"
    assert "/token" not in visit.issuer.paths()


async def test_answer_without_state_is_refused(visit: Visit) -> None:
    with pytest.raises(Refused, match="oidc-state-wrong"):
        await visit.provider.finish(visit.pending, {"code": "c0de"})


async def test_answer_after_ten_minutes_is_refused(visit: Visit, clock: Clock) -> None:
    clock.advance(LIFE)
    assert await visit.refused() == "oidc-state-wrong: expired"


async def test_sign_in_begun_at_another_provider_is_refused(visit: Visit) -> None:
    visit.pending = replace(visit.pending, provider="other")
    assert await visit.refused() == "oidc-state-wrong: provider"


async def test_answer_of_another_issuer_is_refused(visit: Visit) -> None:
    assert (await visit.refused(iss="https://evil.test")).startswith("oidc-token-invalid: issuer")
    assert "/token" not in visit.issuer.paths()


async def test_answer_that_ought_to_name_its_issuer_must(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    issuer.document_says(authorization_response_iss_parameter_supported=True)
    visit = await begin(issuer, http, clock)
    assert (await visit.refused()).startswith("oidc-token-invalid: issuer")
    assert (await visit.come_back(iss=issuer.address)).subject == "alice"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("access_denied", Reason.OIDC_DENIED),
        ("login_required", Reason.OIDC_DENIED),
        ("invalid_scope", Reason.OIDC_CLIENT_REFUSED),
        ("unauthorized_client", Reason.OIDC_CLIENT_REFUSED),
        ("temporarily_unavailable", Reason.OIDC_PROVIDER_UNAVAILABLE),
    ],
)
async def test_error_of_the_provider_has_its_reason(visit: Visit, error: str, reason: Reason) -> None:
    said = await visit.refused(error=error, error_description="why\r\nnot" + "x" * 500)
    assert said.startswith(f"{reason}: ")
    assert f"{error} why??not" in said
    assert len(said) < 300


@pytest.mark.parametrize("code", ["", "c" * 4097, "c\r\n", "c\ud800"])
async def test_answer_without_a_code_of_use_is_refused(visit: Visit, code: str) -> None:
    assert await visit.refused(code=code) == "oidc-denied: no code"


# --- what the provider says -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"iss": "https://evil.test"}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"nonce": "forged"}, "nonce"),
        ({"exp": 1}, "expired"),
        ({"at_hash": "AAAA"}, "at_hash"),
    ],
)
async def test_forged_id_token_is_refused(visit: Visit, changed: dict[str, Any], rule: str) -> None:
    visit.brings(**changed)
    assert (await visit.refused()).startswith(f"oidc-token-invalid: {rule}")


async def test_id_token_of_another_sign_in_is_refused(visit: Visit) -> None:
    _, another = await visit.provider.begin(BACK)
    visit.issuer.gives(sign(visit.issuer.claims(another)))
    assert (await visit.refused()).startswith("oidc-token-invalid: nonce")


async def test_id_token_of_another_issuer_with_its_own_keys_is_refused(visit: Visit, other: Issuer) -> None:
    foreign = RSAKey.generate_key(2048, {"kid": "foreign"})
    other.publish(foreign)
    visit.issuer.gives(sign(other.claims(visit.pending), foreign))
    assert "no key of key id 'foreign'" in await visit.refused()


async def test_unsigned_id_token_is_refused(visit: Visit) -> None:
    _, payload, _ = sign(visit.issuer.claims(visit.pending)).split(".")
    visit.issuer.gives(f"eyJhbGciOiJub25lIn0.{payload}.")
    assert (await visit.refused()).startswith("oidc-token-invalid: algorithm")


async def test_rotated_key_is_fetched(visit: Visit) -> None:
    await visit.come_back()
    rotated = RSAKey.generate_key(2048, {"kid": "rotated"})
    visit.issuer.publish(rotated)
    visit.issuer.gives(sign(visit.issuer.claims(visit.pending), rotated))
    assert (await visit.come_back()).subject == "alice"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (json_reply({"error": "invalid_grant"}, 400), "oidc-state-wrong: code: invalid_grant"),
        (json_reply({"error": "invalid_client"}, 401), "oidc-client-refused: invalid_client"),
        (json_reply({"error": ["x"]}, 400), "oidc-provider-unavailable: token: expected status 200, got 400"),
        (json_reply({"error": "x"}, 503), "oidc-provider-unavailable: token: expected status 200, got 503"),
        (json_reply({}), "oidc-provider-unavailable: token: expected an id token and an access token"),
        (
            json_reply({"id_token": 1, "access_token": "a"}),
            "oidc-provider-unavailable: token: expected an id",
        ),
        (Reply(b"{}" + b" " * MAX_ANSWER_BYTES), "oidc-provider-unavailable: token: expected 262144 bytes"),
        (
            Reply(b"", 307, {"location": "/elsewhere"}),
            "oidc-provider-unavailable: token: expected status 200",
        ),
    ],
)
async def test_token_endpoint_that_fails_has_its_reason(visit: Visit, reply: Reply, said: str) -> None:
    visit.issuer.replies["/token"] = reply
    assert (await visit.refused()).startswith(said)
    assert "/elsewhere" not in visit.issuer.paths()


# --- the claims beside the token ------------------------------------------------------------------------


async def test_claims_that_lack_are_asked_for(visit: Visit) -> None:
    visit.brings(email=None, groups=None)
    said = {"sub": "alice", "email": "al@lab.test", "groups": ["it"], "preferred_username": "mallory"}
    visit.issuer.replies["/userinfo"] = json_reply(said)
    person = await visit.come_back()
    assert (person.email, person.groups) == ("al@lab.test", {"it"})
    assert person.name == "alice@lab.test", "what is signed wins"
    assert visit.issuer.seen[-1].headers["authorization"] == f"Bearer {ACCESS_TOKEN}"


@pytest.mark.parametrize("subject", ["mallory", None, ["alice"]])
async def test_userinfo_of_another_subject_is_refused(visit: Visit, subject: Any) -> None:
    visit.brings(groups=None)
    visit.issuer.replies["/userinfo"] = json_reply({"sub": subject, "groups": ["owners"]})
    assert (await visit.refused()).startswith("oidc-token-invalid: subject")


async def test_userinfo_that_fails_fails_the_sign_in(visit: Visit) -> None:
    visit.brings(groups=None)
    assert (await visit.refused()).startswith("oidc-provider-unavailable: userinfo: expected status 200")


async def test_access_token_that_would_break_the_request_is_not_sent(visit: Visit) -> None:
    id_token = sign(visit.issuer.claims(visit.pending, groups=None))
    for token in ("a\r\nx: y", "ä", "\ud800", ""):
        visit.issuer.replies["/token"] = json_reply({"id_token": id_token, "access_token": token})
        assert (await visit.refused()).startswith("oidc-provider-unavailable: ")
    assert "/userinfo" not in visit.issuer.paths()


async def test_provider_without_userinfo_gives_what_it_signed(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    del issuer.document["userinfo_endpoint"]
    issuer.document_says()
    visit = await begin(issuer, http, clock)
    visit.brings(groups=None)
    assert (await visit.come_back()).groups == frozenset()


# --- the discovery document -----------------------------------------------------------------------------


async def test_document_of_another_issuer_is_refused(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    issuer.document_says(issuer="https://evil.test")
    with pytest.raises(Refused, match="oidc-provider-unavailable: discovery: expected issuer"):
        await begin(issuer, http, clock)


async def test_provider_that_was_down_is_asked_again_after_moments(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    honest = issuer.replies.pop(DISCOVERY)
    provider = OidcProvider(issuer.settings(), http, clock)
    for _ in range(3):
        with pytest.raises(Refused, match="oidc-provider-unavailable: discovery"):
            await provider.begin(BACK)
    assert issuer.paths() == [DISCOVERY]
    issuer.replies[DISCOVERY] = honest
    clock.advance(timedelta(seconds=5))
    await provider.begin(BACK)
