"""Lists: what is in them, in which version, and when they are sent again."""

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from dialback.domain.catalog import PublishedResource, RemoteApp, UserAssignment, Workspace
from dialback.domain.ids import ResourceId, ResourceName, UserId, UserName, WorkspaceId
from dialback.domain.tenancy import Tenant, User
from dialback.web.feed import lists
from dialback.wire.feed.document import NAMESPACE
from dialback.wire.feed.negotiation import SchemaVersion
from tests.web.feed.nouns import ANNA, APPS, DESKTOP, DESKTOPS, EDITOR, MAIN, OTHER, SPACE, THEIRS
from tests.web.feed.stage import RADC, Feed, Subscriber
from tests.wire.feed.schema import schema_of

FEED = "/RDWeb/Feed/webfeed.aspx"
RADC_TYPE = "application/x-msts-radc+xml; charset=utf-8"


def tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


async def parsed(client: Subscriber, path: str = FEED, **headers: str) -> etree._Element:
    answer = await client.ask(path, **headers)
    assert answer.status_code == 200
    root = etree.fromstring(answer.content)
    schema_of(SchemaVersion(root.get("SchemaVersion"))).assertValid(root)
    return root


def publisher(root: etree._Element) -> etree._Element:
    return root.find(tag("Publisher"))


def titles(root: etree._Element) -> list[str]:
    return [each.get("Title") for each in root.iter(tag("Resource"))]


@pytest.mark.parametrize(
    ("accept", "path", "version", "kind"),
    [
        ("application/x-msts-radc+xml; radc_schema_version=2.0", FEED, "2.0", RADC_TYPE),
        ("application/xml, application/x-msts-radc+xml;radc_schema_version=2.1", FEED, "2.1", RADC_TYPE),
        ("*/*", FEED, "1.1", "text/xml; charset=utf-8"),
        ("*/*", f"{FEED}?radc_schema_version=2.0", "2.0", RADC_TYPE),
    ],
)
async def test_list_has_the_version_that_was_asked_for(
    feed: Feed, accept: str, path: str, version: str, kind: str
) -> None:
    answer = await (await feed.subscribed()).ask(path, Accept=accept)
    root = etree.fromstring(answer.content)
    assert (root.get("SchemaVersion"), answer.headers["Content-Type"]) == (version, kind)
    schema_of(SchemaVersion(version)).assertValid(root)


async def test_list_holds_what_is_shown_with_folders_and_file_extensions(feed: Feed) -> None:
    root = await parsed(await feed.subscribed())
    assert titles(root) == [EDITOR.title, DESKTOP.title]
    editor = root.find(f".//{tag('Resource')}[@ID='r2']")
    assert editor is not None
    assert (editor.get("Type"), editor.get("ExecutableName")) == ("RemoteApp", "editor")
    folders = [each.get("Name") for each in editor.iter(tag("Folder"))]
    assert folders == ["/Office & more", "/Tools"]
    assert sorted(each.get("Name").lower() for each in editor.iter(tag("FileExtension"))) == [".log", ".txt"]
    assert publisher(root).get("Name") == SPACE.name
    assert publisher(root).get("SupportsReconnect") == "true"


async def test_user_without_resources_gets_an_empty_list(feed: Feed) -> None:
    root = await parsed(await feed.subscribed(RADC, THEIRS))
    assert titles(root) == []
    assert publisher(root).get("Name") == "Other"


async def test_list_is_not_sent_again_until_something_changed(feed: Feed) -> None:
    client = await feed.subscribed()
    first = await client.ask(FEED)
    again = await client.ask(FEED, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]

    await feed.directory.save(replace(DESKTOP, title="Office, renamed"))

    changed = await client.ask(FEED, If_None_Match=first.headers["ETag"])
    assert changed.status_code == 200
    assert "Office, renamed" in changed.text


async def test_change_raises_the_date_of_its_resource_and_each_day_raises_all(feed: Feed) -> None:
    async def dates() -> dict[str, str]:
        root = await parsed(await feed.subscribed())
        return {each.get("ID"): each.get("LastUpdated") for each in root.iter(tag("Resource"))}

    first = await dates()
    await feed.directory.save(replace(DESKTOP, title="Office, renamed"))
    second = await dates()
    assert second["r1"] > first["r1"]
    assert second["r2"] == first["r2"]
    feed.clock.move(days=1)
    third = await dates()
    assert all(third[id] > second[id] for id in second)
    assert all(date < feed.clock().isoformat() for date in third.values())


async def test_resource_that_was_made_anew_under_its_id_is_not_taken_for_the_old_one(feed: Feed) -> None:
    client = await feed.subscribed()
    await client.ask(FEED)
    await feed.directory.remove(PublishedResource, MAIN, DESKTOP.id)
    await feed.directory.save(replace(DESKTOP, title="Another"))
    assert "Another" in titles(await parsed(client))


async def test_assignment_that_was_taken_back_takes_its_resources_off_the_list(feed: Feed) -> None:
    client = await feed.subscribed()
    await client.ask(FEED)
    await feed.directory.unassign(UserAssignment(MAIN, APPS.id, ANNA.id))
    assert titles(await parsed(client)) == [DESKTOP.title]


async def test_feed_of_a_workspace_has_its_own_name_and_id_and_holds_what_is_in_it(feed: Feed) -> None:
    await feed.directory.save(Workspace(MAIN, WorkspaceId("w2"), "Second"))
    await feed.directory.save(replace(APPS, workspace=WorkspaceId("w2")))
    client = await feed.subscribed()

    both = await parsed(client)
    first, second = [await parsed(client, f"/Feed/{id}/WebFeed.aspx") for id in ("w1", "w2")]

    assert [publisher(root).get("Name") for root in (both, first, second)] == ["Main", SPACE.name, "Second"]
    assert len({publisher(root).get("ID") for root in (both, first, second)}) == 3
    assert (titles(first), titles(second)) == ([DESKTOP.title], [EDITOR.title])


@pytest.mark.parametrize("workspace", ["theirs", "unknown", "W1"])
async def test_workspace_of_another_tenant_is_404_as_if_there_were_none(feed: Feed, workspace: str) -> None:
    await feed.directory.save(Workspace(OTHER, WorkspaceId("theirs"), "Theirs"))
    answer = await (await feed.subscribed()).ask(f"/feed/{workspace}/webfeed.aspx")
    assert (answer.status_code, answer.content) == (404, b"")


async def test_users_with_the_same_resources_share_one_list(feed: Feed, monkeypatch: Any) -> None:
    built: list[object] = []
    for name in ("join", "build_part"):
        work = getattr(lists.document, name)
        monkeypatch.setattr(
            lists.document, name, lambda *given, work=work: built.append(given) or work(*given)
        )
    ben = await feed.directory.save(User(MAIN, UserId("u2"), UserName("ben")))
    for group in (DESKTOPS, APPS):
        await feed.directory.assign(UserAssignment(MAIN, group.id, ben.id))
    documents = {(await (await feed.subscribed(RADC, user)).ask(FEED)).content for user in (ANNA, ben)}
    assert (len(documents), len(built)) == (1, len([DESKTOP, EDITOR]) + 1)


TEXT = st.text(max_size=64)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(TEXT, TEXT, TEXT, TEXT)
async def test_whatever_a_name_holds_it_is_refused_or_the_list_is_valid(
    feed: Feed, title: str, folder: str, workspace: str, tenant: str
) -> None:
    for make in (
        lambda: replace(DESKTOP, title=title),
        lambda: replace(EDITOR, folders=(folder,), remote_app=RemoteApp(title or "x", folder)),
        lambda: Workspace(MAIN, SPACE.id, workspace, folder),
    ):
        try:
            noun = make()
        except ValueError:
            continue
        await feed.directory.save(noun)
    with contextlib.suppress(ValueError):
        await feed.directory.save_tenant(Tenant(MAIN, tenant))
    client = await feed.subscribed()
    for accept in ("*/*", "radc_schema_version=2.1"):
        await parsed(client, Accept=accept)


async def test_longest_program_has_a_name_that_fits(feed: Feed) -> None:
    await feed.directory.save(replace(EDITOR, remote_app=RemoteApp("p" * 260)))
    root = await parsed(await feed.subscribed())
    assert "p" * 256 in [each.get("ExecutableName") for each in root.iter(tag("Resource"))]


@pytest.mark.parametrize("text", ["a\r\nb", "a\0b", "a\u202eb", "\ud800"])
def test_line_break_nul_and_direction_mark_cannot_even_be_named(text: str) -> None:
    for make in (
        lambda: replace(DESKTOP, title=text),
        lambda: replace(DESKTOP, folders=(text,)),
        lambda: Workspace(MAIN, SPACE.id, text),
    ):
        with pytest.raises(ValueError, match="expected"):
            make()


async def test_hundreds_of_resources_fit_in_a_list(feed: Feed) -> None:
    for number in range(300):
        await feed.directory.save(
            PublishedResource(
                MAIN, ResourceId(f"n{number}"), DESKTOPS.id, ResourceName(f"n{number}"), f"Desk {number}"
            )
        )
    assert len(titles(await parsed(await feed.subscribed()))) == 302
