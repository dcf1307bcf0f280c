"""The settings of an agent, kept on the host in `agent.toml`: the host's own policy is among them.

The file is read at start and never written by what the server says. A key nobody knows and a value of another
kind than declared are refused, so that a misspelt rule is not taken for no rule.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from dialback.domain.hosts import DEFAULT_TARGET, parse_target
from dialback.settings import file
from dialback.settings.file import Seconds
from dialback.transport.dial import parse_proxy

FILE_NAME = "agent.toml"


def _check_target(text: str) -> str:
    parse_target(text)
    return text


def _check_proxy(text: str) -> str:
    parse_proxy(text)
    return text


def _check_command(text: str) -> str:
    shlex.split(text)
    return text


_Target = Annotated[str, AfterValidator(_check_target)]
_ProxyUrl = Annotated[str, AfterValidator(_check_proxy)]
_Command = Annotated[str, AfterValidator(_check_command)]


@dataclass(frozen=True, slots=True)
class ManagementSettings:
    """Settings of management by the provider, the table `[management]`.

    Attributes:
        enabled: whether the provider's consoles may manage this host, within the tenant's consent.
        restart_rdp: the command that restarts the RDP service, such as `systemctl restart xrdp`; started
            without a shell. Empty: not offered.
        update_agent: the command that starts an update of the agent; started without a shell. Empty: not
            offered.
        rdp_log: the log file of the RDP service, such as `/var/log/xrdp.log`, whose last lines may be read.
            Empty: not offered.
    """

    enabled: bool = False
    restart_rdp: _Command = ""
    update_agent: _Command = ""
    rdp_log: str = ""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Settings of one agent.

    Attributes:
        targets: what the agent may dial, as `NAME:PORT`, `[IPV6]:PORT` or `unix:/PATH`; the server orders
            among these and can add none. The first 16 are probed and reported.
        proxy: the HTTP proxy for all connections to the platform, `http://[user:password@]name[:port]`;
            empty takes `HTTPS_PROXY` and `NO_PROXY` from the environment.
        probe_interval_s: seconds between two probes of the targets; while one does not answer, or the host
            fails a check, it is `session_interval_s` if that is less.
        reconnect_most_s: seconds of the longest wait before the link is tried again.
        dial_timeout_s: seconds a connection may take to stand.
        session_interval_s: seconds between two looks at the sessions on this host.
        report_most_s: seconds after which report and list of sessions are said again, changed or not.
        least_free_disk_mb: megabytes free on the disks of the system and of home folders, below which the
            host says that its disk is full.
        most_load_per_cpu: load per processor, over the last minute, above which the host says it is busy.
        least_free_memory_percent: percent of memory available, below which the host says it is busy.
        management: what the provider's consoles may manage on this host.
    """

    targets: tuple[_Target, ...] = (DEFAULT_TARGET,)
    proxy: _ProxyUrl = field(default="", repr=False)
    probe_interval_s: Seconds = 60
    reconnect_most_s: Seconds = 60
    dial_timeout_s: Seconds = 10
    session_interval_s: Seconds = 5
    report_most_s: Seconds = 60
    least_free_disk_mb: Annotated[int, Field(ge=0, le=1_000_000_000)] = 500
    most_load_per_cpu: Annotated[float, Field(gt=0, le=10_000)] = 8
    least_free_memory_percent: Annotated[float, Field(ge=0, le=100)] = 5
    management: ManagementSettings = field(default_factory=ManagementSettings)


def load_settings(folder: Path) -> AgentSettings:
    """Read `agent.toml` of the agent's folder; a missing file gives the defaults.

    Raises:
        SettingsProblem: the file is unreadable, no TOML, or has a key or a value that is none.
    """
    return file.read_settings(folder / FILE_NAME, AgentSettings)


def parse_settings(text: str, where: str) -> AgentSettings:
    """Parse the text of a settings file; `where` names it in a `SettingsProblem`."""
    return file.parse_settings(text, where, AgentSettings)


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

# How often the sessions on this host are looked at, and after how long all is reported again, in seconds.
# session_interval_s = 5
# report_most_s = 60

# Below or above which this host says that it is full or busy, and becomes the broker's last choice.
# least_free_disk_mb = 500
# most_load_per_cpu = 8
# least_free_memory_percent = 5

# Whether the provider's consoles may manage this host, within the tenant's consent, and by which commands,
# started without a shell, such as "systemctl restart xrdp"; what is empty is not offered. No key above may be
# set below this line.
[management]
# enabled = false
# restart_rdp = ""
# update_agent = ""
# rdp_log = ""
"""
