"""The rules of a declaration that need no server: each thing in it is made as the API makes it of a body.

So a rule is in one place, and what the API would refuse is refused before anything is asked of it. What is
left out: rules about what the server has (`cli/rehearsal.py`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dialback.cli.declared import Declaration
from dialback.cli.plan import Wanted
from dialback.domain.tenancy import MAIN
from dialback.web.api.catalog import ApplicationGroupBody, ResourceBody, application_group_of, resource_of
from dialback.web.api.parts import Body
from dialback.web.api.pools import HostPoolBody, PoolHostBody, pool_host_of, pool_of
from dialback.web.api.problems import ApiProblem
from dialback.web.api.users import GroupBody, group_of
from dialback.web.api.workspaces import WorkspaceBody, workspace_of
from dialback.web.feed.pictures import PictureUnfit, prepare_icon

_MADE_OF: dict[str, tuple[type[Body], Callable[..., Any]]] = {
    "workspaces": (WorkspaceBody, workspace_of),
    "groups": (GroupBody, group_of),
    "host-pools": (HostPoolBody, pool_of),
    "application-groups": (ApplicationGroupBody, application_group_of),
    "resources": (ResourceBody, resource_of),
}


def noun_of(path: tuple[str, ...], said: Mapping[str, Any]) -> Any:
    """Return the noun at a path that has a body, of that or of what the API shows of it.

    The tenant is always `main`: which one it is matters to no rule.

    Raises:
        ApiProblem: it breaks a rule.
    """
    if len(path) == 4:
        return pool_host_of(MAIN, path[1], path[3], PoolHostBody.model_validate(_known(PoolHostBody, said)))
    kind, make = _MADE_OF[path[0]]
    return make(MAIN, path[1], kind.model_validate(_known(kind, said)))


def _known(kind: type[Body], said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name in kind.model_fields}


def place_of(path: tuple[str, ...], body: Any) -> tuple[str, ...]:
    """Return where in the declaration stands what is wanted at a path."""
    if path[0] == "resources":
        return ("application_groups", body["application_group"], *path)
    return (path[0].replace("-", "_"), *path[1:])


def check_rules(declaration: Declaration, wanted: Wanted) -> None:
    """Check everything that is said of each thing.

    Raises:
        DeclarationProblem: a rule is broken.
    """
    _check_resource_ids(declaration)
    for path, body in wanted.items():
        if body is None:
            continue
        try:
            noun_of(path, body)
        except ApiProblem as problem:
            (broken,) = problem.errors
            place = (*place_of(path, body), *broken.field.split(".")[1:])
            raise declaration.problem(place, broken.message) from problem


def _check_resource_ids(declaration: Declaration) -> None:
    """Raise the problem unless each resource stands in one application group."""
    seen: dict[str, str] = {}
    for group, said in (declaration.application_groups or {}).items():
        for resource in said.resources or ():
            if resource in seen:
                place = ("application_groups", group, "resources", resource)
                raise declaration.problem(place, f"expected it once, it stands in {seen[resource]!r} too")
            seen[resource] = group


def read_icons(declaration: Declaration, folder: Path) -> dict[str, bytes]:
    """Return the pictures that a declaration names, by resource.

    Raises:
        DeclarationProblem: one is no picture that the server takes.
        OSError: one cannot be read.
    """
    pictures: dict[str, bytes] = {}
    for group, said in (declaration.application_groups or {}).items():
        for resource, one in (said.resources or {}).items():
            if not one.icon:
                continue
            pictures[resource] = (folder / one.icon).read_bytes()
            try:
                prepare_icon(pictures[resource])
            except PictureUnfit as error:
                place = ("application_groups", group, "resources", resource, "icon")
                raise declaration.problem(place, str(error)) from error
    return pictures
