"""The settings of an agent, kept on the host in `agent.toml`: the host's own policy is among them.

The file is read at start and never written by what the server says. A key nobody knows and a value of another
kind than declared are refused, so that a misspelt rule is not taken for no rule.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dialback.agent.flight_settings import FlightSettings
from dialback.domain.consent import MAX_APPROVERS, ConsentMode, ConsentPolicy, ConsentScope, parse_window
from dialback.domain.hosts import DEFAULT_TARGET, parse_target
from dialback.identity.grants import parse_owned_key
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


def _check_window(text: str) -> str:
    parse_window(text)
    return text


def _check_key(text: str) -> str:
    parse_owned_key(text)
    return text


_Window = Annotated[str, AfterValidator(_check_window)]
_Key = Annotated[str, AfterValidator(_check_key)]
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
class ConsentSettings:
    """Settings of consent to the provider, the table `[consent]`. Without it nobody of the provider comes in.

    Attributes:
        mode: how a request is answered that no grant goes with: never lets nobody in, ask wants a grant,
            window lets in without one within `windows`, always at any time.
        windows: hours for the mode `window`, in the host's own time, such as `mon-fri 08:00-18:00`.
        staff: the provider's staff who may ask at all, by name, as the platform tells it; empty for all.
        roles: the roles of those who may ask, such as `technician`, as the platform tells it; empty for all.
        targets: which of `targets` they may reach; empty for all of them.
        scopes: what may be asked for.
        approvers: of how many owners keys must have signed a grant; 2 for a second pair of eyes.
        keys: public keys that may give consent, beside the host's own: `anna: ` and 64 hexadecimal
            characters. Keys of one name are one approver's; a key without a name is an approver of its own.
        users: whether connections of ordinary users are let in too. The platform says who is one, so what
            is asked of the provider's staff binds it only where users are refused.

    Raises:
        ValueError: the mode is `window` and there are no windows.
    """

    mode: Literal["never", "ask", "window", "always"] = "ask"
    windows: tuple[_Window, ...] = ()
    staff: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    targets: tuple[_Target, ...] = ()
    scopes: tuple[
        Literal["desktop", "facts", "log", "restart-rdp", "restart-agent", "update-agent", "end-sessions"],
        ...,
    ] = ("desktop", "facts", "log", "restart-rdp", "restart-agent", "update-agent", "end-sessions")
    approvers: Annotated[int, Field(ge=1, le=MAX_APPROVERS)] = 1
    keys: tuple[_Key, ...] = ()
    users: Literal["allow", "refuse"] = "refuse"

    def __post_init__(self) -> None:
        policy_of(self)


def policy_of(settings: ConsentSettings) -> ConsentPolicy:
    """Return what the settings say to the provider.

    Raises:
        ValueError: as `ConsentPolicy`.
    """
    return ConsentPolicy(
        mode=ConsentMode(settings.mode),
        windows=tuple(parse_window(text) for text in settings.windows),
        staff=frozenset(settings.staff),
        roles=frozenset(settings.roles),
        targets=frozenset(settings.targets),
        scopes=frozenset(ConsentScope(scope) for scope in settings.scopes),
        approvers=settings.approvers,
    )


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
        consent: when the provider's staff may come to this host.
        flights: how long this host keeps its copies of flight records.
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
    consent: ConsentSettings | None = None
    flights: FlightSettings = field(default_factory=FlightSettings)


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

# When the provider's staff may come to this host; without this table never. mode is never, ask, window (in
# windows) or always; keys are the public keys whose signature gives consent, each with its owner, approvers
# how many owners must sign.
# Users of the platform are refused on such a host unless users is "allow". See docs/how-to/consent.md.
#   [consent]
#   mode = "ask"
#   windows = ["mon-fri 08:00-18:00"]
#   staff = []
#   roles = []
#   targets = []
#   scopes = ["desktop", "facts"]
#   approvers = 1
#   keys = ["anna: 1f0c..."]
#   users = "refuse"

# For how many days this host keeps its copies of flight records, and how large all of them may be.
[flights]
# keep_days = 365
# most_mb = 200
"""
