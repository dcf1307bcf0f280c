"""What a provider says of itself, read from its discovery document.

Every address in it is checked before it is used: https, or http on loopback if the issuer is there itself.
Source: OpenID Connect Discovery 1.0, 3 OpenID Provider Metadata and 4.3 Configuration Validation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dialback.identity.oidc.addresses import check_address, may_use_http
from dialback.identity.oidc.fetch import unavailable

WHAT = "discovery"
PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What is used of the document. `userinfo_endpoint` is empty if there is none.

    `secret_in_form`: the provider takes the client's secret in the form alone, not as Basic [OIDC Core 9
    Client Authentication]. `names_itself`: its answers say which issuer they are of [RFC 9207].
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    secret_in_form: bool = False
    names_itself: bool = False


def discovery_address(issuer: str) -> str:
    """Return where the document of the issuer is. Source: section 4 Obtaining Metadata."""
    return issuer.removesuffix("/") + PATH


def parse_metadata(values: Mapping[str, Any], issuer: str) -> ProviderMetadata:
    """Read the document of the issuer.

    Raises:
        Refused: `OIDC_PROVIDER_UNAVAILABLE`: it is another's, or lacks what a sign-in needs.
    """
    if (said := values.get("issuer")) != issuer:
        raise unavailable(WHAT, f"expected issuer {issuer!r}, got {str(said)[:200]!r}")
    methods = values.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=_address(values, "authorization_endpoint", issuer),
        token_endpoint=_address(values, "token_endpoint", issuer),
        jwks_uri=_address(values, "jwks_uri", issuer),
        userinfo_endpoint=_address(values, "userinfo_endpoint", issuer)
        if "userinfo_endpoint" in values
        else "",
        secret_in_form=isinstance(methods, list)
        and "client_secret_basic" not in methods
        and "client_secret_post" in methods,
        names_itself=values.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(values: Mapping[str, Any], key: str, issuer: str) -> str:
    address = values.get(key)
    if not isinstance(address, str):
        raise unavailable(WHAT, f"expected {key} in the discovery document")
    try:
        check_address(address, key, http_on_loopback=may_use_http(issuer))
    except ValueError as error:
        raise unavailable(WHAT, str(error)) from None
    return address
