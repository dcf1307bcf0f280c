"""Workspaces that clients could not read are refused, with the reason in words."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dialback.wire.feed.model import FileExtension, Hosting, Icons, Publisher, Resource, check
from tests.wire.feed.workspaces import APP, AT, DESKTOP, EMPTY, FULL, HOSTING, SERVER, WORKSPACES

NAIVE = datetime(2026, 1, 1)
MARK = "a\u202eb"


@pytest.mark.parametrize("publisher", WORKSPACES.values(), ids=WORKSPACES)
def test_good_workspace_is_taken(publisher: Publisher) -> None:
    check(publisher)


def test_newest_change_below_dates_the_workspace() -> None:
    assert FULL.newest_at == APP.updated_at
    assert EMPTY.newest_at == AT
    later = replace(SERVER, updated_at=AT + timedelta(days=1))
    assert replace(FULL, terminal_servers=(later,)).newest_at == later.updated_at


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (replace(FULL, id=""), "workspace's id"),
        (replace(FULL, name=" a"), "workspace's name"),
        (replace(FULL, name="a\r\nb"), "workspace's name"),
        (replace(FULL, name="a" * 257), "workspace's name"),
        (replace(FULL, description="a\0b"), "workspace's description"),
        (replace(FULL, updated_at=NAIVE), "time with its zone for the workspace"),
        (replace(FULL, sub_folders=("a",)), "display folder"),
        (replace(FULL, display_folder="a/b"), "display folder"),
        (replace(FULL, display_folder="", sub_folders=("",)), "sub folder"),
        (replace(FULL, terminal_servers=()), "listed server for resource 'id-1'"),
        (replace(FULL, terminal_servers=(SERVER, SERVER)), "each server id once"),
        (replace(FULL, terminal_servers=(replace(SERVER, name=MARK),)), "name of server"),
        (replace(FULL, terminal_servers=(replace(SERVER, updated_at=NAIVE),)), "server 'broker"),
        (replace(FULL, resources=(DESKTOP, replace(APP, id="id-1"))), "each resource id once"),
        (replace(FULL, resources=(DESKTOP, replace(APP, alias=DESKTOP.alias))), "each resource alias once"),
    ],
)
def test_broken_workspace_is_refused(changed: Publisher, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (replace(APP, title=""), "title of resource 'id-2'"),
        (replace(APP, title=MARK), r"title of resource 'id-2', got U\+202E"),
        (replace(APP, title="\ud800"), r"got U\+D800"),
        (replace(APP, alias="a\n"), "alias of resource 'id-2'"),
        (replace(APP, executable="a\tb"), "executable of resource 'id-2'"),
        (replace(APP, updated_at=NAIVE), "zone for resource 'id-2'"),
        (replace(APP, hosting=()), "a server for resource 'id-2'"),
        (replace(APP, hosting=(Hosting("other", "/a"),)), "listed server"),
        (replace(APP, folders=("a/b",)), "folder of resource 'id-2'"),
        (replace(APP, folders=("",)), "folder of resource 'id-2'"),
        (replace(APP, extensions=(FileExtension("txt"),)), "a dot and a name"),
        (replace(APP, extensions=(FileExtension(".a.b"),)), "a dot and a name"),
        (replace(APP, extensions=(FileExtension(".a\0"),)), r"got U\+0000"),
        (replace(APP, extensions=(FileExtension(".a"), FileExtension(".A"))), "each extension"),
        (replace(APP, extensions=(FileExtension(".a", Icons("x")),)), "HTTPS address or a path"),
        (replace(APP, icons=Icons("/a", ((0, "/b"),))), "1 to 1024 pixels"),
        (replace(APP, icons=Icons("/a", ((32, "/b"), (32, "/c")))), "each icon size"),
    ],
)
def test_broken_resource_is_refused_by_its_id(changed: Resource, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(replace(FULL, resources=(changed,)))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a",
        "//evil.example/a",
        "http://a/b",
        "javascript:alert(1)",
        "/a b",
        "/ä",
        "/a\n",
        "/" + "a" * 2048,
    ],
)
def test_address_leads_to_this_server_or_to_https(url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS address or a path"):
        check(replace(FULL, resources=(replace(DESKTOP, hosting=(Hosting(SERVER.id, url),)),)))


@pytest.mark.parametrize("url", ["/", "/a?b=c&d=%20", "https://a.example:444/b", "https://[::1]/b"])
def test_good_address_is_taken(url: str) -> None:
    check(replace(FULL, resources=(replace(DESKTOP, hosting=(*HOSTING, Hosting(SERVER.id, url))),)))
