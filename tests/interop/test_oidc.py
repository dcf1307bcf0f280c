"""Sign-in at a real OpenID provider, another maker's: the whole flow, each algorithm, rotation, refusal."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from dialback.domain.errors import Reason, Refused
from dialback.domain.tenancy import Role
from dialback.identity.oidc.claims import ExternalPerson
from dialback.identity.oidc.flow import OidcProvider
from dialback.identity.oidc.pending import seal, unseal
from dialback.identity.oidc.roles import role_from
from dialback.identity.oidc.settings import OidcSettings
from lab.oidc_provider import Algorithm, OidcLabProvider, lacking, sign_in, turn_back

pytestmark = pytest.mark.interop

BACK = "http://127.0.0.1:1/oidc/lab/back"
"""Where the provider sends the browser; nothing listens there, since the test reads the address alone."""
ALICE = {"name": "alice@lab.test", "display_name": "Alice Ärlig", "email": "alice@lab.test"}


@pytest.fixture(scope="module", autouse=True)
def parts() -> None:
    if sentence := lacking():
        if os.environ.get("CI"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)


@pytest.fixture(scope="module")
def provider(parts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcLabProvider]:
    with OidcLabProvider(tmp_path_factory.mktemp("oidc"), BACK) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def now() -> datetime:
    return datetime.now(UTC)


def settings_for(provider: OidcLabProvider) -> OidcSettings:
    return OidcSettings(
        name="lab",
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        scopes=("openid", "profile", "email", "groups"),
        group_roles={"rdp-admins": "administrator"},
    )


def client_of(provider: OidcLabProvider, http: httpx.AsyncClient) -> OidcProvider:
    return OidcProvider(settings_for(provider), http, now)


async def alice_at(client: OidcProvider) -> ExternalPerson:
    address, pending = await client.begin(BACK)
    return await client.finish(pending, await sign_in(address, BACK, "alice"))


async def refusal_of(client: OidcProvider) -> Refused:
    with pytest.raises(Refused) as caught:
        await alice_at(client)
    return caught.value


async def test_person_signs_in_and_the_groups_give_a_role(
    provider: OidcLabProvider, http: httpx.AsyncClient
) -> None:
    client = client_of(provider, http)
    alice = await alice_at(client)
    assert (alice.issuer, alice.subject) == (provider.issuer, "alice")
    assert {name: getattr(alice, name) for name in ALICE} == ALICE
    assert alice.groups == {"rdp-admins", "everybody"}
    assert role_from(alice.groups, client.settings) is Role.ADMINISTRATOR


async def test_sign_in_that_rested_in_a_cookie_is_finished_by_another_node(
    provider: OidcLabProvider, http: httpx.AsyncClient
) -> None:
    key = os.urandom(32)
    address, pending = await client_of(provider, http).begin(BACK)
    cookie = seal(pending, key)
    answer = await sign_in(address, BACK, "alice")
    alice = await client_of(provider, http).finish(unseal(cookie, key, now()), answer)
    assert alice.subject == "alice"


async def test_code_is_taken_once(provider: OidcLabProvider, http: httpx.AsyncClient) -> None:
    client = client_of(provider, http)
    address, pending = await client.begin(BACK)
    answer = await sign_in(address, BACK, "alice")
    await client.finish(pending, answer)
    with pytest.raises(Refused, match="oidc-state-wrong: code: invalid_grant"):
        await client.finish(pending, answer)


async def test_provider_refuses_a_code_without_its_verifier(
    provider: OidcLabProvider, http: httpx.AsyncClient
) -> None:
    client = client_of(provider, http)
    _, other = await client.begin(BACK)
    address, pending = await client.begin(BACK)
    answer = await sign_in(address, BACK, "alice")
    with pytest.raises(Refused, match="invalid_grant"):
        await client.finish(replace(pending, verifier=other.verifier), answer)


async def test_person_who_turns_back_is_not_let_in(
    provider: OidcLabProvider, http: httpx.AsyncClient
) -> None:
    client = client_of(provider, http)
    address, pending = await client.begin(BACK)
    with pytest.raises(Refused, match="oidc-denied: access_denied"):
        await client.finish(pending, await turn_back(address, BACK))


async def test_wrong_client_secret_is_told_as_such(
    provider: OidcLabProvider, http: httpx.AsyncClient
) -> None:
    settings = replace(settings_for(provider), client_secret="wrong")
    refused = await refusal_of(OidcProvider(settings, http, now))
    assert refused.reason is Reason.OIDC_CLIENT_REFUSED
    assert "invalid_client" in refused.detail


async def test_scope_that_brings_no_name_is_told_as_such(
    provider: OidcLabProvider, http: httpx.AsyncClient
) -> None:
    settings = replace(settings_for(provider), scopes=("openid",))
    refused = await refusal_of(OidcProvider(settings, http, now))
    assert refused.reason is Reason.OIDC_CLAIM_UNFIT
    assert refused.detail.startswith("preferred_username: ")


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
async def test_each_algorithm_is_understood(
    tmp_path: Path, http: httpx.AsyncClient, algorithm: Algorithm
) -> None:
    with OidcLabProvider(tmp_path, BACK, algorithm=algorithm) as provider:
        assert (await alice_at(client_of(provider, http))).subject == "alice"


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
async def test_client_without_basic_authentication_signs_people_in(
    tmp_path: Path, http: httpx.AsyncClient, method: str
) -> None:
    with OidcLabProvider(tmp_path, BACK, auth_method=method, claims_in_token=True) as provider:
        assert (await alice_at(client_of(provider, http))).name == ALICE["name"]


async def test_sign_in_goes_on_when_the_provider_comes_back_with_new_keys(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with OidcLabProvider(tmp_path, BACK) as provider:
        client = client_of(provider, http)
        await alice_at(client)
        address, pending = await client.begin(BACK)
        answer = await sign_in(address, BACK, "alice")
        provider.stop()
        with pytest.raises(Refused, match="oidc-provider-unavailable: token: ConnectError"):
            await client.finish(pending, answer)
        provider.start()
        assert (await alice_at(client)).subject == "alice"
