"""`/me`, `/device-code` and `/connection-files`: signing in, who one is, and what opens a resource.

A command line is let in by a person at a browser, who types the code that it shows.

Source: RFC 8628, OAuth 2.0 Device Authorization Grant, 3.1 to 3.5.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.accounts import Scope
from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.directory import Published
from dialback.domain.ids import ResourceName, TokenHash
from dialback.domain.names import check_text
from dialback.domain.secret import Secret
from dialback.domain.tenancy import Role, User
from dialback.identity.authenticator import DevicePoll
from dialback.identity.tokens import hash_token, make_token
from dialback.web.api.catalog import ResourceView
from dialback.web.api.nouns import Nouns
from dialback.web.api.parts import Api, Body, Caller, Me, View, note
from dialback.web.api.problems import ApiProblem, ApiReason, broken_rule, not_there
from dialback.web.api.users import check_role, is_self, role_now
from dialback.web.origin import origin_of

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
POLL_INTERVAL_S: Final = 5
DEVICE_PATH: Final = "/device"
"""Where a person at a browser types the code."""

RDP_TYPE: Final = "application/x-rdp"
_WAITING = {
    DevicePoll.PENDING: ApiReason.DEVICE_CODE_PENDING,
    DevicePoll.DENIED: ApiReason.DEVICE_CODE_DENIED,
    DevicePoll.EXPIRED: ApiReason.DEVICE_CODE_EXPIRED,
}


class DeviceCodeView(View):
    """What a command line shows and polls with. Source: [RFC 8628] 3.2 Device Authorization Response."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceTokenView(View):
    """The token of a command line that was let in. Source: [RFC 6749] 5.1 Successful Response."""

    access_token: str
    token_type: str
    expires_in: int


class MeView(View):
    """Who calls: a person with a role, or a token with scopes."""

    tenant: str
    kind: str
    name: str
    user: str | None
    role: Role | None
    scopes: list[Scope]


class MyResourcesView(View):
    """What the caller may use, by alias."""

    items: list[ResourceView]


class RevokedFileBody(Body):
    """Which connection file: by the SHA-256 of its token, in hexadecimal, so that no token is sent."""

    token_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ConnectionFileBody(Body):
    """Which resource, by its alias, and for whom: the id of a user, null for the caller."""

    resource: str
    user: str | None = None
    minutes: Annotated[float, Field(strict=True, ge=0.1, le=1440, allow_inf_nan=False)] = 10


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_device(router, api)
    _add_me(router, api)
    _add_files(router, api)
    _add_revocation(router, api)


def _add_device(router: APIRouter, api: Api) -> None:
    @router.post("/device-code", summary="Begin to sign a command line in")
    async def begin_device_code(request: Request) -> DeviceCodeView:
        secret, typed, expires_at = await api.authenticator.begin_device(origin_of(request))
        page = f"https://{api.address.removesuffix(':443')}{DEVICE_PATH}"
        return DeviceCodeView(
            device_code=secret.reveal(),
            user_code=typed,
            verification_uri=page,
            verification_uri_complete=f"{page}?user_code={typed}",
            expires_in=_seconds(api, expires_at),
            interval=POLL_INTERVAL_S,
        )

    @router.post("/device-token", summary="Ask whether a person has let the command line in")
    async def poll_device_code(
        request: Request,
        device_code: Annotated[str, Form(min_length=1, max_length=200)],
        grant_type: Annotated[str, Form(max_length=200)],
    ) -> DeviceTokenView:
        if grant_type != GRANT:
            raise broken_rule("body.grant_type", f"expected {GRANT}")
        polled = await api.authenticator.poll_device(Secret(device_code), origin_of(request))
        if isinstance(polled, DevicePoll):
            raise ApiProblem(_WAITING[polled], error=polled.value)
        user, signed_in = polled.user, polled.sign_in
        actor = Actor(ActorKind.USER, user.name, signed_in.origin.address)
        opened = AuditEntry(user.tenant, api.now(), actor, "sign-in.open", detail=signed_in.method)
        api.recorder.note(opened)
        life = _seconds(api, signed_in.expires_at)
        return DeviceTokenView(access_token=polled.secret.reveal(), token_type="Bearer", expires_in=life)


def _seconds(api: Api, until: datetime) -> int:
    return max(0, int((until - api.now()).total_seconds()))


def _add_me(router: APIRouter, api: Api) -> None:
    @router.get("/me", summary="Say who calls")
    async def read_me(me: Me) -> MeView:
        return MeView(
            tenant=me.tenant,
            kind=me.actor.kind,
            name=me.user.name if me.user else me.actor.name,
            user=me.user.id if me.user else None,
            role=me.role if me.user else None,
            scopes=sorted(me.scopes),
        )

    @router.get("/me/resources", summary="List what the caller may use")
    async def list_my_resources(me: Me) -> MyResourcesView:
        found = await api.directory.resources_of(me.tenant, me.person.id)
        return MyResourcesView(items=[ResourceView.model_validate(each) for each in found])

    @router.delete("/me/sign-in", status_code=204, summary="Sign the command line out")
    async def sign_out(me: Me) -> None:
        if me.sign_in is not None:
            await api.accounts.end_sign_in(me.tenant, me.sign_in, api.now())
            note(api, me, "sign-in.end", f"user:{me.person.id}")


def _add_files(router: APIRouter, api: Api) -> None:
    @router.post(
        "/connection-files",
        summary="Make a signed connection file for the caller, or as an administrator for somebody else",
        response_class=Response,
        responses={200: {"content": {RDP_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def make_connection_file(me: Me, body: ConnectionFileBody) -> Response:
        user = await _for_whom(api, me, body.user)
        published = await _published(api, me, user, body.resource)
        token, now = make_token(), api.now()
        kept = ConnectionToken(
            hash=hash_token(token),
            tenant=me.tenant,
            user_id=user.id,
            user=user.name,
            resource=published.resource.name,
            issued_at=now,
            expires_at=now + timedelta(minutes=body.minutes),
        )
        await api.store.save_token(kept)
        file = api.files.one_click(published, user, token)
        detail = f"for user {user.name}, good for {body.minutes:g} minutes"
        note(api, me, "connection-file.make", f"resource:{published.resource.id}", detail)
        headers = {"Content-Disposition": f'attachment; filename="{published.resource.name}.rdp"'}
        return Response(file, media_type=RDP_TYPE, headers=headers)


async def _for_whom(api: Api, me: Caller, id: str | None) -> User:
    if id is None:
        return me.person
    if not me.role.includes(Role.ADMINISTRATOR):
        if me.user is not None and id == me.user.id:
            return me.user
        raise ApiProblem(ApiReason.ROLE_LACKING, f"expected administrator, got {me.role.value}")
    user = await Nouns(api, User, "user").get(me, id)
    if not is_self(me, user):
        check_role(me, await role_now(api, user))
    return user


async def _published(api: Api, me: Caller, user: User, name: str) -> Published:
    try:
        check_text(name, "resource")
    except ValueError:
        raise not_there() from None
    published = await api.directory.published(me.tenant, user.id, ResourceName(name))
    if published is None:
        raise not_there()
    return published


def _add_revocation(router: APIRouter, api: Api) -> None:
    @router.post(
        "/connection-files/revoke",
        status_code=204,
        summary="Revoke a connection file of the caller's own, or as an administrator somebody else's",
    )
    async def revoke_connection_file(me: Me, body: RevokedFileBody) -> None:
        token = await _revocable(api, me, TokenHash(body.token_sha256))
        if token.revoked_at is None and await api.store.revoke_token(token.hash, api.now()):
            note(api, me, "connection-file.revoke", f"resource:{token.resource}", f"for user {token.user}")


async def _revocable(api: Api, me: Caller, hash: TokenHash) -> ConnectionToken:
    """Return a token of the caller's, or of a user whom they may lock out; raise the problem."""
    token, _ = await api.store.token(hash)
    # What staff of the provider hold in the tenant is in no file; it ends with their grant.
    if token is None or token.tenant != me.tenant or token.kind is TokenKind.PROVIDER:
        raise not_there()
    if me.user is not None and token.user_id == me.user.id:
        return token
    if not me.sees_all():
        raise not_there()
    check_role(me, Role.ADMINISTRATOR)
    user = await api.directory.get(User, me.tenant, token.user_id)
    if user is not None:
        check_role(me, await role_now(api, user))
    return token
