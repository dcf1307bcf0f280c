"""Fixtures of the sign-in tests."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.identity.oidc.issuer import Clock, Issuer, running_issuer


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()
