"""How desktops and apps are laid out: what was used last stands first, and folders keep together. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialback.domain.catalog import PublishedResource
from dialback.domain.ids import ResourceName
from dialback.domain.names import key_of
from dialback.domain.sessions import ConnectionRecord

MAX_QUERY_CHARS = 100


@dataclass(frozen=True, slots=True)
class Shelf:
    """Resources that stand together; `title` is empty for those in no folder."""

    title: str
    resources: tuple[PublishedResource, ...]


def shelves_of(
    resources: Iterable[PublishedResource], recent: Sequence[ResourceName], query: str = ""
) -> tuple[Shelf, ...]:
    """Return the shelves that are not empty: without folder first, then by folder.

    Args:
        recent: aliases of what was used, newest first.
        query: words that title, alias or folder must have, each of them, in whatever case.
    """
    words = key_of(query[:MAX_QUERY_CHARS]).split()
    found = [each for each in resources if each.shown and _has(each, words)]
    order = {name: at for at, name in reversed(list(enumerate(recent)))}
    found.sort(key=lambda each: (order.get(each.name, len(order)), key_of(each.title), each.name))
    folders = sorted({folder for each in found for folder in each.folders}, key=key_of)
    shelves = [Shelf("", tuple(each for each in found if not each.folders))]
    shelves += [Shelf(folder, tuple(each for each in found if folder in each.folders)) for folder in folders]
    return tuple(shelf for shelf in shelves if shelf.resources)


def first_of(shelves: Iterable[Shelf], most: int) -> tuple[Shelf, ...]:
    """Return the shelves with that many resources at most, the first ones."""
    kept: list[Shelf] = []
    for shelf in shelves:
        if most <= 0:
            break
        kept.append(Shelf(shelf.title, shelf.resources[:most]))
        most -= len(shelf.resources)
    return tuple(kept)


def count_of(shelves: Iterable[Shelf]) -> int:
    """Return how many resources stand on the shelves; one in two folders is there twice."""
    return sum(len(shelf.resources) for shelf in shelves)


def recent_of(records: Iterable[ConnectionRecord]) -> tuple[ResourceName, ...]:
    """Return the aliases of what was used, newest first, each once."""
    used = (record.resource for record in records if record.resource is not None)
    return tuple(dict.fromkeys(used))


def _has(resource: PublishedResource, words: Iterable[str]) -> bool:
    text = key_of(" ".join((resource.title, resource.name, *resource.folders)))
    return all(word in text for word in words)
