"""Feeds in each version, held against the schema."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dialback.wire.feed.document import NAMESPACE, build, build_part, join
from dialback.wire.feed.model import Publisher
from dialback.wire.feed.negotiation import SchemaVersion
from tests.wire.feed.schema import schema_of
from tests.wire.feed.workspaces import APP, DESKTOP, EMPTY, FOLDER, FULL, WORKSPACES

SCHEMAS = {version: schema_of(version) for version in SchemaVersion}
NAMES = {"f": NAMESPACE}
V1_1, V2_0, V2_1 = SchemaVersion


def read(publisher: Publisher, version: SchemaVersion = V2_1) -> etree._Element:
    return etree.fromstring(build(publisher, version))


def values(publisher: Publisher, path: str, version: SchemaVersion = V2_1) -> list[str]:
    return read(publisher, version).xpath(path, namespaces=NAMES)


@pytest.mark.parametrize("version", SchemaVersion)
@pytest.mark.parametrize("publisher", WORKSPACES.values(), ids=WORKSPACES)
def test_document_validates_against_its_schema(publisher: Publisher, version: SchemaVersion) -> None:
    SCHEMAS[version].assertValid(read(publisher, version))


def test_schema_refuses_what_a_newer_version_added() -> None:
    for version, older in ((V2_0, V1_1), (V2_1, V2_0)):
        document = read(FULL, version)
        document.set("SchemaVersion", older.value)
        assert not SCHEMAS[older].validate(document)


def test_document_begins_with_the_declaration_and_is_utf8() -> None:
    data = build(FULL, V2_1)
    assert data.startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<ResourceCollection ')
    assert APP.title in data.decode().replace("&lt;", "<").replace("&amp;", "&").replace(
        "&quot;", '"'
    ).replace("&gt;", ">")


def test_same_workspace_gives_the_same_bytes_dated_by_its_newest_change() -> None:
    assert build(FULL, V2_1) == build(replace(FULL), V2_1)
    assert values(FULL, "@PubDate") == values(FULL, "f:Publisher/@LastUpdated") == ["2026-11-20T10:00:05Z"]


def test_time_is_written_in_utc() -> None:
    east = datetime(2026, 11, 20, 23, 0, tzinfo=timezone(timedelta(hours=13)))
    assert values(replace(EMPTY, updated_at=east), "@PubDate") == ["2026-11-20T10:00:00Z"]


def test_named_icons_stand_in_order_and_others_behind_them_in_2_x_alone() -> None:
    path = "f:Publisher/f:Resources/f:Resource[1]/f:Icons/*"
    names = [
        [each.tag.rpartition("}")[2] for each in values(FULL, path, version)] for version in (V1_1, V2_0)
    ]
    assert names == [["IconRaw", "Icon32", "Icon48"], ["IconRaw", "Icon32", "Icon48", "Icon"]]


def test_resource_without_folder_is_in_the_root() -> None:
    path = "f:Publisher/f:Resources/f:Resource/f:Folders/f:Folder/@Name"
    assert values(FULL, path) == ["/", "/Office", "/Tools & more"]


def test_display_folder_brings_its_sub_folders() -> None:
    assert values(FOLDER, "f:Publisher/@DisplayFolder") == ["/"]
    assert values(FOLDER, "f:Publisher/f:SubFolders/f:Folder/@Name") == ["/Office"]
    assert values(FOLDER, "f:Publisher/f:SubFolders", V1_1) == []


def test_shown_by_default_is_said_in_2_1_alone() -> None:
    path = "f:Publisher/f:Resources/f:Resource/@ShowByDefault"
    assert values(FULL, path, V2_1) == ["true", "false"]
    assert values(FULL, path, V2_0) == []


@pytest.mark.parametrize("version", SchemaVersion)
def test_empty_list_has_its_two_empty_parts(version: SchemaVersion) -> None:
    assert [each.tag.rpartition("}")[2] for each in values(EMPTY, "f:Publisher/*", version)] == [
        "Resources",
        "TerminalServers",
    ]


def test_broken_workspace_is_not_written() -> None:
    with pytest.raises(ValueError, match="resource id"):
        build(replace(FULL, resources=(DESKTOP, DESKTOP)), V2_1)


@given(
    st.text(max_size=20),
    st.sampled_from(["title", "executable", "alias", "id"]),
    st.sampled_from(V2_1.__class__),
)
def test_text_arrives_as_it_is_or_is_refused(text: str, field: str, version: SchemaVersion) -> None:
    try:
        data = build(replace(FULL, resources=(replace(DESKTOP, **{field: text}),)), version)
    except ValueError:
        return
    attribute = {"executable": "ExecutableName", "id": "ID"}.get(field, field.title())
    element = etree.fromstring(data)[0][0][0]
    assert element.get(attribute, "") == text
    assert SCHEMAS[version].validate(etree.fromstring(data))


@pytest.mark.parametrize("version", SchemaVersion)
def test_parts_are_joined_to_the_same_document(version: SchemaVersion) -> None:
    servers = [server.id for server in FULL.terminal_servers]
    parts = [build_part(resource, version, servers) for resource in FULL.resources]
    assert join(replace(FULL, resources=()), parts, version) == build(FULL, version)
    with pytest.raises(ValueError, match="resources as parts"):
        join(FULL, parts, version)
    with pytest.raises(ValueError, match="each resource id once"):
        join(replace(FULL, resources=()), [*parts, parts[0]], version)
