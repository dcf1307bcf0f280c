"""What a host keeps of consent, in the agent's folder; each file has one writer.

`consent-state.json` and `consent-asked.json` are written by the running agent: the grants it has seen, how
often each opened something, which were revoked, and what waits for an answer. `consent-given.json` is written
by whoever approves or revokes at the host itself, and so is `consent.key`, which the agent never reads: it
knows `consent.pub`, the public half. Every file is replaced whole.

Left out: what the files mean for a request (`consent`), and who may write them, which is the system's affair.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from dialback.agent.problems import AgentProblem
from dialback.domain.consent import ConsentRequest
from dialback.identity.files import PRIVATE, PUBLIC, write_file
from dialback.identity.grants import OwnedKey, fingerprint, parse_owned_key, parse_public_key
from dialback.identity.host_keys import HostKey, HostKeyProblem

KEY_NAME = "consent.key"
PUBLIC_NAME = "consent.pub"
STATE_NAME = "consent-state.json"
ASKED_NAME = "consent-asked.json"
GIVEN_NAME = "consent-given.json"
LOCK_NAME = "consent.lock"
HOST_OWNER = "this host"
"""Whose the host's own key is, unless its settings name somebody."""
T = TypeVar("T")


class ConsentUnreadable(AgentProblem):
    """A file about consent cannot be read or written; until it can, nobody of the provider comes in."""


@dataclass(frozen=True, slots=True)
class SeenGrant:
    """A grant that trusted keys have signed: until when it holds, how often it was used, if it is revoked."""

    until: datetime
    used: int = 0
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What the agent remembers: grants it has seen, and ids that it was told are revoked, the newest last."""

    grants: Mapping[str, SeenGrant] = field(default_factory=dict)
    revoked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedConsent:
    """A request that waits for an answer, and the grant that came with it, if any: too few have signed it."""

    request: ConsentRequest
    grant: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What was decided at the host itself: signed grants, and ids of grants that are revoked."""

    grants: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()


_STATE = TypeAdapter(State)
_ASKED = TypeAdapter(tuple[AskedConsent, ...])
_GIVEN = TypeAdapter(Given)


class ConsentFiles:
    """The files of one agent's folder. Every method raises `ConsentUnreadable` if it cannot do its work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: tuple[tuple[int, int, int] | None, Given] = (None, Given())

    def state(self) -> State:
        """Return what the agent has kept."""
        return self._read(STATE_NAME, _STATE, State)

    def save_state(self, state: State) -> None:
        """Keep what the agent remembers."""
        self._write(STATE_NAME, _STATE.dump_json(state), PRIVATE)

    def asked(self) -> tuple[AskedConsent, ...]:
        """Return what waits for an answer, the newest last."""
        return self._read(ASKED_NAME, _ASKED, tuple)

    def save_asked(self, asked: tuple[AskedConsent, ...]) -> None:
        """Keep what waits for an answer."""
        self._write(ASKED_NAME, _ASKED.dump_json(asked, indent=1), PRIVATE)

    def given(self) -> Given:
        """Return what was decided at the host; read again only if the file has changed."""
        try:
            found = (self.folder / GIVEN_NAME).stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
        except FileNotFoundError:
            return Given()
        except OSError as error:
            raise _unreadable(self.folder / GIVEN_NAME, error) from error
        if self._seen[0] != mark:
            self._seen = (mark, self._read(GIVEN_NAME, _GIVEN, Given))
        return self._seen[1]

    def save_given(self, given: Given) -> None:
        """Keep what was decided at the host. It is public: the agent may run as another user."""
        self._write(GIVEN_NAME, _GIVEN.dump_json(given, indent=1), PUBLIC)

    def public_key(self) -> bytes | None:
        """Return the public half of the host's own consent key; None if it has none."""
        try:
            return parse_public_key((self.folder / PUBLIC_NAME).read_text("ascii"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.folder / PUBLIC_NAME, error) from error
        except ValueError as error:
            raise ConsentUnreadable(f"{self.folder / PUBLIC_NAME} is damaged: {error}") from error

    def key(self) -> HostKey:
        """Return the host's own consent key; the first time it is made."""
        path = self.folder / KEY_NAME
        try:
            with contextlib.suppress(HostKeyProblem):
                if not path.exists():
                    HostKey.generate().save(path)
            key = HostKey.load(path)
        except HostKeyProblem as error:
            raise ConsentUnreadable(str(error)) from error
        if self.public_key() != key.public_bytes:
            self._write(PUBLIC_NAME, key.public_bytes.hex().encode() + b"\n", PUBLIC)
        return key

    def trusted(self, keys: Iterable[str]) -> dict[str, OwnedKey]:
        """Return the keys whose signatures count, by fingerprint: the host's own and its settings'."""
        named = [parse_owned_key(text) for text in keys]
        own = self.public_key()
        all_keys = [*([OwnedKey(own, HOST_OWNER)] if own else []), *named]
        return {fingerprint(each.key): each for each in all_keys}

    def _read(self, name: str, kind: TypeAdapter[T], empty: Callable[[], T]) -> T:
        path = self.folder / name
        try:
            return kind.validate_json(path.read_bytes())
        except FileNotFoundError:
            return empty()
        except OSError as error:
            raise _unreadable(path, error) from error
        except ValidationError as error:
            raise ConsentUnreadable(f"{path} is damaged; look at it, then remove it") from error

    def _write(self, name: str, data: bytes, mode: int) -> None:
        path = self.folder / name
        try:
            write_file(path, data, mode, replace=True)
        except OSError as error:
            raise ConsentUnreadable(f"cannot write {path}: {os.strerror(error.errno or 0)}") from error


def _unreadable(path: Path, error: OSError) -> ConsentUnreadable:
    return ConsentUnreadable(f"cannot read {path}: {error.strerror}")
