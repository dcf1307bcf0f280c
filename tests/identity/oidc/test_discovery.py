"""The discovery document: its issuer is the one in the settings, its addresses are safe to ask."""

from typing import Any

import pytest

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.discovery import discovery_address, parse_metadata

ISSUER = "https://login.example.org/realms/main"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": "https://keys.example.org/keys",
}


@pytest.mark.parametrize("issuer", [ISSUER, ISSUER + "/"])
def test_document_is_below_the_issuer(issuer: str) -> None:
    assert discovery_address(issuer) == f"{ISSUER}/.well-known/openid-configuration"


def test_least_document_is_read() -> None:
    metadata = parse_metadata(DOCUMENT, ISSUER)
    assert metadata.jwks_uri == "https://keys.example.org/keys"
    assert (metadata.userinfo_endpoint, metadata.secret_in_form, metadata.names_itself) == ("", False, False)


@pytest.mark.parametrize(
    ("methods", "in_form"),
    [
        (["client_secret_post"], True),
        (["client_secret_post", "client_secret_basic"], False),
        (["private_key_jwt"], False),
        ("client_secret_post", False),
    ],
)
def test_secret_goes_into_the_form_if_the_provider_takes_it_there_alone(methods: Any, in_form: bool) -> None:
    document = {**DOCUMENT, "token_endpoint_auth_methods_supported": methods}
    assert parse_metadata(document, ISSUER).secret_in_form is in_form


def test_provider_that_names_itself_in_answers_says_so() -> None:
    document = {**DOCUMENT, "authorization_response_iss_parameter_supported": True}
    assert parse_metadata(document, ISSUER).names_itself


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": ISSUER + "/"}, "expected issuer"),
        ({"issuer": None}, "expected issuer"),
        ({"issuer": "https://evil.test\r\n"}, r"got 'https://evil\.test\\r\\n'"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"token_endpoint": "http://login.example.org/token"}, "expected https"),
        ({"token_endpoint": "http://127.0.0.1/token"}, "expected https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"userinfo_endpoint": ["https://a.test"]}, "userinfo_endpoint"),
    ],
)
def test_document_of_no_use_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        parse_metadata({**DOCUMENT, **changed}, ISSUER)
    assert caught.value.reason is Reason.OIDC_PROVIDER_UNAVAILABLE


def test_issuer_on_loopback_may_name_addresses_there() -> None:
    document = {key: value.replace("https://", "http://127.0.0.1:1/") for key, value in DOCUMENT.items()}
    issuer = document["issuer"]
    assert parse_metadata(document, issuer).token_endpoint.startswith("http://127.0.0.1:1/")
