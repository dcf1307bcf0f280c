"""Connection files of the feed: signed, each with a resource ticket, and sent again only when they differ.

A file's tag names what is in it, who signs it, and the ticket in it. What a user may not use, what another
tenant has and what is not there are answered alike.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from dialback.domain.accounts import Person
from dialback.domain.directory import Directory, Published
from dialback.domain.ids import ResourceName, TokenHash
from dialback.domain.secret import Secret
from dialback.domain.tenancy import User
from dialback.web.feed.addresses import file_path, publisher_id
from dialback.web.feed.subscribers import Subscribers
from dialback.web.feed.tickets import Tickets
from dialback.web.origin import peer_of
from dialback.wire.feed.negotiation import RDP_CONTENT_TYPE, content_disposition

_TAG: Final = re.compile(r'"([0-9a-f]{16})\.([0-9a-f]{64})"')


class MakesFiles(Protocol):
    """Whoever makes signed connection files."""

    @property
    def signer(self) -> str:
        """What tells apart the keys that files are signed with."""

    def unsigned(self, published: Published, user: User, publisher: str) -> bytes:
        """Return what is in that file, but for the ticket and the signature."""

    def feed(self, published: Published, user: User, ticket: Secret, publisher: str) -> bytes:
        """Return the file that opens the resource for the user by a resource ticket.

        Args:
            publisher: the id of the feed's publisher, to which the file belongs.
        """


class Files:
    """Hands out the feed's connection files; `host` is the server's name."""

    def __init__(self, directory: Directory, tickets: Tickets, maker: MakesFiles, host: str) -> None:
        self._directory = directory
        self._tickets = tickets
        self._maker = maker
        self._host = host

    def make_router(self, subscribers: Subscribers) -> APIRouter:
        """Return the routes of the files, one for each kind of list."""
        router = APIRouter(include_in_schema=False)
        for path in (file_path("{alias}"), file_path("{alias}", "{workspace}")):
            route = subscribers.only(self.serve)
            router.add_api_route(path, route, methods=["GET", "HEAD"], response_model=None)
        return router

    async def serve(self, request: Request, person: Person) -> Response:
        """Answer with the file, with 304 if the client's is good, or with 404."""
        user, alias = person.user, ResourceName(request.path_params["alias"])
        published = await self._directory.published(user.tenant, user.id, alias)
        workspace = request.path_params.get("workspace")
        if published is None or workspace not in (None, published.application_group.workspace):
            return Response(status_code=404)
        publisher = publisher_id(self._host, workspace or "")
        digest = self._digest(published, user, publisher)
        brought = request.headers.getlist("if-none-match")
        if (kept := await self._kept(brought, digest, user, published.resource.name)) is not None:
            return Response(status_code=304, headers=_headers(digest, kept))
        ticket = await self._tickets.issue(user, published.resource.name, peer_of(request))
        return Response(
            self._maker.feed(published, user, ticket.secret, publisher),
            headers={
                **_headers(digest, ticket.hash),
                "Content-Type": RDP_CONTENT_TYPE,
                "Content-Disposition": content_disposition(published.resource.title),
            },
        )

    async def open(self, user: User, published: Published, address: str, workspace: str = "") -> bytes:
        """Return a file for a resource that the user may use, as the feed of the workspace has it.

        Args:
            address: from which the user asks.
        """
        ticket = await self._tickets.issue(user, published.resource.name, address)
        return self._maker.feed(published, user, ticket.secret, publisher_id(self._host, workspace))

    def _digest(self, published: Published, user: User, publisher: str) -> str:
        """Return what tells apart the files that differ in more than ticket and time of signing."""
        unsigned = self._maker.unsigned(published, user, publisher)
        # The title is the file's name.
        more = f"{self._maker.signer}\n{published.resource.title}\n".encode()
        return hashlib.sha256(more + unsigned).hexdigest()[:16]

    async def _kept(
        self, brought: Sequence[str], digest: str, user: User, resource: ResourceName
    ) -> TokenHash | None:
        """Return the ticket in the client's file, if the file would be the same and the ticket is good."""
        for found, text in _TAG.findall(", ".join(brought))[:4]:
            hash = TokenHash(text)
            if found == digest and await self._tickets.is_good(hash, user, resource):
                return hash
        return None


def _headers(digest: str, ticket: TokenHash) -> dict[str, str]:
    # Weak: two nodes sign at different times, and no client can tell their files apart.
    return {"ETag": f'W/"{digest}.{ticket}"', "Cache-Control": "no-store"}
