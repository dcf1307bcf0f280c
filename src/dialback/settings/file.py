"""Settings files: TOML read into a frozen dataclass, each mistake named with its key and file.

The dataclass beside a role is the whole truth: its fields are the keys, their types are checked, their
defaults hold, and a key that is none is refused, since it is a misspelt one.
"""

import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


class SettingsProblem(Exception):
    """A settings file cannot be used; the message is one sentence that names key and file."""


def read_settings(path: Path, kind: type[T]) -> T:
    """Read a settings file; one that does not exist gives the defaults.

    Args:
        kind: a dataclass whose fields all have defaults; a field that is a dataclass itself is a table.

    Raises:
        SettingsProblem: the file is unreadable, no TOML, or has an unknown key or a value of a wrong type.
    """
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except FileNotFoundError:
        return kind()
    except OSError as error:
        raise SettingsProblem(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsProblem(f"The settings file {path} is no TOML: {error}.") from error
    _check_keys(values, kind, path, "")
    try:
        return TypeAdapter(kind).validate_python(values, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsProblem(f"The setting {key} in {path} is wrong: {first['msg'].lower()}.") from error


def _check_keys(values: dict[str, Any], kind: Any, path: Path, prefix: str) -> None:
    known = {field.name: field.type for field in fields(kind)}
    for key, value in values.items():
        if key not in known:
            likely = ", ".join(sorted(known))
            raise SettingsProblem(f"There is no setting {prefix}{key} as in {path}; there are {likely}.")
        if is_dataclass(known[key]) and isinstance(value, dict):
            _check_keys(value, known[key], path, f"{prefix}{key}.")
