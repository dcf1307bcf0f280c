"""The list of a user's resources, as the client asked for it.

A list says nothing about its reader beyond what is in it, so one that many users share is built once, and so
is each resource that stands in many lists: what is kept is found by everything that went into it, and what a
user may use is asked each time. `LastUpdated` is to rise when a file or an icon may have changed, and the
directory keeps versions and no times; so it is the day before, plus a second per version of the resource.
What else a file is made of (the pool's policy, who signs) has no say in it: for that it rises with each day
(UTC), when the client looks at all files once more. It is paid with a 304 for those that are the same.

The usual feed holds all that the user may use, in whatever workspace; a feed of one workspace, what is in
that. What is left out: resources that are not shown, though their files are to be had.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from dialback.domain.accounts import Person
from dialback.domain.catalog import PublishedResource, Workspace
from dialback.domain.directory import Directory
from dialback.domain.ids import ResourceId, TenantId, WorkspaceId
from dialback.web.feed.addresses import FEED, file_path, host_of, ico_path, png_path, publisher_id
from dialback.web.feed.bounded import BoundedCache
from dialback.web.feed.pictures import SIZES, usual_id
from dialback.web.feed.subscribers import Subscribers
from dialback.wire.feed import document
from dialback.wire.feed.model import (
    MAX_TITLE_CHARS,
    FileExtension,
    Hosting,
    Icons,
    Publisher,
    Resource,
    ResourceType,
    TerminalServer,
)
from dialback.wire.feed.negotiation import SchemaVersion, choose_version, entity_tag, is_unchanged

CACHE_BYTES: Final = 64 << 20
PARTS_CHARS: Final = 16 << 20

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_VERSIONS: Final = 86_399

_Place = tuple[TenantId, ResourceId, SchemaVersion, str]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What lists have in common in which a resource is written alike; `workspace` is empty for everything."""

    version: SchemaVersion
    workspace: str
    since: datetime


@dataclass(frozen=True, slots=True)
class _Written:
    """A resource as it stands in lists of one shape since a day; `digest` is of its text."""

    of: PublishedResource
    since: datetime
    part: document.Part
    digest: bytes


class Lists:
    """Builds lists, and keeps those that may be asked for again."""

    def __init__(self, directory: Directory, address: str, now: Callable[[], datetime]) -> None:
        self._directory = directory
        self._host = host_of(address)
        self._now = now
        self._parts = BoundedCache[_Place, _Written](PARTS_CHARS, lambda kept: len(kept.part.text))
        self._built = BoundedCache[bytes, tuple[bytes, str]](CACHE_BYTES, lambda kept: len(kept[0]))

    def make_router(self, subscribers: Subscribers) -> APIRouter:
        """Return the routes of the feeds."""
        router = APIRouter(include_in_schema=False)
        for path in (FEED, "/feed/{workspace}/webfeed.aspx"):
            router.add_api_route(
                path, subscribers.only(self.serve), methods=["GET", "HEAD"], response_model=None
            )
        return router

    async def serve(self, request: Request, person: Person) -> Response:
        """Answer with the list, with 304 if the client has it, or with 404 if there is no such workspace."""
        version = choose_version(
            request.headers.getlist("accept"), request.query_params.get("radc_schema_version", "")
        )
        found = await self.list(person, version, request.path_params.get("workspace"))
        if found is None:
            return Response(status_code=404)
        body, tag = found
        headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Cookie"}
        if is_unchanged(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers={**headers, "Content-Type": version.content_type})

    async def list(
        self, person: Person, version: SchemaVersion, workspace: str | None
    ) -> tuple[bytes, str] | None:
        """Return the list and its tag; None if the tenant has no such workspace."""
        tenant = person.user.tenant
        named = await self._publisher(tenant, workspace)
        if named is None:
            return None
        space = None if workspace is None else WorkspaceId(workspace)
        found = await self._directory.resources_of(tenant, person.user.id, space)
        day = (self._now() - _EPOCH) // _DAY
        since = _EPOCH + (day - 1) * _DAY
        publisher = self._dated(named, since)
        shape = _Shape(version, workspace or "", since)
        written = await self._written([resource for resource in found if resource.shown], shape)
        key = _key(publisher, version, written)
        if (built := self._built.get(key)) is not None:
            return built
        # A long list takes some milliseconds, in which nobody else should wait.
        body = await asyncio.to_thread(document.join, publisher, [each.part for each in written], version)
        built = body, await asyncio.to_thread(entity_tag, body)
        self._built.put(key, built)
        return built

    async def _written(self, shown: Sequence[PublishedResource], shape: _Shape) -> Sequence[_Written]:
        """Return the resources as they stand in a list; those that are not known yet are written."""
        known = [self._known(each, shape) for each in shown]
        lack = [each for each, written in zip(shown, known, strict=True) if written is None]
        if lack:
            new = await asyncio.to_thread(_write, lack, self._host, shape)
            for written in new:
                self._parts.put(_place(written.of, shape), written)
            fresh = iter(new)
            return [written or next(fresh) for written in known]
        return [written for written in known if written is not None]

    def _known(self, resource: PublishedResource, shape: _Shape) -> _Written | None:
        """Return how the very same resource was written before, today."""
        kept = self._parts.get(_place(resource, shape))
        if kept is None or kept.since != shape.since or kept.of.version != resource.version:
            return None
        # Removed and made anew, it may have the same id and version and be another.
        return kept if kept.of is resource or kept.of == resource else None

    def _dated(self, named: Publisher, since: datetime) -> Publisher:
        """Return the publisher with its server; its resources are parts of their own."""
        server = TerminalServer(self._host, self._host, since)
        return replace(named, updated_at=since, supports_reconnect=True, terminal_servers=(server,))

    async def _publisher(self, tenant: TenantId, workspace: str | None) -> Publisher | None:
        """Return the publisher, still empty."""
        if workspace is not None:
            space = await self._directory.get(Workspace, tenant, workspace)
            id = publisher_id(self._host, workspace)
            return Publisher(id, space.name, _EPOCH, space.description) if space else None
        spaces = (await self._directory.page(Workspace, tenant, limit=2)).items
        if len(spaces) == 1:
            return Publisher(publisher_id(self._host), spaces[0].name, _EPOCH, spaces[0].description)
        owner = await self._directory.tenant(tenant)
        return Publisher(publisher_id(self._host), owner.name if owner else self._host, _EPOCH)


def _place(resource: PublishedResource, shape: _Shape) -> _Place:
    return resource.tenant, resource.id, shape.version, shape.workspace


def _key(publisher: Publisher, version: SchemaVersion, written: Sequence[_Written]) -> bytes:
    """Return a digest of everything that goes into the list."""
    head = f"{publisher!r}\n{version.value}\n".encode()
    return hashlib.sha256(head + b"".join([each.digest for each in written])).digest()


def _write(shown: Sequence[PublishedResource], host: str, shape: _Shape) -> list[_Written]:
    parts = [document.build_part(_resource(each, host, shape), shape.version, (host,)) for each in shown]
    return [
        _Written(each, shape.since, part, hashlib.sha256(part.text.encode()).digest())
        for each, part in zip(shown, parts, strict=True)
    ]


def _resource(published: PublishedResource, host: str, shape: _Shape) -> Resource:
    app = published.remote_app
    icon = usual_id(published)
    icons = Icons(ico_path(icon), tuple((size, png_path(icon, size)) for size in SIZES))
    # One file with all sizes: these icons are for Windows alone, and are half of a long list.
    of_files = Icons(icons.ico_url)
    # The client knows names of files without regard to case.
    names = {name.casefold(): name for name in app.file_extensions} if app else {}
    return Resource(
        id=published.id,
        alias=published.name,
        title=published.title,
        type=ResourceType.REMOTE_APP if app else ResourceType.DESKTOP,
        hosting=(Hosting(host, file_path(published.name, shape.workspace)),),
        icons=icons,
        updated_at=shape.since + timedelta(seconds=min(published.version, _MOST_VERSIONS)),
        executable=_executable(app.program)[:MAX_TITLE_CHARS] if app else "",
        extensions=tuple(FileExtension(name, of_files) for name in names.values()),
        folders=published.folders,
    )


def _executable(program: str) -> str:
    return program.removeprefix("||").replace("/", "\\").rpartition("\\")[2]
