"""Who may call: asked before anything of a request is read, from one table; and how much may be sent.

A bearer is a command line's sign-in, or an API token with its scopes; the user of either, and their role, are
asked anew at each request. The browser's cookie opens nothing here, so no other site can make a browser call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from dialback.domain.accounts import Origin, Person, Program, SignInKind
from dialback.domain.audit import Actor, ActorKind
from dialback.domain.errors import Refused
from dialback.domain.provider import PROVIDER, StaffRole, check_console
from dialback.domain.secret import Secret
from dialback.domain.tenancy import Role
from dialback.web.api.needs import NEEDS, Needs
from dialback.web.api.parts import Api, Caller, note
from dialback.web.api.problems import ApiProblem, ApiReason, answer
from dialback.web.feed.pictures import MAX_UPLOAD_BYTES
from dialback.web.origin import origin_of

LOCAL_METHOD = "data folder"
"""The method of a sign-in that somebody made with access to the server's data folder."""

MAX_BEARER_CHARS = 200
BODY_BYTES = 1024 * 1024
BODY_DEADLINE_S = 30
_BODIES = {"save_icon": MAX_UPLOAD_BYTES}
"""Where a body may have fewer bytes."""
_DECISIONS = frozenset({ApiReason.ROLE_LACKING, ApiReason.PERSON_NEEDED, ApiReason.OWN_USER})
"""What an operation itself decides about its caller, by what is asked of it."""
Handle = Callable[[Request], Coroutine[Any, Any, Response]]
Who = Callable[[Api, Request], Awaitable[Caller | None]]
"""Says who calls; None if nobody knows."""


async def by_bearer(api: Api, request: Request) -> Caller | None:
    """Return who calls, by the bearer of the request."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not 1 <= len(text) <= MAX_BEARER_CHARS:
        return None
    secret, origin = Secret(text.strip()), origin_of(request)
    person = await api.authenticator.who(secret, SignInKind.CLI)
    if person is not None:
        return _of_person(person, origin)
    program = await api.authenticator.program(secret)
    return _of_program(program, origin) if program is not None else None


def guarded(api: Api, who: Who = by_bearer) -> type[APIRoute]:
    """Return the class of routes that let nobody pass whom the table does not."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handle:
            needs, handle = NEEDS[self.name], super().get_route_handler()
            limit = _BODIES.get(self.name, BODY_BYTES)

            async def handle_guarded(request: Request) -> Response:
                try:
                    caller = await _admit(api, who, request, needs)
                except ApiProblem as problem:
                    return answer(problem)
                try:
                    response = await handle(Request(request.scope, _bounded(request.receive, limit)))
                except ApiProblem as problem:
                    if caller is not None and problem.reason in _DECISIONS:
                        _note_refused(api, caller, request, problem)
                    raise
                response.headers.setdefault("Cache-Control", "no-store")
                return response

            return handle_guarded

    return Guarded


def _bounded(receive: Receive, limit: int) -> Receive:
    """Return what receives a body of `limit` bytes at most, and all of it before the deadline."""
    ends_at = asyncio.get_running_loop().time() + BODY_DEADLINE_S
    got_bytes = 0

    async def receive_bounded() -> Message:
        nonlocal got_bytes
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        got_bytes += len(message.get("body", b""))
        if got_bytes > limit:
            raise HTTPException(413, f"expected {limit} bytes at most, got more")
        return message

    return receive_bounded


async def _admit(api: Api, who: Who, request: Request, needs: Needs) -> Caller | None:
    """Return who calls, None where that may be anybody, and keep it in the request; raise if they may not."""
    if needs.role is None:
        return None
    caller = await who(api, request)
    if caller is None:
        raise ApiProblem(ApiReason.NOT_SIGNED_IN)
    try:
        request.state.caller = await _permitted(api, caller, needs, needs.role)
    except (ApiProblem, Refused) as refused:
        _note_refused(api, caller, request, refused)
        raise
    return caller


def _note_refused(api: Api, caller: Caller, request: Request, refused: ApiProblem | Refused) -> None:
    subject = f"route:{request.method} {request.url.path}"
    note(api, caller, "api.refused", subject, refused.reason.value, allowed=False)


async def _permitted(api: Api, caller: Caller, needs: Needs, role: Role) -> Caller:
    """Return the caller, as one of the provider's staff where that is asked; raise if they may not."""
    if caller.user is None:
        _check_scopes(caller, needs)
    if not caller.role.includes(role):
        raise ApiProblem(ApiReason.ROLE_LACKING, f"expected {role.value}, got {caller.role.value}")
    return caller if needs.staff is None else await _as_staff(api, caller, needs.staff)


async def _as_staff(api: Api, caller: Caller, wanted: StaffRole) -> Caller:
    """Return the caller as who they are on the provider's staff; raise if they may not, or not from there."""
    if caller.actor.kind is ActorKind.LOCAL:
        return caller
    member = await api.provider.staff(caller.person.id) if caller.tenant == PROVIDER else None
    if member is None or not member.role.includes(wanted):
        raise ApiProblem(ApiReason.ROLE_LACKING, f"expected {wanted.value} on the provider's staff")
    settings = api.provider_settings
    check_console(caller.actor.address, settings.networks, settings.outside)
    return replace(caller, staff=member)


def _check_scopes(caller: Caller, needs: Needs) -> None:
    if not needs.scopes:
        raise ApiProblem(ApiReason.PERSON_NEEDED)
    if not needs.scopes & caller.scopes:
        wanted = " or ".join(sorted(needs.scopes))
        raise ApiProblem(ApiReason.SCOPE_LACKING, f"expected {wanted}")


def _of_person(person: Person, origin: Origin) -> Caller:
    user = person.user
    kind = ActorKind.LOCAL if person.sign_in.method == LOCAL_METHOD else ActorKind.USER
    name = person.sign_in.origin.client if kind is ActorKind.LOCAL else user.name
    actor = Actor(kind, name, origin.address)
    return Caller(user.tenant, actor, person.role, user, sign_in=person.sign_in.hash)


def _of_program(program: Program, origin: Origin) -> Caller:
    token = program.token
    actor = Actor(ActorKind.TOKEN, token.name, origin.address)
    return Caller(token.tenant, actor, program.role, scopes=token.scopes)
