"""What `dialback apply` would change: the difference between a declaration and what the API shows.

A plan is a list of steps in the order in which they can be done: names that others take are freed first, what
others refer to is made first and removed last. Reading the server and carrying a step out are the caller's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import count
from typing import Any

from pydantic import BaseModel

from dialback.cli.api import body_of
from dialback.cli.declared import Declaration
from dialback.domain.names import key_of
from dialback.domain.pools import StartOnConnect
from dialback.web.api.pools import PoolHostBody

Wanted = dict[tuple[str, ...], Any]
"""What is to be at each path, as the body of a `PUT`; None where there is none to send."""


class Kind(StrEnum):
    """What a step does."""

    MADE = "made"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Step:
    """One request; `changes` names each field with what it was and what it is to be, without what hides."""

    kind: Kind
    path: tuple[str, ...]
    body: Any = None
    changes: tuple[tuple[str, Any, Any], ...] = ()


ORDER = ("workspaces", "groups", "host-pools", "application-groups", "resources")


def wanted_of(declaration: Declaration) -> Wanted:
    """Return what a declaration asks for, memberships and assignments included, by path."""
    wanted: Wanted = {}
    for id, workspace in (declaration.workspaces or {}).items():
        wanted["workspaces", id] = _plain(workspace)
    for id, group in (declaration.groups or {}).items():
        wanted["groups", id] = _plain(group, "members")
        wanted |= {("groups", id, "members", user): None for user in group.members or ()}
    for id, pool in (declaration.host_pools or {}).items():
        wanted["host-pools", id] = _plain(pool, "hosts")
        hosts = pool.hosts or {}
        wanted |= {("host-pools", id, "hosts", host): _member(each) for host, each in hosts.items()}
    for id, published in (declaration.application_groups or {}).items():
        wanted["application-groups", id] = _plain(published, "resources", "users", "groups")
        wanted |= {("application-groups", id, "users", user): None for user in published.users or ()}
        wanted |= {("application-groups", id, "groups", group): None for group in published.groups or ()}
        for resource_id, resource in (published.resources or {}).items():
            body = _plain(resource, "icon")
            body |= {"application_group": id, "name": resource.name or resource_id}
            wanted["resources", resource_id] = body
    return wanted


def _plain(model: BaseModel, *but: str) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude=set(but))


def _member(host: PoolHostBody) -> dict[str, Any]:
    """Return what is said of a host in its pool; of the owner nothing, unless the file names one or none."""
    return _plain(host) if "owner" in host.model_fields_set else _plain(host, "owner")


def sections_of(declaration: Declaration) -> frozenset[tuple[str, ...]]:
    """Return the lists that a declaration is the whole truth about, by path."""
    found: set[tuple[str, ...]] = set()
    if declaration.workspaces is not None:
        found.add(("workspaces",))
    if declaration.groups is not None:
        found.add(("groups",))
        found |= {
            ("groups", id, "members") for id, one in declaration.groups.items() if one.members is not None
        }
    if declaration.host_pools is not None:
        found.add(("host-pools",))
        pools = declaration.host_pools.items()
        found |= {("host-pools", id, "hosts") for id, pool in pools if pool.hosts is not None}
    for id, group in (declaration.application_groups or {}).items():
        lists = {"resources": group.resources, "users": group.users, "groups": group.groups}
        found |= {("application-groups", id, name) for name, said in lists.items() if said is not None}
    if declaration.application_groups is not None:
        found.add(("application-groups",))
    return frozenset(found)


def plan_of(
    wanted: Wanted, there: Mapping[tuple[str, ...], Any], sections: Iterable[tuple[str, ...]], prune: bool
) -> list[Step]:
    """Return the steps from what is there to what is wanted.

    Args:
        there: what the API shows, by path; the fields that bodies have not are not compared.
        sections: the lists of which what is not wanted is removed, if `prune`.
    """
    gone = _gone(wanted, there, set(sections)) if prune else set()
    moved = list(_moved(wanted, there, gone))
    there = {**there, **{step.path: step.body for step in moved}}
    steps = [step for path, body in wanted.items() if (step := _step(path, body, there))]
    steps.sort(key=lambda step: (len(step.path) > 2, ORDER.index(step.path[0])))
    removed = [Step(Kind.REMOVED, path) for path in sorted(gone)]
    removed.sort(key=lambda step: (len(step.path) == 2, -ORDER.index(step.path[0])))
    return moved + steps + removed


def _gone(
    wanted: Wanted, there: Mapping[tuple[str, ...], Any], whole: set[tuple[str, ...]]
) -> set[tuple[str, ...]]:
    """Return the paths of what is not wanted in the lists that a declaration is the whole truth about."""
    gone = {path for path in there if path not in wanted and _list_of(path, wanted, there) in whole}
    gone |= {path for path in there if path[2:3] == ("hosts",) and path[:2] in gone}
    # A host that another pool takes has left by then.
    hosts = {path[2:] for path in wanted if path[2:3] == ("hosts",)}
    return {path for path in gone if path[2:] not in hosts}


def _moved(
    wanted: Wanted, there: Mapping[tuple[str, ...], Any], gone: set[tuple[str, ...]]
) -> Iterator[Step]:
    """Yield the steps that free names: of what gets another one, or goes, while something else takes its own.

    Where a run ends half way, the next one finds them as names that are not the wanted ones.
    """
    taken = {(path[0], key_of(body["name"])) for path, body in wanted.items() if len(path) == 2}
    nouns = {path: each for path, each in there.items() if len(path) == 2}
    used = {key for _, key in taken} | {key_of(each["name"]) for each in nouns.values()}
    free = (name for number in count(1) if (name := f"moving-{number}") not in used)
    for path, known in nouns.items():
        key = key_of(known["name"])
        leaves = path in gone or (path in wanted and key_of(wanted[path]["name"]) != key)
        if leaves and (path[0], key) in taken:
            name = next(free)
            yield Step(Kind.CHANGED, path, {**body_of(known), "name": name}, (("name", known["name"], name),))


def _list_of(path: tuple[str, ...], wanted: Wanted, there: Mapping[tuple[str, ...], Any]) -> tuple[str, ...]:
    """Return which list of a declaration says whether what is there stays.

    A resource stands in the list of its application group, or goes with a group that is not wanted.
    """
    if path[0] != "resources":
        return path[:-1]
    group = ("application-groups", there[path]["application_group"])
    return (*group, "resources") if group in wanted else group[:-1]


def _step(path: tuple[str, ...], body: Any, there: Mapping[tuple[str, ...], Any]) -> Step | None:
    if path not in there:
        return Step(Kind.MADE, path, body)
    if body is None:
        return None
    known = there[path]
    changes = tuple(
        (name, _without_secrets(name, known.get(name)), _without_secrets(name, after))
        for name, after in body.items()
        if not _same(name, known.get(name), after)
    )
    if known.get("owner"):
        # A host may have been claimed, which is not for a file to end that says nothing of it.
        body = {"owner": known["owner"], **body}
    return Step(Kind.CHANGED, path, body, changes) if changes else None


def _without_secrets(name: str, value: Any) -> Any:
    """Return a field's value as the audit log tells it: a noun's part that hides itself is stars."""
    if name != "start_on_connect" or value is None:
        return value
    hidden = {each.name for each in fields(StartOnConnect) if not each.repr}
    return {part: "***" if part in hidden else each for part, each in value.items()}


def _same(name: str, before: Any, after: Any) -> bool:
    """Compare what was and what is to be; redirections are a set, so their order does not count."""
    if name == "redirections":
        return sorted(before or ()) == sorted(after)
    return bool(before == after)
