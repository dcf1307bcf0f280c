"""Who signed in: claims that the directory can keep, and a named refusal for the others."""

from typing import Any

import pytest

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.claims import ExternalPerson, lacks_claims, person_from, subject_of
from dialback.identity.oidc.settings import OidcSettings

ISSUER = "https://login.example.org"
SETTINGS = OidcSettings("lab", ISSUER, "dialback")
CLAIMS = {
    "sub": "248289761001",
    "preferred_username": "jane",
    "name": "Jane Doe 🦊",
    "email": "jane@example.org",
    "groups": ["staff", "it"],
}


def person(**changed: Any) -> ExternalPerson:
    return person_from({**CLAIMS, **changed}, SETTINGS)


def test_person_is_made_of_the_claims() -> None:
    assert person() == ExternalPerson(
        ISSUER, "248289761001", "jane", "Jane Doe 🦊", "jane@example.org", frozenset({"staff", "it"})
    )


def test_claims_may_have_other_names() -> None:
    settings = OidcSettings("lab", ISSUER, "c", name_claim="upn", email_claim="mail", groups_claim="roles")
    made = person_from({**CLAIMS, "upn": "jane@corp", "mail": "j@corp", "roles": "boss"}, settings)
    assert (made.name, made.email, made.groups) == ("jane@corp", "j@corp", {"boss"})


def test_person_without_a_display_name_is_shown_by_name() -> None:
    assert person(name=None).display_name == "jane"


def test_person_may_have_neither_address_nor_groups() -> None:
    assert (person(email=None, groups=None).email, person(groups=None).groups) == ("", frozenset())


@pytest.mark.parametrize("said", [False, "false"])
def test_address_that_the_provider_did_not_check_is_left_out(said: Any) -> None:
    assert person(email_verified=said).email == ""
    assert person(email_verified=True).email == "jane@example.org"


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "a" * 256}, "sub"),
        ({"sub": "jäne"}, "sub"),
        ({"sub": "a\n"}, "sub"),
        ({"preferred_username": None}, "preferred_username"),
        ({"preferred_username": ""}, "preferred_username"),
        ({"preferred_username": " jane"}, "preferred_username"),
        ({"preferred_username": "jane\r\nx"}, "preferred_username"),
        ({"preferred_username": "jane\x00"}, "preferred_username"),
        ({"preferred_username": "ja\u202ene"}, "preferred_username"),
        ({"preferred_username": ["jane"]}, "preferred_username"),
        ({"preferred_username": "j" * 105}, "preferred_username"),
        ({"name": "Jane\u2028Doe"}, "name"),
        ({"email": 1}, "email"),
        ({"email": "a" * 255}, "email"),
        ({"groups": {"staff": True}}, "groups"),
        ({"groups": ["staff", 1]}, "groups"),
        ({"groups": ["st\x00aff"]}, "groups"),
        ({"groups": ["g"] * 2001}, "groups"),
    ],
)
def test_claim_of_no_use_is_named(changed: dict[str, Any], claim: str) -> None:
    with pytest.raises(Refused) as caught:
        person(**changed)
    assert caught.value.reason is Reason.OIDC_CLAIM_UNFIT
    assert caught.value.detail.startswith(f"{claim}: ")
    assert caught.value.detail.isprintable()


def test_subject_of_255_characters_is_taken() -> None:
    assert subject_of({"sub": "a" * 255}) == "a" * 255


@pytest.mark.parametrize("claim", ["preferred_username", "email", "groups"])
def test_userinfo_is_wanted_when_a_claim_lacks(claim: str) -> None:
    assert not lacks_claims(CLAIMS, SETTINGS)
    assert lacks_claims({name: value for name, value in CLAIMS.items() if name != claim}, SETTINGS)
