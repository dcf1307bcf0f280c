"""The settings of an agent, kept on the host in `agent.toml`: the host's own policy is among them.

The file is read at start and never written by what the server says. A key nobody knows and a value of another
kind than declared are refused, so that a misspelt rule is not taken for no rule.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from dialback.agent.problems import SettingsProblem
from dialback.domain.hosts import DEFAULT_TARGET, parse_target
from dialback.transport.dial import parse_proxy

FILE_NAME = "agent.toml"


def _check_target(text: str) -> str:
    parse_target(text)
    return text


def _check_proxy(text: str) -> str:
    parse_proxy(text)
    return text


_Target = Annotated[str, AfterValidator(_check_target)]
_ProxyUrl = Annotated[str, AfterValidator(_check_proxy)]
_Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Settings of one agent.

    Attributes:
        targets: what the agent may dial, as `NAME:PORT`, `[IPV6]:PORT` or `unix:/PATH`; the server orders
            among these and can add none. Default: `127.0.0.1:3389`. The first 16 are probed and reported.
        proxy: the HTTP proxy for all connections to the platform, `http://[user:password@]name[:port]`.
            Default: empty, which takes `HTTPS_PROXY` and `NO_PROXY` from the environment.
        probe_interval_s: how often the targets are probed, in seconds. Default: 60.
        reconnect_most_s: the longest wait before the link is tried again, in seconds. Default: 60.
        dial_timeout_s: how long a connection may take to stand, in seconds. Default: 10.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    targets: tuple[_Target, ...] = (DEFAULT_TARGET,)
    proxy: _ProxyUrl = field(default="", repr=False)
    probe_interval_s: _Seconds = 60
    reconnect_most_s: _Seconds = 60
    dial_timeout_s: _Seconds = 10


_ADAPTER = TypeAdapter(AgentSettings)


def load_settings(folder: Path) -> AgentSettings:
    """Read `agent.toml` of the agent's folder; a missing file gives the defaults.

    Raises:
        SettingsProblem: the file is unreadable, no TOML, or has a key or a value that is none.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return AgentSettings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsProblem(f"cannot read {path}: {error}") from error
    return parse_settings(text, str(path))


def parse_settings(text: str, where: str) -> AgentSettings:
    """Parse the text of a settings file; `where` names it in a `SettingsProblem`."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsProblem(f"{where} is no TOML: {error}") from error
    try:
        # As JSON, where a strict check still takes a list for a tuple; a TOML date becomes text.
        return _ADAPTER.validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
    raise SettingsProblem(_blame(first, where))


def build_settings(targets: Sequence[str] = (), proxy: str = "") -> str:
    """Build the text of a new settings file, with a comment for each setting."""
    shown = json.dumps(list(targets) or [DEFAULT_TARGET])
    return f"""\
# Settings of the Dialback agent on this host. Restart the agent after a change.

# What the agent may dial: NAME:PORT, [IPV6]:PORT or unix:/PATH. The server cannot add to this list.
targets = {shown}

# The HTTP proxy on the way to the platform; empty: HTTPS_PROXY and NO_PROXY of the environment.
proxy = {json.dumps(proxy)}

# How often the targets are probed, the longest wait before the link is tried again, and how long a
# connection may take to stand, in seconds.
# probe_interval_s = 60
# reconnect_most_s = 60
# dial_timeout_s = 10
"""


def _blame(first: Any, where: str) -> str:
    key = str(first["loc"][0])
    if first["type"] == "unexpected_keyword_argument":
        known = ", ".join(each.name for each in fields(AgentSettings))
        return f"{where} has the unknown setting {key!r}; known are {known}"
    return f"{where}: the setting {key!r} cannot be used: {first['msg']}"
