"""A plan is gone through in memory before it is carried out, so that a server refuses no step half way.

The directory in memory keeps the rules that every store keeps (one suite of tests holds them to it): names
are taken once, what is referred to is there, what others refer to stays. It is filled with what the server
shows. What is left out: what a caller does not see, as a host that was revoked in its pool, or, with a token,
what wakes the hosts of a pool that is there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dialback.cli.context import Failed
from dialback.cli.declared import Declaration, DeclarationProblem
from dialback.cli.known import Known
from dialback.cli.plan import ORDER, Kind, Step, Wanted
from dialback.cli.plan_text import path_of
from dialback.cli.rules import noun_of, place_of
from dialback.domain.accounts import Scope
from dialback.domain.catalog import (
    ApplicationGroup,
    GroupAssignment,
    PublishedResource,
    UserAssignment,
    Workspace,
)
from dialback.domain.directory import MAX_PAGE, NameTaken, NotThere, StillUsed
from dialback.domain.errors import Problem
from dialback.domain.hosts import Host
from dialback.domain.ids import ApplicationGroupId, GroupId, HostId, UserId, UserName
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, Group, Role, User
from dialback.store.memory_directory import MemoryDirectory

_KINDS: dict[str, type[Any]] = {
    "workspaces": Workspace,
    "groups": Group,
    "host-pools": HostPool,
    "application-groups": ApplicationGroup,
    "resources": PublishedResource,
}
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def check_may_apply(me: Mapping[str, Any]) -> None:
    """Raise `Failed` unless the caller, as the API tells it, may change the directory at all."""
    if me["user"] is None:
        if Scope.DIRECTORY_WRITE not in me["scopes"]:
            raise Failed("A dry run is all that the token may; applying takes the scope directory:write.")
    elif not Role(me["role"]).includes(Role.ADMINISTRATOR):
        raise Failed(f"A dry run is all that the role {me['role']} may; applying takes an administrator.")


async def rehearse(
    steps: list[Step], known: Known, wanted: Wanted, declaration: Declaration, me: Mapping[str, Any]
) -> None:
    """Take every step in memory.

    Args:
        me: who calls, as the API tells it.

    Raises:
        DeclarationProblem: the server would refuse a step; the message says which, and why.
    """
    directory = await _as_it_is(known, wanted)
    for step in steps:
        try:
            await _check_caller(directory, step, me)
            _check_unwanted(step, wanted)
            await _take(directory, step)
        except Problem as problem:
            rule = await _rule(directory, step, problem)
            raise _refused(declaration, step, rule, path_of(step, known.names(wanted))) from problem


def _refused(declaration: Declaration, step: Step, rule: str, shown: str) -> DeclarationProblem:
    if step.kind is not Kind.REMOVED:
        return declaration.problem(place_of(step.path, step.body), rule)
    section = "application-groups" if step.path[0] == "resources" else step.path[0]
    return declaration.problem((section.replace("-", "_"),), f"{shown} cannot be removed: {rule}")


async def _as_it_is(known: Known, wanted: Wanted) -> MemoryDirectory:
    """Return a directory with what the server has, and of its users those who are spoken of."""
    hosts = {HostId(id): Host(HostId(id), name, b"", _LONG_AGO) for id, name in known.hosts.items()}
    directory = MemoryDirectory(hosts)
    said = (*known.there.values(), *wanted.values())
    people = {body["owner"] for body in said if body and body.get("owner")}
    people |= {path[3] for path in wanted if path[2:3] in (("members",), ("users",))}
    for id in people & known.users.keys():
        await directory.save(User(MAIN, UserId(id), UserName(known.users[id])))
    nouns: list[tuple[str, ...]] = [path for path in known.there if len(path) == 2]
    for path in sorted(nouns, key=lambda each: ORDER.index(each[0])):
        await directory.save(noun_of(path, known.there[path]))
    for place in known.there:
        if place[2:3] == ("hosts",):
            await directory.save_pool_host(noun_of(place, known.there[place]))
    return directory


async def _take(directory: MemoryDirectory, step: Step) -> None:
    removed = step.kind is Kind.REMOVED
    match step.path:
        case (family, id) if removed:
            await directory.remove(_KINDS[family], MAIN, id)
        case (_, _):
            await directory.save(noun_of(step.path, step.body))
        case (_, _, "hosts", host) if removed:
            await directory.remove_pool_host(MAIN, HostId(host))
        case (_, _, "hosts", _):
            await directory.save_pool_host(noun_of(step.path, step.body))
        case (_, group, "members", user) if not removed:
            await directory.join(MAIN, GroupId(group), UserId(user))
        case (_, id, "users", user) if not removed:
            await directory.assign(UserAssignment(MAIN, ApplicationGroupId(id), UserId(user)))
        case (_, id, "groups", group) if not removed:
            await directory.assign(GroupAssignment(MAIN, ApplicationGroupId(id), GroupId(group)))


async def _check_caller(directory: MemoryDirectory, step: Step, me: Mapping[str, Any]) -> None:
    """Raise `Failed` where the API asks more of a caller than that they may change the directory."""
    if step.path[0] == "groups":
        # A token acts as an administrator.
        own = Role(me["role"] or Role.ADMINISTRATOR)
        before = await directory.get(Group, MAIN, step.path[1])
        roles = [before.role] if before else []
        roles += [Role(step.body["role"])] if step.body else []
        for role in roles:
            if not own.includes(role):
                raise Failed(f"expected a caller with the role {role.value}, got {own.value}")
    new = step.kind is Kind.MADE and step.path[0] == "host-pools"
    if new and me["user"] is None and step.body.get("start_on_connect"):
        raise Failed("expected a person to set start_on_connect, got a token")


def _check_unwanted(step: Step, wanted: Wanted) -> None:
    """Raise `Failed` if the file itself refers to a group that is to go: the server would forget that."""
    if step.kind is Kind.REMOVED and (users := [path[1] for path in wanted if path[2:] == step.path]):
        raise Failed(f"the file lets it use {', '.join(users)}")


async def _rule(directory: MemoryDirectory, step: Step, problem: Problem) -> str:
    """Return the rule that a step breaks, with who else is concerned."""
    kind, id = _KINDS[step.path[0]], step.path[1]
    match problem:
        case NameTaken():
            other = await directory.find(kind, MAIN, step.body["name"])
            assert other is not None
            return f"the name {step.body['name']!r} is that of {other.id!r} by then; choose a different one"
        case NotThere() if kind is ApplicationGroup and step.body:
            wanted = {HostPool: step.body["pool"], Workspace: step.body["workspace"]}
            lack = [
                f"{'host pool' if each is HostPool else 'workspace'} {name!r}"
                for each, name in wanted.items()
                if name and await directory.get(each, MAIN, name) is None
            ]
            return f"there is no {' and no '.join(lack)}"
        case StillUsed():
            groups = (await directory.page(ApplicationGroup, MAIN, limit=MAX_PAGE)).items
            used = "pool" if kind is HostPool else "workspace"
            users = [f"application group {each.id}" for each in groups if getattr(each, used) == id]
            return f"still used by {', '.join(users)}"
    return str(problem)
