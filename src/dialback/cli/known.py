"""What the server has, as `dialback apply` needs it: by path, and by the names that people know.

A file says users and hosts by name or id, paths say them by id, and a plan shows them by name.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dialback.cli.api import Api
from dialback.cli.context import Failed
from dialback.cli.declared import Declaration
from dialback.cli.plan import ORDER, Wanted
from dialback.cli.plan_text import Names
from dialback.cli.rules import place_of
from dialback.domain.names import key_of
from dialback.domain.tenancy import Role

WORDS = {"members": "user", "users": "user", "groups": "group", "hosts": "host"}


@dataclass(frozen=True)
class Known:
    """Everything in question. `there` is by path; `users` and `hosts` are names by id."""

    there: Mapping[tuple[str, ...], Any]
    users: Mapping[str, str]
    hosts: Mapping[str, str]

    def names(self, wanted: Wanted) -> Names:
        """Return how to show ids: by name where one alone has it; what the file has, as the file says it."""
        often = Counter(self.hosts.values())
        names = {("users", id): name for id, name in self.users.items()}
        names |= {
            ("hosts", id): name if often[name] == 1 else _both(name, id) for id, name in self.hosts.items()
        }
        nouns = {path: each for path, each in self.there.items() if len(path) == 2 and path not in wanted}
        return names | {(path[0], path[1]): _both(each["name"], path[1]) for path, each in nouns.items()}

    def id_of(self, family: str, text: str, wanted: Wanted) -> str:
        """Return the id of a user, group or host; what the file itself makes need not be there yet.

        Raises:
            Failed: there is none, more than one of the name, or one of the id and another of the name.
        """
        word = WORDS[family]
        if (family, text) in wanted:
            return text
        found = set(self._by_name[word].get(_key(word, text), ()))
        if text in self._by_id[word]:
            found.add(text)
        if len(found) != 1:
            count = f"are {len(found)} {word}s" if found else f"is no {word}"
            raise Failed(f"there {count} {text!r}")
        return found.pop()

    @cached_property
    def _by_id(self) -> dict[str, Mapping[str, str]]:
        groups = {path[1]: each["name"] for path, each in self.there.items() if path[:-1] == ("groups",)}
        return {"user": self.users, "group": groups, "host": self.hosts}

    @cached_property
    def _by_name(self) -> dict[str, dict[str, list[str]]]:
        """Return the ids of each name: a tenant may have many users, and a file name many of them."""
        found: dict[str, dict[str, list[str]]] = {}
        for word, names in self._by_id.items():
            of_name = found.setdefault(word, {})
            for id, name in names.items():
                of_name.setdefault(_key(word, name), []).append(id)
        return found


def _key(word: str, name: str) -> str:
    """Return what names have in common that mean the same; hosts may differ in case alone."""
    return name if word == "host" else key_of(name)


def _both(name: str, id: str) -> str:
    return id if key_of(name) == key_of(id) else f"{name} ({id})"


def with_ids(declaration: Declaration, wanted: Wanted, known: Known) -> Wanted:
    """Return what is wanted with ids in place of the names of users, groups and hosts.

    Raises:
        DeclarationProblem: there is no such user, group or host, or a host is in two pools.
    """
    found: Wanted = {}
    hosts: set[str] = set()
    for path, body in wanted.items():
        where, place, said = place_of(path, body), path, body
        try:
            if len(path) == 4:
                place = (*path[:3], known.id_of(path[2], path[3], wanted))
            if body and body.get("owner") is not None:
                said = {**body, "owner": known.id_of("users", body["owner"], wanted)}
        except Failed as failed:
            raise declaration.problem(where, str(failed)) from failed
        if place[2:3] == ("hosts",):
            if place[3] in hosts:
                raise declaration.problem(where, "expected each host in one pool, and once")
            hosts.add(place[3])
        found[place] = said
    return found


def without_unseen(wanted: Wanted, known: Known, me: Mapping[str, Any]) -> Wanted:
    """Return what is wanted without what the caller is not shown: what wakes hosts of pools that are there.

    A token that saves such a pool leaves this as it is, so that it is no change.

    Args:
        me: who calls, as the API tells it.
    """
    if me["user"] and Role(me["role"]).includes(Role.ADMINISTRATOR):
        return wanted
    pools = {path for path in wanted if len(path) == 2 and path[0] == "host-pools"} & known.there.keys()
    return wanted | {path: {**wanted[path], "start_on_connect": None} for path in pools}


async def read_known(api: Api, wanted: Wanted) -> Known:
    """Read everything the server has of the families in question; hosts if the file has any."""
    there = await _there(api, wanted)
    hosts = {path[3]: each["name"] for path, each in there.items() if path[2:3] == ("hosts",)}
    if any(path[2:3] == ("hosts",) for path in wanted):
        hosts |= {each["id"]: each["name"] for each in await api.all("hosts")}
    users = {each["id"]: each["name"] for each in await api.all("users")}
    return Known(there, users, hosts)


async def _there(api: Api, wanted: Wanted) -> dict[tuple[str, ...], Any]:
    """Return everything the server has of the families in question, by path."""
    there: dict[tuple[str, ...], Any] = {}
    for family in ORDER:
        there |= {(family, each["id"]): each for each in await api.all(family)}
    # Of a pool that is to go, its hosts must be known too.
    looked_at = [path for path in there if path in wanted or path[0] == "host-pools"]
    for family, id in [(path[0], path[1]) for path in looked_at]:
        if family == "groups":
            members = await api.all(family, id, "members")
            there |= {(family, id, "members", each["id"]): None for each in members}
        elif family == "host-pools":
            hosts = await api.all(family, id, "hosts")
            there |= {(family, id, "hosts", each["host"]): each for each in hosts}
        elif family == "application-groups":
            assigned = await api.get(family, id, "assignments")
            there |= {
                (family, id, kind, each): None for kind in ("users", "groups") for each in assigned[kind]
            }
    return there
