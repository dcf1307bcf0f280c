"""A provider's settings: mistakes are named, and every setting is in the guide."""

import inspect
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from dialback.identity.oidc.settings import OidcSettings
from dialback.settings.file import SettingsProblem, parse_settings

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "openid-connect.md"
LEAST = {"name": "entra", "issuer": "https://login.example.org", "client_id": "dialback"}


@dataclass(frozen=True)
class File:
    """A settings file with providers."""

    oidc: tuple[OidcSettings, ...] = ()


def made(**changed: Any) -> OidcSettings:
    return OidcSettings(**{**LEAST, **changed})


def test_least_is_name_issuer_and_client() -> None:
    settings = made()
    assert settings.scopes == ("openid", "profile", "email")
    assert (settings.tenant, settings.create_users, settings.group_roles) == ("main", False, {})


def test_secret_does_not_show() -> None:
    assert "hidden-away" not in repr(made(client_secret="hidden-away"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "Entra ID"}, "as name"),
        ({"name": "-entra"}, "as name"),
        ({"name": "a" * 33}, "as name"),
        ({"issuer": "http://login.example.org"}, "expected https"),
        ({"issuer": "https://login.example.org?a=b"}, "without a query"),
        ({"client_id": ""}, "client_id"),
        ({"client_secret": "line\nbreak"}, "client_secret"),
        ({"title": "right\u202eleft"}, "title"),
        ({"tenant": "no tenant"}, "tenant"),
        ({"scopes": ("profile",)}, "'openid'"),
        ({"scopes": ("openid", "a b")}, "scope"),
        ({"name_claim": ""}, "claim"),
        ({"group_roles": {"admins": "root"}}, "owner, administrator, helpdesk, user or group:NAME"),
        ({"group_roles": {"admins": "group:"}}, "directory group"),
    ],
)
def test_setting_that_cannot_be_used_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made(**changed)


def test_tables_are_read_from_the_settings_file() -> None:
    text = """
[[oidc]]
name = "entra"
issuer = "https://login.example.org"
client_id = "dialback"
scopes = ["openid"]
group_roles = { "0001" = "owner", "0002" = "group:Accounting" }
"""
    (settings,) = parse_settings(text, "file", File).oidc
    assert settings == made(scopes=("openid",), group_roles={"0001": "owner", "0002": "group:Accounting"})


def test_mistake_in_a_table_names_the_file() -> None:
    with pytest.raises(SettingsProblem, match=r"file: .*'oidc'.* as name"):
        parse_settings('[[oidc]]\nname = "?"\nissuer = "https://a.test"\nclient_id = "c"', "file", File)


def test_misspelt_key_is_named() -> None:
    text = '[[oidc]]\nname = "a"\nissuer = "https://a.test"\nclient_id = "c"\nclient_sercet = "hidden-away"'
    with pytest.raises(SettingsProblem, match=r"'oidc\.client_sercet'") as caught:
        parse_settings(text, "file", File)
    assert "hidden-away" not in str(caught.value)


@pytest.mark.parametrize("name", [field.name for field in fields(OidcSettings)])
def test_every_setting_has_its_sentence_and_its_row_in_the_guide(name: str) -> None:
    assert f"\n    {name}: " in (inspect.getdoc(OidcSettings) or "")
    assert f"\n| `{name}` | " in GUIDE.read_text(encoding="utf-8")
