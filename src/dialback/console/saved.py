"""What a console remembers between runs: how a host is shown, and which key it had.

One JSON file in the technician's own folder, written whole or not at all. A host's key is remembered at the
first connection; another key later means another machine, or somebody in between, and is refused until the
technician says which. A file that is damaged is put aside and named, never guessed at.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dialback.console.clients import Display
from dialback.domain.errors import Problem, Reason, Refused
from dialback.domain.ids import HostId, TenantId
from dialback.identity.files import PRIVATE, write_file

FILE_NAME = "console.json"


class SavedProblem(Problem):
    """What was remembered cannot be read or written; the message says where it is."""


@dataclass(frozen=True, slots=True)
class SavedHost:
    """What is remembered of a host. `key` is the host's public key in hexadecimal, empty before the first."""

    display: Display = field(default_factory=Display)
    key: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    version: int = 1
    hosts: dict[str, SavedHost] = field(default_factory=dict)


_ADAPTER = TypeAdapter(_File)


def default_folder() -> Path:
    """Return the folder of this user's console."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", str(Path.home()))) / "dialback"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dialback"


class Saved:
    """The remembered hosts of one technician."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._file = self._read()

    def host(self, tenant: TenantId, host: HostId) -> SavedHost:
        """Return what is remembered of the host; the usual, if nothing is."""
        return self._file.hosts.get(f"{tenant}/{host}", SavedHost())

    def save_display(self, tenant: TenantId, host: HostId, display: Display) -> None:
        """Remember how the host is to be shown."""
        self._save(tenant, host, replace(self.host(tenant, host), display=display))

    def check_key(self, tenant: TenantId, host: HostId, key: str) -> None:
        """Return if the host has the key it always had; remember the first.

        Raises:
            Refused: `HOST_KEY_OTHER`, naming both.
        """
        known = self.host(tenant, host)
        if not known.key:
            self._save(tenant, host, replace(known, key=key))
        elif known.key != key:
            raise Refused(Reason.HOST_KEY_OTHER, f"known is {known.key}, shown was {key}")

    def forget_key(self, tenant: TenantId, host: HostId) -> None:
        """Forget the host's key: the technician knows that it was enrolled anew."""
        self._save(tenant, host, replace(self.host(tenant, host), key=""))

    def _save(self, tenant: TenantId, host: HostId, saved: SavedHost) -> None:
        file = replace(self._file, hosts={**self._file.hosts, f"{tenant}/{host}": saved})
        text = json.dumps(asdict(file), indent=2, sort_keys=True)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_file(self._path, text.encode(), PRIVATE, replace=True)
        except OSError as error:
            raise SavedProblem(f"{self._path} cannot be written: {error.strerror or error}") from error
        self._file = file

    def _read(self) -> _File:
        try:
            return _ADAPTER.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _File()
        except OSError as error:
            raise SavedProblem(f"{self._path} cannot be read: {error.strerror or error}") from error
        except ValidationError:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            raise SavedProblem(
                f"{self._path} was damaged and has been put aside as {aside.name}; look whether host keys "
                "in it are still to be trusted, then start again"
            ) from None
