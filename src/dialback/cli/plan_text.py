"""A plan as people review it: lines of a diff, in which things have the names that people know them by."""

from collections.abc import Mapping
from typing import Any

from dialback.cli.plan import Kind, Step

SIGNS = {Kind.MADE: "+", Kind.CHANGED: "~", Kind.REMOVED: "-"}
Names = Mapping[tuple[str, str], str]
"""How to show an id, by family and id; one that is not there is shown as it is."""
_REFERENCES = {
    "owner": "users",
    "pool": "host-pools",
    "workspace": "workspaces",
    "application_group": "application-groups",
}
"""Fields that hold an id, and of which family."""


def path_of(step: Step, names: Names) -> str:
    """Return the step's path with names in place of ids."""
    family, id, *rest = step.path
    parts = [family, names.get((family, id), id)]
    if rest:
        inner = "users" if rest[0] == "members" else rest[0]
        parts += [rest[0], names.get((inner, rest[1]), rest[1])]
    return "/".join(parts)


def line_of(step: Step, names: Names) -> str:
    """Return the step as a line of a diff."""
    changes = [
        f"{name}: {_told(_named(name, before, names))} -> {_told(_named(name, after, names))}"
        for name, before, after in step.changes
    ]
    return f"{SIGNS[step.kind]} {path_of(step, names)}" + (f"  {', '.join(changes)}" if changes else "")


def _named(field: str, value: Any, names: Names) -> Any:
    return names.get((_REFERENCES[field], value), value) if field in _REFERENCES else value


def _told(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_told, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_told(each)}' for name, each in value.items())}}}"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)
