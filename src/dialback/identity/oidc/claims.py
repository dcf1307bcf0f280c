"""Who signed in, made from claims whose origin was checked. Pure.

Each text must be fit for the directory (`domain.names`); one that is not refuses the sign-in and is named,
since a name that we changed silently would be somebody else's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dialback.domain.errors import Reason, Refused
from dialback.domain.names import MAX_USER_CHARS, check_name, check_text
from dialback.identity.oidc.settings import OidcSettings

MAX_GROUPS = 2000
MAX_GROUP_CHARS = 256
MAX_EMAIL_CHARS = 254
"""RFC 5321 section 4.5.3.1.3 Path, without its brackets."""
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")
"""OIDC Core 1.0, 2 ID Token: 255 ASCII characters at most."""


@dataclass(frozen=True, slots=True)
class ExternalPerson:
    """A person whom a provider vouches for; `issuer` and `subject` together are who they are, for ever.

    `name` is what they are called when they are made a user: it may be another's tomorrow. `email` is empty
    if the provider says none, or says that it did not check it.
    """

    issuer: str
    subject: str
    name: str
    display_name: str
    email: str
    groups: frozenset[str]


def subject_of(claims: Mapping[str, Any]) -> str:
    """Return the subject; raise `Refused` with `OIDC_CLAIM_UNFIT` if it is none."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise _unfit("sub", "expected 1 to 255 ASCII characters")
    return subject


def lacks_claims(claims: Mapping[str, Any], settings: OidcSettings) -> bool:
    """Say whether the person's claims are to be asked for beside the id token."""
    wanted = (settings.name_claim, settings.email_claim, settings.groups_claim)
    return not all(claim in claims for claim in wanted)


def person_from(claims: Mapping[str, Any], settings: OidcSettings) -> ExternalPerson:
    """Return the person.

    Raises:
        Refused: `OIDC_CLAIM_UNFIT`, and the detail names the claim.
    """
    name = _name(claims, settings.name_claim)
    return ExternalPerson(
        issuer=settings.issuer,
        subject=subject_of(claims),
        name=name,
        display_name=_text(claims, "name", MAX_USER_CHARS) or name,
        email=""
        if claims.get("email_verified") in (False, "false")
        else _text(claims, settings.email_claim, MAX_EMAIL_CHARS),
        groups=_groups(claims, settings.groups_claim),
    )


def _name(claims: Mapping[str, Any], claim: str) -> str:
    name = _text(claims, claim, MAX_USER_CHARS)
    if not name:
        raise _unfit(claim, "it is missing; ask for another scope or name another claim")
    try:
        check_name(name, claim, MAX_USER_CHARS)
    except ValueError as error:
        raise _unfit(claim, str(error)) from None
    return name


def _text(claims: Mapping[str, Any], claim: str, max_chars: int) -> str:
    """Return the text of the claim, empty if there is none."""
    value = claims.get(claim)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _unfit(claim, "expected text")
    try:
        check_text(value, claim, max_chars)
    except ValueError as error:
        raise _unfit(claim, str(error)) from None
    return value


def _groups(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    value = claims.get(claim)
    listed = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > MAX_GROUPS:
        raise _unfit(claim, f"expected a list of {MAX_GROUPS} groups at most")
    for group in listed:
        if not isinstance(group, str):
            raise _unfit(claim, "expected text for each group")
        try:
            check_text(group, claim, MAX_GROUP_CHARS)
        except ValueError as error:
            raise _unfit(claim, str(error)) from None
    return frozenset(listed)


def _unfit(claim: str, detail: str) -> Refused:
    return Refused(Reason.OIDC_CLAIM_UNFIT, f"{claim}: {detail}")
