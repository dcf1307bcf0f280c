from dataclasses import replace

import pytest

from dialback.domain.catalog import PublishedResource
from dialback.domain.ids import ApplicationGroupId, ConnectionId, ResourceId, ResourceName
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN
from dialback.web.portal.shelves import Shelf, count_of, first_of, recent_of, shelves_of
from tests.broker.stores import NOW


def resource(name: str, title: str = "", *folders: str) -> PublishedResource:
    group = ApplicationGroupId("g")
    return PublishedResource(
        MAIN, ResourceId(name), group, ResourceName(name), title or name.title(), folders=folders
    )


def names(shelves: tuple[Shelf, ...]) -> list[tuple[str, list[str]]]:
    return [(shelf.title, [each.name for each in shelf.resources]) for shelf in shelves]


def test_what_was_used_last_stands_first_and_the_rest_by_title() -> None:
    found = shelves_of(
        [resource("c"), resource("a"), resource("b"), resource("d")], (ResourceName("d"), ResourceName("b"))
    )
    assert names(found) == [("", ["d", "b", "a", "c"])]


def test_folders_follow_what_is_in_none() -> None:
    found = shelves_of([resource("w", "", "Office"), resource("x"), resource("y", "", "art", "Office")], ())
    assert names(found) == [("", ["x"]), ("art", ["y"]), ("Office", ["w", "y"])]


@pytest.mark.parametrize("query", ["sales", "SALES", "figures sales", "fin", "app-1", " sales "])
def test_each_word_is_looked_for_in_title_alias_and_folder(query: str) -> None:
    listed = [resource("app-1", "Sales figures", "Finance"), resource("app-2", "Other")]
    assert names(shelves_of(listed, (), query)) == [("Finance", ["app-1"])]


def test_query_that_nothing_has_leaves_nothing() -> None:
    assert shelves_of([resource("a", "", "F")], (), "nothing") == ()


def test_resource_that_is_not_shown_is_on_no_shelf() -> None:
    assert shelves_of([replace(resource("a"), shown=False)], ()) == ()


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (0, []),
        (1, [("", ["x"])]),
        (2, [("", ["x"]), ("art", ["y"])]),
        (3, [("", ["x"]), ("art", ["y"]), ("Office", ["w"])]),
        (9, [("", ["x"]), ("art", ["y"]), ("Office", ["w", "y"])]),
    ],
)
def test_first_of_many_are_kept_shelf_by_shelf(most: int, shown: list[tuple[str, list[str]]]) -> None:
    shelves = shelves_of([resource("w", "", "Office"), resource("x"), resource("y", "", "art", "Office")], ())
    assert count_of(shelves) == 4
    assert names(first_of(shelves, most)) == shown


def test_recent_are_aliases_once_each_newest_first() -> None:
    record = ConnectionRecord(
        id=ConnectionId("c"), opened_at=NOW, transport="websocket", client_address="192.0.2.7"
    )
    used = [replace(record, resource=ResourceName(name)) for name in ("b", "a", "b")]
    assert recent_of([record, *used]) == ("b", "a")
