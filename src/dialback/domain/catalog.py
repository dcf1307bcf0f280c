"""What is published, and who may use it: workspaces, application groups and their resources.

An application group publishes resources of one host pool together; a workspace shows application groups to a
user; a user or a group of users is assigned an application group. A noun that breaks a rule cannot be made:
its constructor raises `ValueError` with the rule in words. `version` is explained in `domain/tenancy.py`.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from dialback.domain.hosts import DEFAULT_TARGET, parse_target
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    PoolId,
    ResourceId,
    ResourceName,
    TenantId,
    UserId,
    UserName,
    WorkspaceId,
)
from dialback.domain.names import MAX_USER_CHARS, check_id, check_name, check_text

MAX_FILE_EXTENSIONS = 100
MAX_FOLDERS = 16

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_FILE_EXTENSION = re.compile(r"\.[A-Za-z0-9_+-]{1,15}")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Application groups shown together to a user; `name` is what the feed's client shows."""

    tenant: TenantId
    id: WorkspaceId
    name: str
    description: str = ""
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "workspace id")
        check_name(self.name, "workspace name")
        check_text(self.description, "workspace description")


class ApplicationGroupKind(StrEnum):
    """What the resources of an application group are."""

    DESKTOP = "desktop"
    REMOTE_APP = "remote-app"


@dataclass(frozen=True, slots=True)
class ApplicationGroup:
    """Resources of one host pool, published and assigned together; shown in `workspace`, if it has one."""

    tenant: TenantId
    id: ApplicationGroupId
    name: str
    pool: PoolId
    kind: ApplicationGroupKind = ApplicationGroupKind.DESKTOP
    workspace: WorkspaceId | None = None
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "application group id")
        check_name(self.name, "application group name")


@dataclass(frozen=True, slots=True)
class RemoteApp:
    """One program that is shown in a window of its own.

    `program` is its path on the host, or `||` and the alias under which the host publishes it.
    `file_extensions` begin with a dot: the files that the client opens with it.
    """

    program: str
    arguments: str = ""
    working_directory: str = ""
    file_extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.program, "program", 260)
        if self.program == "||":
            raise ValueError("expected an alias after the two bars of the program, got none")
        check_text(self.arguments, "arguments", 1000)
        check_text(self.working_directory, "working directory")
        if len(self.file_extensions) > MAX_FILE_EXTENSIONS:
            raise ValueError(
                f"expected {MAX_FILE_EXTENSIONS} file extensions at most, got {len(self.file_extensions)}"
            )
        for extension in self.file_extensions:
            if not _FILE_EXTENSION.fullmatch(extension):
                raise ValueError(f"expected a file extension like .txt, got {extension[:40]!r}")


@dataclass(frozen=True, slots=True)
class PublishedResource:
    """One resource of an application group: a desktop, or the program in `remote_app`.

    `name` is the alias that `full address` names, unlike any other's in the tenant; `title` is what people
    read; `target` is where the RDP server listens, seen from the host; `icon` names a stored picture, empty
    for the usual one; `folders` are where the client's list shows it, empty for the root. A resource that is
    not `shown` can be opened and stands in no list.
    """

    tenant: TenantId
    id: ResourceId
    application_group: ApplicationGroupId
    name: ResourceName
    title: str
    target: str = DEFAULT_TARGET
    remote_app: RemoteApp | None = None
    icon: str = ""
    folders: tuple[str, ...] = ()
    shown: bool = True
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "resource id")
        parse_resource_name(self.name)
        check_name(self.title, "resource title")
        parse_target(self.target)
        if self.icon:
            check_id(self.icon, "icon")
        if len(self.folders) > MAX_FOLDERS:
            raise ValueError(f"expected {MAX_FOLDERS} folders at most, got {len(self.folders)}")
        for folder in self.folders:
            check_name(folder, "folder")
            if "/" in folder:
                raise ValueError(f"expected a folder of one level, got {folder[:80]!r}")

    @property
    def kind(self) -> ApplicationGroupKind:
        """Return the kind of application group that may publish it."""
        return ApplicationGroupKind.REMOTE_APP if self.remote_app else ApplicationGroupKind.DESKTOP


@dataclass(frozen=True, slots=True)
class GroupAssignment:
    """Everybody in the group of users may use the application group."""

    tenant: TenantId
    application_group: ApplicationGroupId
    group: GroupId


@dataclass(frozen=True, slots=True)
class UserAssignment:
    """The user may use the application group."""

    tenant: TenantId
    application_group: ApplicationGroupId
    user: UserId


def parse_resource_name(text: str) -> ResourceName:
    """Parse a resource name: 1 to 63 of `a-z 0-9 -`, since clients use it like a DNS label.

    Raises:
        ValueError: with the rule in words.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"expected 1 to 63 of a-z, 0-9 and inner hyphens as resource name, got {text[:80]!r}"
        )
    return ResourceName(text)


def parse_user_name(text: str) -> UserName:
    """Parse a user name: 1 to 104 characters, none of them a control, a line break or a direction mark.

    Raises:
        ValueError: with the rule in words.
    """
    try:
        check_name(text, "user name", MAX_USER_CHARS)
    except ValueError:
        raise ValueError(
            f"expected 1 to {MAX_USER_CHARS} printable characters as user name, got {text[:80]!r}"
        ) from None
    return UserName(text)


def alias_of(full_address: str) -> str:
    """Return the alias inside the name a client asks for: without trailing dot or NUL, in lower case."""
    return full_address.rstrip("\0.").casefold()
