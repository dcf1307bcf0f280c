"""The host's own copy of flight records: one file for each connection, added to and never changed.

The platform tells entries over the link. They are taken if they extend the copy that is here without a break,
and the head of the copy is then signed with the host key; what the platform may tell later has to follow.
When it shows the head with its own signature too, the seal is written behind the entries, so that the file
alone proves both. The platform's public key is pinned at first sight, as its authority was at enrolment.

Rules of this file:

- What is on the disk is what counts: it is read anew each time, and a copy that was tampered with is not
  signed, nor added to.
- A last line that was not written to its end, as when the power fails, is taken away; the platform tells it
  again.
- Copies are kept for some days and up to some size, whichever is less; the oldest are removed first.

What is left out: whether what the entries say is true. The signature says that the host was told so then.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialback.agent.flight_settings import FlightSettings
from dialback.agent.identity_file import PLATFORM_KEY_NAME
from dialback.domain.flight import (
    FlightEntry,
    FlightProblem,
    Head,
    SignedHead,
    build,
    follow,
    head_after,
    head_of,
    parse,
)
from dialback.domain.ids import ConnectionId
from dialback.identity.files import PRIVATE, PUBLIC, write_file
from dialback.identity.flights import FlightCopy, Seal, build_seal, judge, read_copy
from dialback.identity.host_keys import HostKey, verify
from dialback.observe.log import get_logger

FOLDER_NAME = "flights"
SUFFIX = ".jsonl"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """Entries that are kept: the head of the copy now, and the host's signature of it."""

    head: Head
    signature: bytes


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Entries that are not: how many the copy has, and why."""

    count: int
    problem: str


class Flights:
    """The copies in an agent's folder. Methods read and write files, and so may block.

    Args:
        clock: seconds since 1970, as files have them.
    """

    def __init__(
        self,
        folder: Path,
        key: HostKey,
        settings: FlightSettings | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder / FOLDER_NAME
        self._pin = folder / PLATFORM_KEY_NAME
        self._key = key
        self._settings = settings or FlightSettings()
        self._clock = clock

    def take(self, connection_id: str, lines: Sequence[str]) -> Taken | NotTaken:
        """Keep what the lines add to the copy, and sign its head."""
        count = 0
        try:
            copy = self._read(connection_id)
            count = len(copy.lines)
            end = head_of(self._judged(copy)) if count else None
            added = follow(end, self._kept_from(copy, lines), lines)
            if count == 0 and added and added[0].connection_id != connection_id:
                raise FlightProblem(f"the entries are of connection {added[0].connection_id}, another one")
            if added:
                self._append(connection_id, [build(entry) for entry in added], new=not count)
                end = head_after(added[-1])
            if end is None:
                raise FlightProblem("expected entries, got none")
        except FlightProblem as problem:
            _log.error("flight record not taken", connection_id=connection_id, why=str(problem))
            return NotTaken(count, str(problem))
        except OSError as error:
            _log.error("flight record not kept", connection_id=connection_id, why=str(error))
            return NotTaken(count, f"the host cannot keep it: {error.strerror or error}")
        return Taken(end, self._key.sign(end.signed_bytes))

    def seal(self, signed: SignedHead, platform_key: bytes) -> str:
        """Keep the signatures of both under a head of the copy; return why not, empty if it was done."""
        seal = Seal(signed, self._key.public_bytes, platform_key)
        try:
            copy = self._read(signed.head.connection_id)
            if seal in copy.seals:
                return ""
            self._check_platform(signed, platform_key)
            judge(FlightCopy(copy.lines, (*copy.seals, seal)), self._key.public_bytes, platform_key)
            self._append(signed.head.connection_id, [build_seal(seal)])
        except FlightProblem as problem:
            _log.error("head not kept", connection_id=signed.head.connection_id, why=str(problem))
            return str(problem)
        except OSError as error:
            _log.error("head not kept", connection_id=signed.head.connection_id, why=str(error))
            return f"the host cannot keep it: {error.strerror or error}"
        return ""

    def platform_key(self) -> bytes:
        """Return the platform's public key as it was first seen; empty if it never was.

        Raises:
            FlightProblem: the file holds no key.
        """
        try:
            key = bytes.fromhex(self._pin.read_text("ascii").strip())
        except FileNotFoundError:
            return b""
        except ValueError:
            key = b""
        if len(key) != 32:
            raise FlightProblem(
                f"{self._pin} holds no key; put back what was there, or enrol this host again"
            )
        return key

    def text(self, connection_id: str) -> str:
        """Return the copy as its file has it; empty if there is none."""
        try:
            return self._path(connection_id).read_bytes().decode("ascii", "backslashreplace")
        except FileNotFoundError:
            return ""

    def connections(self) -> list[ConnectionId]:
        """Return the connections of which there are copies, the newest first."""
        return [ConnectionId(path.stem) for path, _ in reversed(self._files())]

    def prune(self) -> int:
        """Remove copies that are too old, and the oldest while all are too large; return how many."""
        files = self._files()
        size = sum(stat.st_size for _, stat in files)
        oldest = self._clock() - self._settings.keep_days * 86400
        removed = 0
        for path, stat in files[:-1] if files else []:
            if stat.st_mtime >= oldest and size <= self._settings.most_mb * 1_000_000:
                break
            path.unlink(missing_ok=True)
            size -= stat.st_size
            removed += 1
        if removed:
            _log.info("old flight records removed", count=removed)
        return removed

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """Return the files of the copies, the oldest first."""
        try:
            found = [(path, path.stat()) for path in self._folder.glob(f"*{SUFFIX}")]
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda each: (each[1].st_mtime, each[0].name))

    def _path(self, connection_id: str) -> Path:
        return self._folder / f"{connection_id}{SUFFIX}"

    def _read(self, connection_id: str) -> FlightCopy:
        text = self.text(connection_id)
        if text and not text.endswith("\n"):
            text = text[: text.rfind("\n") + 1]
            os.truncate(self._path(connection_id), len(text))
        return read_copy(text)

    def _judged(self, copy: FlightCopy) -> Sequence[FlightEntry]:
        return judge(copy, self._key.public_bytes, self.platform_key()).entries

    def _kept_from(self, copy: FlightCopy, lines: Sequence[str]) -> Sequence[str]:
        """Return the lines of the copy from the number of the first of `lines` on."""
        if not lines:
            return ()
        return copy.lines[max(parse(lines[0]).number, 0) :]

    def _append(self, connection_id: str, lines: Sequence[str], new: bool = False) -> None:
        if new:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self.prune()
        handle = os.open(self._path(connection_id), os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE)
        with os.fdopen(handle, "ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode("ascii"))

    def _check_platform(self, signed: SignedHead, platform_key: bytes) -> None:
        """Pin the platform's key if its signature is good and none is pinned; refuse another one."""
        pinned = self.platform_key()
        if pinned and pinned != platform_key:
            raise FlightProblem(
                f"expected the platform's key {pinned.hex()[:16]}, first seen, got {platform_key.hex()[:16]}"
            )
        if not verify(platform_key, signed.platform_signature, signed.head.signed_bytes):
            raise FlightProblem("the platform's signature is not good")
        if not pinned:
            write_file(self._pin, f"{platform_key.hex()}\n".encode(), PUBLIC, replace=False)
            _log.info("platform's key pinned", platform_key=platform_key.hex())
