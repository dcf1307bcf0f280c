"""The API over a data folder, in the process of a command."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dialback.app.local import LocalApi
from dialback.app.settings import load_settings, store_url, write_first_settings
from dialback.domain.audit import ActorKind
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.tenancy import MAIN, Role, Tenant, User
from dialback.store.open import open_store
from dialback.store.sql import SqlStore

ACME = TenantId("acme")
WHO = "ada@gw"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    write_first_settings(tmp_path, "127.0.0.1:1", "gw.example.org:443")
    store = await open_store(store_url(tmp_path, load_settings(tmp_path)))
    await store.directory.save_tenant(Tenant(ACME, "Acme"))
    yield store
    await store.close()


@pytest.fixture
def local(store: SqlStore, tmp_path: Path) -> LocalApi:
    return LocalApi(tmp_path, load_settings(tmp_path), store, WHO)


async def ask(local: LocalApi, tenant: TenantId, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(local.within(tenant))
    async with httpx.AsyncClient(transport=transport, base_url="https://x") as client:
        return await client.request(method, f"/api/v1{path}", **more)


async def test_each_call_is_for_its_tenant_and_by_whoever_has_the_folder(
    local: LocalApi, store: SqlStore
) -> None:
    answer = await ask(local, ACME, "PUT", "/users/u1", json={"name": "ada", "role": "owner"})
    assert answer.status_code == 201

    me = (await ask(local, ACME, "GET", "/me")).json()
    assert (me["tenant"], me["kind"], me["name"], me["role"]) == (ACME, "local", WHO, "owner")
    assert (await ask(local, ACME, "GET", "/users/u1")).json()["role"] == "owner"
    assert (await ask(local, MAIN, "GET", "/users/u1")).status_code == 404


async def test_what_was_done_is_in_the_tenants_audit_log_once_it_is_written(
    local: LocalApi, store: SqlStore
) -> None:
    await ask(local, ACME, "PUT", "/users/u1", json={"name": "ada"})
    assert not await store.audit.entries(ACME)

    await local.write_notes()
    await local.write_notes()

    (entry,) = await store.audit.entries(ACME)
    assert (entry.actor.kind, entry.actor.name, entry.action) == (ActorKind.LOCAL, WHO, "user.save")
    assert not await store.audit.entries(MAIN)


async def test_log_that_takes_nothing_is_told(
    local: LocalApi, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(self: object, entry: object) -> None:
        raise StoreUnavailable("the disk is full")

    await ask(local, ACME, "PUT", "/users/u1", json={"name": "ada"})
    monkeypatch.setattr(type(store.audit), "write", write)

    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await local.write_notes()


async def test_whoever_has_the_folder_is_nobody_of_the_directory(local: LocalApi, store: SqlStore) -> None:
    await store.directory.save(User(MAIN, UserId("u1"), UserName(WHO), role=Role.OWNER))

    # Nobody disables themselves; this is somebody else of the same name.
    assert (await ask(local, MAIN, "POST", "/users/u1/disable")).status_code == 200
    assert (await ask(local, MAIN, "GET", "/me/resources")).json() == {"items": []}


async def test_long_name_of_an_account_is_no_obstacle(store: SqlStore, tmp_path: Path) -> None:
    local = LocalApi(tmp_path, load_settings(tmp_path), store, "x" * 400)

    assert (await ask(local, MAIN, "PUT", "/users/u1", json={"name": "ada"})).status_code == 201


async def test_no_key_is_made_or_read_for_what_signs_nothing(
    local: LocalApi, tmp_path: Path, store: SqlStore
) -> None:
    settings = load_settings(tmp_path)
    server = replace(settings.server, signing_certificate="/nowhere.pem", signing_key="/nowhere.pem")
    other = LocalApi(tmp_path, replace(settings, server=server), store, WHO)

    assert (await ask(other, MAIN, "GET", "/users")).status_code == 200
    assert not (tmp_path / "signing.pem").exists()
    assert not (tmp_path / "platform.key").exists()


async def test_what_takes_the_server_itself_says_so(local: LocalApi) -> None:
    answer = await ask(local, MAIN, "POST", "/connections/c1/cut")

    assert answer.json()["reason"] == "not-there"
