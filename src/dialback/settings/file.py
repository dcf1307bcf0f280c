"""Settings files: TOML read into a frozen dataclass, each mistake named with its key and file.

The dataclass beside a role is the whole truth: its fields are the keys, their types and bounds are checked,
their defaults hold, and a key that is none is refused, since it is a misspelt one. Nothing is converted: a
number in quotes is a mistake. Values are not repeated in messages, since some are secret.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import Field, TypeAdapter, ValidationError

from dialback.domain.errors import Problem

T = TypeVar("T")

Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
"""A deadline or an interval: above 0, an hour at most."""


class SettingsProblem(Problem):
    """A settings file cannot be used; the message names file and key."""


def read_settings(path: Path, kind: type[T]) -> T:
    """Read a settings file; one that does not exist gives the defaults.

    Args:
        kind: a dataclass whose fields all have defaults; a field that is a dataclass itself is a table.

    Raises:
        SettingsProblem: the file is unreadable, no TOML, or has an unknown key or a value that is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return kind()
    except OSError as error:
        raise SettingsProblem(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsProblem(f"cannot read {path}: expected UTF-8, got other bytes") from error
    return parse_settings(text, str(path), kind)


def parse_settings(text: str, where: str, kind: type[T]) -> T:
    """Parse the text of a settings file; `where` names it in a `SettingsProblem`."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsProblem(f"{where} is no TOML: {error}") from error
    for key, known in _unknown_keys(values, kind, ""):
        raise SettingsProblem(f"{where} has the unknown setting {key!r}; known are {', '.join(known)}")
    try:
        # As JSON, where a strict check still takes a list for a tuple; a TOML date becomes text.
        return TypeAdapter(kind).validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
    raise SettingsProblem(_blame(first, where))


def _unknown_keys(values: dict[str, Any], kind: Any, prefix: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each key that is no field, and the keys there are in its table."""
    known = {field.name: _table_of(field.type) for field in fields(kind)}
    for key, value in values.items():
        if key not in known:
            yield f"{prefix}{key}", list(known)
        elif known[key] is not None and isinstance(value, dict):
            yield from _unknown_keys(value, known[key], f"{prefix}{key}.")


def _table_of(kind: Any) -> Any:
    """Return the dataclass of a table, which may be one that need not be there; None of any other setting."""
    kinds = [each for each in (kind, *get_args(kind)) if isinstance(each, type)]
    return next((each for each in kinds if is_dataclass(each)), None)


def _blame(first: Any, where: str) -> str:
    key = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
    # What a validator of ours said comes behind a prefix of pydantic's.
    said = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"].lower()
    return f"{where}: the setting {key!r} cannot be used: {said}"
