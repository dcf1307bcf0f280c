"""Settings of one OpenID provider, an `[[oidc]]` table of `dialback.toml`.

What can be wrong without asking the provider is refused here, with the key in the message. Whether the
provider knows the client shows at the first sign-in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import ConfigDict

from dialback.domain.names import check_id, check_name, check_text
from dialback.domain.tenancy import MAIN, Role
from dialback.identity.oidc.addresses import check_address

GROUP_PREFIX = "group:"
MAX_CLAIM_CHARS = 100
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 section 3.3 Access Token Scope: printable, without blank, quote and backslash."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One `[[oidc]]` table of the settings file: an OpenID provider at which users of one tenant sign in.

    The person is known by `issuer` and the claim `sub`; no setting changes that, since other claims change
    hands.

    Attributes:
        name: 1 to 32 of a-z, 0-9 and -, part of the address to which the provider sends people back.
        issuer: the provider's issuer identifier, exactly as it writes it; https, or http on loopback.
        client_id: the client id that the provider gave this server.
        client_secret: the client secret that belongs to it; empty for a public client, which PKCE alone
            protects.
        title: what the button on the sign-in page says; empty for the name.
        tenant: id of the tenant whose users sign in there.
        scopes: what is asked for; `openid` must be among them.
        name_claim: claim that holds the user's name; it names a new user and never finds an old one.
        email_claim: claim that holds the e-mail address.
        groups_claim: claim that holds the user's groups, a text or a list of texts.
        group_roles: from a group in the claim to a role (`owner`, `administrator`, `helpdesk`, `user`) or, as
            `group:NAME`, to a group of the directory.
        create_users: make a user at the first sign-in of somebody unknown; otherwise the sign-in is refused.

    Raises:
        ValueError: a setting cannot be used.
    """

    # The settings file looks for unknown keys in plain tables alone; this one stands in a list.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    title: str = ""
    tenant: str = MAIN
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "preferred_username"
    email_claim: str = "email"
    groups_claim: str = "groups"
    group_roles: Mapping[str, str] = field(default_factory=dict)
    create_users: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"expected 1 to 32 of a-z, 0-9 and - as name, got {self.name[:80]!r}")
        check_address(self.issuer, "issuer")
        if "?" in self.issuer:
            raise ValueError("expected an issuer without a query, got one")
        check_name(self.client_id, "client_id", 255)
        check_text(self.client_secret, "client_secret", 1024)
        check_text(self.title, "title", 64)
        check_id(self.tenant, "tenant")
        self._check_scopes()
        for claim in (self.name_claim, self.email_claim, self.groups_claim):
            check_name(claim, "claim", MAX_CLAIM_CHARS)
        for group, target in self.group_roles.items():
            check_target(group, target)

    def _check_scopes(self) -> None:
        if "openid" not in self.scopes:
            raise ValueError("expected 'openid' among the scopes, got none")
        for scope in self.scopes:
            if not _SCOPE.fullmatch(scope):
                raise ValueError(f"expected a scope without blanks and quotes, got {scope[:80]!r}")


def check_target(group: str, target: str) -> None:
    """Raise `ValueError` unless `target` is what `group_roles` may say of a group."""
    if target.startswith(GROUP_PREFIX):
        check_name(target.removeprefix(GROUP_PREFIX), f"directory group for {group[:80]!r}")
    elif target not in list(Role):
        raise ValueError(
            f"expected {', '.join(Role)} or {GROUP_PREFIX}NAME for group {group[:80]!r}, got {target[:80]!r}"
        )
