import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from PIL import Image

from dialback.domain.catalog import PublishedResource
from dialback.domain.tenancy import MAIN
from tests.web.api.stage import ApiStage, meanwhile, problem_of

APP = {"program": "||notes", "arguments": "-x", "working_directory": "C:\\", "file_extensions": [".txt"]}


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, "PNG")
    return file.getvalue()


async def test_application_group_and_its_app_are_published(api: ApiStage) -> None:
    group = {"name": "Apps", "pool": "pool", "kind": "remote-app", "workspace": "work"}
    assert await api.good("PUT", "/application-groups/apps", json=group) == {
        "id": "apps",
        "version": 1,
        **group,
    }
    resource = {
        "application_group": "apps",
        "name": "notes",
        "title": "Notes",
        "target": "127.0.0.1:3390",
        "remote_app": APP,
        "folders": ["Tools"],
        "shown": False,
    }
    saved = await api.good("PUT", "/resources/notes", json=resource)
    assert saved == {"id": "notes", "version": 1, "icon": "", **resource}
    assert await api.good("GET", "/resources/notes") == saved

    await api.good("DELETE", "/application-groups/apps")
    assert await api.bad("GET", "/resources/notes") == (404, "not-there")


async def test_references_must_be_there_in_the_tenant(api: ApiStage) -> None:
    for body in (
        {"name": "X", "pool": "none"},
        {"name": "X", "pool": "acme-pool"},
        {"name": "X", "pool": "pool", "workspace": "acme-work"},
        {"name": "X", "pool": "no id"},
        {"name": "X", "pool": "pool", "workspace": ""},
    ):
        assert (await api.bad("PUT", "/application-groups/x", json=body)) == (422, "request-invalid")
    body = {"name": "x", "title": "X", "application_group": "acme-desktops"}
    assert (await api.bad("PUT", "/resources/x", json=body)) == (422, "request-invalid")


async def test_kind_of_resource_and_group_must_agree(api: ApiStage) -> None:
    body = {"name": "x", "title": "X", "application_group": "desktops", "remote_app": APP}

    assert await api.bad("PUT", "/resources/x", json=body) == (409, "kind-differs")


async def test_rules_of_a_resource_are_told_in_words(api: ApiStage) -> None:
    whole = {"name": "x", "title": "X", "application_group": "desktops"}
    for more, said in (
        ({"name": "No Name"}, "as resource name"),
        ({"target": "nowhere"}, "as target"),
        ({"folders": ["a/b"]}, "one level"),
        ({"remote_app": {"program": "x", "file_extensions": ["txt"]}}, "like .txt"),
        ({"title": "a\u202eb"}, "resource title"),
    ):
        answer = await api.ask("PUT", "/resources/x", json=whole | more)
        assert said in problem_of(answer)["errors"][0]["message"]


async def test_users_and_groups_are_assigned_once_and_taken_back(api: ApiStage) -> None:
    base = "/application-groups/desktops"
    for _ in range(2):
        await api.good("PUT", f"{base}/users/adam")
        await api.good("PUT", f"{base}/groups/staff")
    assert await api.good("GET", f"{base}/assignments") == {"users": ["adam", "uma"], "groups": ["staff"]}
    assert len(api.notes.entries) == 2

    await api.good("DELETE", f"{base}/users/adam")
    await api.good("DELETE", f"{base}/groups/staff")
    assert await api.bad("DELETE", f"{base}/groups/staff") == (404, "not-there")
    assert await api.bad("PUT", f"{base}/groups/acme-staff") == (404, "not-there")
    assert [detail.detail for detail in api.notes.entries[2:]] == ["user adam", "group staff"]


async def test_icon_is_prepared_kept_and_taken_back(api: ApiStage) -> None:
    icon = (await api.good("PUT", "/resources/office/icon", content=picture()))["icon"]

    assert await api.icons.icon(MAIN, icon) is not None
    body = {"name": "office", "title": "New", "application_group": "desktops"}
    assert (await api.good("PUT", "/resources/office", json=body))["icon"] == icon
    assert (await api.good("DELETE", "/resources/office/icon"))["icon"] == ""


async def test_what_is_said_while_an_icon_is_sent_stays(api: ApiStage) -> None:
    body = {"name": "office", "title": "Renamed", "application_group": "desktops", "shown": False}

    async def sent() -> AsyncIterator[bytes]:
        yield picture()[:10]
        await api.good("PUT", "/resources/office", json=body)
        yield picture()[10:]

    saved = await api.good("PUT", "/resources/office/icon", content=sent())

    assert (saved["title"], saved["shown"], bool(saved["icon"])) == ("Renamed", False, True)


async def test_resource_that_gets_an_icon_while_saved_keeps_it(
    api: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(api, monkeypatch, PublishedResource, "office", lambda office: replace(office, icon="f" * 64))
    body = {"name": "office", "title": "New", "application_group": "desktops"}

    assert await api.bad("PUT", "/resources/office", json=body) == (412, "version-stale")
    assert (await api.good("PUT", "/resources/office", json=body))["icon"] == "f" * 64


async def test_what_is_no_picture_is_refused(api: ApiStage) -> None:
    answer = await api.ask("PUT", "/resources/office/icon", content=b"<svg/>")

    assert answer.status_code == 422
    assert "no picture" in problem_of(answer)["errors"][0]["message"]
    assert await api.bad("PUT", "/resources/none/icon", content=picture()) == (404, "not-there")
