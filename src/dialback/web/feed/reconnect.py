"""MS-RDWR: which of the user's sessions wait for them, as files that open them again.

A pool of which the user may use something is offered if a connection to it would come back to a session
that its host reports as disconnected: placement is asked, so what is offered is what opening the file leads
to. There is one file per pool, however many sessions wait in it: of a resource that is shown before one that
is not, and of the pool's desktop before the first of its apps.

Source: [MS-RDWR] 3.1.4.1, GetRDPFiles.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from dialback.domain.accounts import Person
from dialback.domain.catalog import ApplicationGroupKind, PublishedResource
from dialback.domain.directory import Directory, Published
from dialback.domain.errors import Refused
from dialback.domain.ids import PoolId, WorkspaceId
from dialback.domain.placement import candidate_of, choose_session_host
from dialback.domain.pools import HostPool
from dialback.domain.sessions import SessionState
from dialback.domain.tenancy import User
from dialback.web.body import read_body
from dialback.web.feed.addresses import RECONNECT
from dialback.web.feed.files import Files
from dialback.web.feed.subscribers import Subscribers
from dialback.web.origin import peer_of
from dialback.wire import rdpfile
from dialback.wire.errors import WireError
from dialback.wire.feed.reconnect import (
    CONTENT_TYPE,
    MAX_REQUEST_BYTES,
    ReconnectFile,
    SessionType,
    build_response,
    is_action,
    parse_request,
)


class Reconnects:
    """Answers which sessions a user can open again."""

    def __init__(self, directory: Directory, files: Files) -> None:
        self._directory = directory
        self._files = files

    def make_router(self, subscribers: Subscribers) -> APIRouter:
        """Return the routes, one beside each feed."""
        router = APIRouter(include_in_schema=False)
        for path in (RECONNECT, "/feed/{workspace}/RDWebService.asmx"):
            route = subscribers.only(self.serve)
            router.add_api_route(path, route, methods=["POST"], response_model=None)
        return router

    async def serve(self, request: Request, person: Person) -> Response:
        """Answer one question."""
        try:
            if not is_action(request.headers.get("soapaction", "")):
                raise WireError("expected the action GetRDPFiles, got another")
            parse_request(await read_body(request, MAX_REQUEST_BYTES))
        except WireError as error:
            return PlainTextResponse(f"{error}\n", 400)
        user, workspace = person.user, request.path_params.get("workspace", "")
        waiting = await self.waiting(user, workspace)
        files = [await self._file(user, each, peer_of(request), workspace) for each in waiting]
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return Response(build_response(files), headers=headers)

    async def waiting(self, user: User, workspace: str = "") -> Sequence[Published]:
        """Return what opens the disconnected sessions of the user: one resource of each pool.

        Args:
            workspace: of it alone; empty for everything.
        """
        sessions = await self._directory.sessions_of(user.tenant, user.name)
        if not any(each.state is SessionState.DISCONNECTED for each in sessions):
            return []
        pools: set[PoolId] = set()
        found: list[Published] = []
        for resource in await self._candidates(user, workspace):
            published = await self._directory.published(user.tenant, user.id, resource.name)
            if published is None or published.pool.id in pools:
                continue
            pools.add(published.pool.id)
            if await self._waits_in(published.pool, user):
                found.append(published)
        return found

    async def _candidates(self, user: User, workspace: str) -> Sequence[PublishedResource]:
        """Return one resource of each application group, the best first: a group has one pool."""
        by_group: dict[str, PublishedResource] = {}
        space = WorkspaceId(workspace) if workspace else None
        for resource in sorted(await self._directory.resources_of(user.tenant, user.id, space), key=_rank):
            by_group.setdefault(resource.application_group, resource)
        return list(by_group.values())

    async def _waits_in(self, pool: HostPool, user: User) -> bool:
        """Say whether a connection of the user to the pool would come back to a disconnected session."""
        standings = await self._directory.standings(pool.tenant, pool.id, user.name)
        candidates = [candidate_of(each, up=each.link_up) for each in standings]
        try:
            # Chance has no say in which session is come back to.
            choice = choose_session_host(pool, candidates, user.id, draw=0)
        except Refused:
            return False
        return choice.session is not None and choice.session.state is SessionState.DISCONNECTED

    async def _file(self, user: User, published: Published, address: str, workspace: str) -> ReconnectFile:
        app = published.resource.remote_app is not None
        text = rdpfile.decode(await self._files.open(user, published, address, workspace))
        return ReconnectFile(text, SessionType.APP if app else SessionType.DESKTOP)


def _rank(resource: PublishedResource) -> tuple[bool, bool]:
    return not resource.shown, resource.kind is not ApplicationGroupKind.DESKTOP
