"""The file of `dialback apply`: YAML that says what a tenant's directory is to be.

What may be said of each thing is what the API takes, in its words. An unknown or repeated key is refused with
its line and the nearest one that is known, since it is a misspelt one. Anchors and tags are no part of it. A
section that the file has is the whole truth about its kind; one it has not is left alone.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, PrivateAttr, ValidationError, model_validator
from yaml import AliasEvent, MappingNode, Node, ScalarNode, SequenceNode

from dialback.domain.errors import Problem
from dialback.web.api.catalog import ApplicationGroupBody, ResourceBody
from dialback.web.api.parts import Body
from dialback.web.api.pools import HostPoolBody, PoolHostBody
from dialback.web.api.users import GroupBody
from dialback.web.api.workspaces import WorkspaceBody

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 12


class DeclarationProblem(Problem):
    """The file cannot be used; the message names file, line and rule."""


class DeclaredGroup(GroupBody):
    """A group of users, and who is in it, by name or id."""

    members: tuple[str, ...] | None = None


class DeclaredPool(HostPoolBody):
    """A host pool, and its hosts by name or id; `owner` is a user's name or id."""

    hosts: dict[str, PoolHostBody] | None = None


class DeclaredResource(ResourceBody):
    """A resource; `icon` is a picture file, seen from the declaration."""

    application_group: str = ""
    name: str = ""
    icon: str | None = None

    @model_validator(mode="after")
    def _stands_in_its_group(self) -> Self:
        if self.application_group:
            raise ValueError("expected no application_group, it is the one the resource stands in")
        return self


class DeclaredApplicationGroup(ApplicationGroupBody):
    """An application group with its resources by id, and who may use it."""

    resources: dict[str, DeclaredResource] | None = None
    users: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Lines:
    """Plain values of a document, and the line of each path in it."""

    where: str
    lines: dict[tuple[object, ...], int] = field(default_factory=dict)

    def fail(self, line: int, rule: str) -> DeclarationProblem:
        return DeclarationProblem(f"{self.where}, line {line}: {rule}")

    def line_of(self, place: tuple[object, ...]) -> int:
        """Return the line of a path: what is not there is told where it should be."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def value(self, node: Node, path: tuple[object, ...]) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > MAX_DEPTH:
            raise self.fail(line, "expected less depth")
        if isinstance(node, MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, SequenceNode):
            return [self.value(each, (*path, at)) for at, each in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, line)

    def _items(self, node: MappingNode, path: tuple[object, ...]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, each in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise self.fail(line, "expected a name as key")
            if key.value in seen:
                raise self.fail(line, f"the key {key.value!r} is there twice")
            seen.add(key.value)
            self.lines[*path, key.value] = line
            yield key.value, self.value(each, (*path, key.value))

    def _scalar(self, node: ScalarNode, line: int) -> Any:
        try:
            made = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self.fail(line, "expected a plain value") from error
        if made is None or isinstance(made, str | bool | int | float):
            return made
        # YAML takes 2026-03-01 for a date; here it is the text it looks like.
        return node.value


class Declaration(Body):
    """The whole file: each section maps ids to what they are to be."""

    workspaces: dict[str, WorkspaceBody] | None = None
    groups: dict[str, DeclaredGroup] | None = None
    host_pools: dict[str, DeclaredPool] | None = None
    application_groups: dict[str, DeclaredApplicationGroup] | None = None
    _lines: _Lines = PrivateAttr(default_factory=lambda: _Lines("the declaration"))

    def problem(self, place: Sequence[object], rule: str) -> DeclarationProblem:
        """Return the problem of what stands at a path of keys, with its line."""
        return self._lines.fail(self._lines.line_of(tuple(place)), f"{_dotted(place)}: {rule}")


def read_declaration(path: Path) -> Declaration:
    """Read a declaration.

    Raises:
        DeclarationProblem: it is no YAML, or says something that cannot be said.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        raise DeclarationProblem(f"{path}: expected {MAX_FILE_BYTES} bytes at most, got {len(data)}")
    return parse_declaration(data, str(path))


def parse_declaration(data: bytes, where: str) -> Declaration:
    """Parse the text of a declaration; `where` names it in a `DeclarationProblem`."""
    lines = _Lines(where)
    node = _document(data, lines)
    values = {} if node is None else lines.value(node, ())
    if not isinstance(values, dict):
        raise lines.fail(1, "expected sections as " + ", ".join(Declaration.model_fields))
    try:
        declaration = Declaration.model_validate(values)
    except ValidationError as error:
        raise _problem(lines, error) from error
    declaration._lines = lines
    return declaration


def _document(data: bytes, lines: _Lines) -> Node | None:
    try:
        for event in yaml.parse(data, Loader=yaml.SafeLoader):
            if isinstance(event, AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise lines.fail(line, "expected no alias; say it again instead")
        node: Node | None = yaml.compose(data, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise lines.fail(line, f"expected YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise lines.fail(1, "expected YAML in UTF-8") from error
    return node


def _problem(lines: _Lines, error: ValidationError) -> DeclarationProblem:
    """Return the first thing that is wrong, with its line; a misspelt key before the one that is missing."""
    unknown = [each for each in error.errors() if each["type"] == "extra_forbidden"]
    first = min(unknown or error.errors(), key=lambda each: lines.line_of(each["loc"]))
    place = tuple(first["loc"])
    line, name = lines.line_of(place), _dotted(place)
    if first["type"] != "extra_forbidden":
        return lines.fail(line, f"{name}: {first['msg']}")
    known = _keys_at(place[:-1])
    near = difflib.get_close_matches(str(place[-1]), known, 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return lines.fail(line, f"unknown key {name!r}{hint}")


def _dotted(place: Sequence[object]) -> str:
    return ".".join(str(part) for part in place)


def _keys_at(place: tuple[object, ...]) -> list[str]:
    """Return the keys that are known at a path, by walking the models."""
    model: Any = Declaration
    for part in place:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(part)].annotation
        model = _model_in(model)
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _model_in(annotation: Any) -> Any:
    """Return what an optional, or a mapping, holds; a mapping is passed at its key."""
    for each in getattr(annotation, "__args__", ()):
        inner = getattr(each, "__args__", ())
        if inner and getattr(each, "__origin__", None) is dict:
            return _Values(inner[1])
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return annotation.model if isinstance(annotation, _Values) else annotation


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a mapping."""

    model: Any
