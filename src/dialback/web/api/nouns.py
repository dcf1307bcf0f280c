"""Reading, saving and removing what has an id, a name and a version: the same for all kinds.

Saving by id is declarative: it makes what is not there, replaces what is, and changes nothing the second
time. With `If-Match` it replaces only the version the caller has read, with `If-None-Match: *` nothing. What
is there is read once: what a noun keeps of it, and what a check allowed, is of the version that is replaced.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic

from fastapi import Response

from dialback.domain.directory import E, Page, VersionStale
from dialback.domain.names import MAX_ID_CHARS, check_id, check_text
from dialback.web.api.parts import Api, Caller, changes, note, tagged, version_of
from dialback.web.api.problems import not_there


def is_id(text: str) -> bool:
    """Say whether a path's part can be an id; what cannot is not there, and no store is asked."""
    try:
        check_id(text, "id")
    except ValueError:
        return False
    return len(text) <= MAX_ID_CHARS


async def allow(before: object) -> None:
    """Check nothing."""


@dataclass(frozen=True, slots=True)
class Nouns(Generic[E]):
    """What the API does with nouns of one kind; `word` names the kind in the audit log."""

    api: Api
    kind: type[E]
    word: str

    async def page(self, caller: Caller, after: str, limit: int, name: str = "") -> Page[E]:
        """Return a page, or the one of the name."""
        if not name:
            return await self.api.directory.page(self.kind, caller.tenant, after, limit)
        try:
            check_text(name, "name")
        except ValueError:
            return Page(())
        found = await self.api.directory.find(self.kind, caller.tenant, name)
        return Page((found,) if found is not None else ())

    async def get(self, caller: Caller, id: str) -> E:
        """Return the noun; raise the problem if the caller's tenant has none."""
        found = await self.api.directory.get(self.kind, caller.tenant, id) if is_id(id) else None
        if found is None:
            raise not_there()
        return found

    async def read(self, caller: Caller, id: str, response: Response) -> E:
        """Return the noun, and its version in `ETag`."""
        found = await self.get(caller, id)
        tagged(response, found.version)
        return found

    async def save(
        self,
        caller: Caller,
        id: str,
        make: Callable[[E | None], E],
        response: Response,
        if_match: str | None,
        if_none_match: str | None,
        check: Callable[[E | None], Awaitable[None]] = allow,
    ) -> E:
        """Save the noun of the id, unless it is there as it is to be.

        Args:
            make: returns what is to be there in the place of what is.
            check: raises if the caller may not put it there.
        """
        before = await self.api.directory.get(self.kind, caller.tenant, id) if is_id(id) else None
        noun = make(before)
        await check(before)
        if if_none_match is not None and before is not None:
            raise VersionStale("it is there already")
        version = version_of(if_match)
        if if_match is not None and before is None:
            raise VersionStale("it is not there")
        if before is not None and version not in (0, before.version):
            raise VersionStale("it was changed")
        if before is None:
            response.status_code = 201
        kept = before
        if before is None or before != noun:
            wanted = replace(noun, version=before.version if before is not None else 0)
            kept = await self.api.directory.save(wanted)
            note(
                self.api,
                caller,
                f"{self.word}.save",
                f"{self.word}:{noun.id}",
                f"{kept.name}: {changes(before, kept)}",
            )
        assert kept is not None
        tagged(response, kept.version)
        return kept

    async def remove(
        self, caller: Caller, id: str, if_match: str | None, check: Callable[[E], Awaitable[None]] = allow
    ) -> None:
        """Remove the noun; raise the problem if there is none."""
        found = await self.get(caller, id)
        await check(found)
        if version_of(if_match) not in (0, found.version):
            raise VersionStale("it was changed")
        if not await self.api.directory.remove(self.kind, caller.tenant, id):
            raise not_there()
        note(self.api, caller, f"{self.word}.remove", f"{self.word}:{id}", found.name)
