"""Nouns of accounts: what can be none, what hides itself, and what a person types to sign in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.accounts import Credential, ExternalIdentity, parse_login
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from tests.contracts.test_accounts import FULL_CREDENTIAL, IDENTITY, PASSWORD, TOKEN


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("anna", (MAIN, "anna")),
        ("anna@acme.example", (MAIN, "anna@acme.example")),
        ("acme\\anna", (TenantId("acme"), "anna")),
        ("acme\\dom\\anna", (TenantId("acme"), "dom\\anna")),
    ],
)
def test_login_names_tenant_and_user(text: str, login: tuple[TenantId, UserName]) -> None:
    assert parse_login(text) == login


@pytest.mark.parametrize("text", ["", "\\anna", "acme\\", "a b\\anna", "an\nna", " anna", "x" * 105, "a\0b"])
def test_login_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_login(text)


@given(st.text())
def test_any_text_is_a_login_or_refused(text: str) -> None:
    try:
        tenant, name = parse_login(text)
    except ValueError:
        return
    assert text in (name, f"{tenant}\\{name}")


def test_credential_shows_nothing_that_opens() -> None:
    shown = repr(FULL_CREDENTIAL)
    assert "argon2id" not in shown
    assert "JBSWY3DP" not in shown
    assert "0000" not in repr(PASSWORD)


def test_version_takes_no_part_in_comparison() -> None:
    credential = Credential(MAIN, UserId("u"), totp_secret=Secret("x"))
    assert replace(credential, version=7) == credential


@pytest.mark.parametrize("device", ["", " phone", "x" * 65, "a\r\nb"])
def test_device_needs_a_name(device: str) -> None:
    with pytest.raises(ValueError, match="device name"):
        replace(PASSWORD, device=device)


def test_token_of_a_program_needs_a_name() -> None:
    with pytest.raises(ValueError, match="API token name"):
        replace(TOKEN, name="a\0b")


@pytest.mark.parametrize("part", ["issuer", "subject"])
@pytest.mark.parametrize("text", ["", "a\0b", "x" * 261, "a\ud800b"])
def test_identity_that_two_could_share_is_none(part: str, text: str) -> None:
    with pytest.raises(ValueError, match=part):
        ExternalIdentity(**{**_fields(IDENTITY), part: text})


def _fields(identity: ExternalIdentity) -> dict[str, object]:
    return {name: getattr(identity, name) for name in ("tenant", "issuer", "subject", "user")}
