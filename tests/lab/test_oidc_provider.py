"""The OpenID provider of the tests is a real one that listens on loopback alone and goes when told to."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab import oidc_provider
from lab.listening import listening
from lab.oidc_provider import OidcLabProvider, lacking
from lab.process import PATIENCE_S


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[OidcLabProvider]:
    if sentence := lacking():
        if os.environ.get("CI"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    with OidcLabProvider(tmp_path, "http://127.0.0.1:1/back") as running:
        yield running


def key_ids(provider: OidcLabProvider) -> set[str]:
    return {key["kid"] for key in httpx.get(f"{provider.issuer}/jwks", timeout=PATIENCE_S).json()["keys"]}


def test_provider_listens_on_loopback_alone_and_publishes_what_it_is(provider: OidcLabProvider) -> None:
    assert [one.address for one in listening(provider.pid)] == [f"127.0.0.1:{provider.port}"]
    document = httpx.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=PATIENCE_S).json()
    assert document["issuer"] == provider.issuer


def test_each_start_makes_new_keys_on_the_same_port(provider: OidcLabProvider) -> None:
    before = key_ids(provider)
    provider.stop()
    provider.start()
    assert len(before) == 4
    assert not before & key_ids(provider)


def test_machine_without_the_package_is_told_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "INSTALLED", tmp_path)
    assert "make setup" in lacking()
