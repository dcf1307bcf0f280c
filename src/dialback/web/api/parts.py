"""What the API stands on, and what its operations share: caller, audit, versions and pages.

Every operation is scoped to the caller's tenant. What belongs to another tenant is answered exactly as what
is not there, and so is what is not the caller's own where they may see no more than that.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Strict

from dialback.domain.accounts import Accounts, Scope
from dialback.domain.approvals import Approvals
from dialback.domain.audit import Actor, Audit, AuditEntry, Recorder
from dialback.domain.contracts import ConsentEvents, Store
from dialback.domain.directory import MAX_PAGE, Directory, VersionStale, cursor_of, key_at
from dialback.domain.flight import FlightProofs
from dialback.domain.icons import Icons
from dialback.domain.ids import TenantId, TokenHash
from dialback.domain.live import LiveConnections
from dialback.domain.names import key_of
from dialback.domain.orders import SessionOrders
from dialback.domain.provider import Provider, Staff
from dialback.domain.tenancy import Role, User
from dialback.identity.authenticator import Authenticator
from dialback.web.api.problems import ApiProblem, ApiReason, broken_rule
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.connection_files import ConnectionFiles

T = TypeVar("T")
ANY_VERSION = "*"
MADE: Final[dict[int | str, dict[str, Any]]] = {201: {"description": "It was not there and has been made."}}
"""What a schema adds where saving may make something."""


Whole = Annotated[int, Strict()]
"""A number; a text that looks like one is refused."""
Flag = Annotated[bool, Strict()]


class Body(BaseModel):
    """What a request carries: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """What an answer carries."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


V = TypeVar("V", bound=View)


class PageView(View, Generic[V]):
    """Some of a list; `after` is the cursor with which the rest is asked for, empty at the end."""

    items: list[V]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """What the API needs of other parts. `address` is `NAME:PORT`, as clients reach the server.

    `platform_key` is the public half of the key that signs flight records.
    """

    directory: Directory
    store: Store
    accounts: Accounts
    approvals: Approvals
    audit: Audit
    recorder: Recorder
    authenticator: Authenticator
    icons: Icons
    provider: Provider
    files: ConnectionFiles
    connections: LiveConnections
    address: str
    ca_pem: str
    now: Callable[[], datetime]
    orders: SessionOrders | None = None
    consent_events: ConsentEvents | None = None
    flight_proofs: FlightProofs | None = None
    platform_key: bytes = b""
    provider_settings: ProviderSettings = field(default_factory=ProviderSettings)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person, or a program with a token, which has no `user` and is an administrator at most.

    `sign_in` is the person's sign-in, None of a token. `staff` is what they are on the provider's staff,
    where an operation is for that.
    """

    tenant: TenantId
    actor: Actor
    role: Role
    user: User | None = None
    scopes: frozenset[Scope] = frozenset()
    sign_in: TokenHash | None = None
    staff: Staff | None = None

    @property
    def person(self) -> User:
        """The user who calls, of an operation that is for persons alone."""
        if self.user is None:
            raise ApiProblem(ApiReason.PERSON_NEEDED)
        return self.user

    def sees_all(self) -> bool:
        """Say whether the caller sees what is others' too."""
        return self.role.includes(Role.HELPDESK)


def caller_of(request: Request) -> Caller:
    """Return who calls, as the guard has found out."""
    caller: Caller = request.state.caller
    return caller


Me = Annotated[Caller, Depends(caller_of)]
Id = Annotated[str, Path(description="1 to 64 of A-Z, a-z, 0-9, - and _.", min_length=1, max_length=200)]
After = Annotated[str, Query(description="Cursor of the page before.", max_length=2000)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=MAX_PAGE)]
Named = Annotated[str, Query(description="Only the one of this name.", max_length=260)]
IfMatch = Annotated[str | None, Header(description='Version to change, as `"3"`.', max_length=100)]
IfNoneMatch = Annotated[str | None, Header(description="`*` to make it only if it is not there.")]


def note(
    api: Api, caller: Caller, action: str, subject: str, detail: str = "", *, allowed: bool = True
) -> None:
    """Write what the caller has done, or was not allowed to, into the audit log; never raises."""
    api.recorder.note(AuditEntry(caller.tenant, api.now(), caller.actor, action, subject, detail, allowed))


def changes(before: Any, after: Any) -> str:
    """Return the fields in which two nouns differ, for the audit log; what hides itself is not told."""
    if before is None:
        return "made"
    different = [
        f"{name}: {_told(getattr(before, name))} -> {_told(getattr(after, name))}"
        for name in after.__dataclass_fields__
        if name != "version" and getattr(before, name) != getattr(after, name)
    ]
    return ", ".join(different)


def _told(value: Any) -> str:
    """Return a field's value as the log tells it, in the words of the API's bodies."""
    if is_dataclass(value):
        shown = {each.name: getattr(value, each.name) if each.repr else "***" for each in fields(value)}
        return f"{{{', '.join(f'{name}: {_told(part)}' for name, part in shown.items())}}}"
    if isinstance(value, frozenset):
        return repr(sorted(str(each) for each in value))
    return repr(str(value) if isinstance(value, StrEnum) else value)


def fitting(kind: Callable[..., T], *values: Any, **fields: Any) -> T:
    """Make a noun; raise the problem with the rule in words if its constructor refuses."""
    return fitting_in("body", kind, *values, **fields)


def fitting_in(field: str, kind: Callable[..., T], *values: Any, **fields: Any) -> T:
    """Make what a field of the body holds, as `fitting` does; the problem names the field."""
    try:
        return kind(*values, **fields)
    except ValueError as error:
        raise broken_rule(field, str(error)) from error


def tagged(response: Response, version: int) -> None:
    """Say in `ETag` which version the answer shows."""
    response.headers["ETag"] = f'"{version}"'


def version_of(if_match: str | None) -> int:
    """Return the version that `If-Match` names; 0 for whatever is there.

    Raises:
        VersionStale: it names something that is no version of ours.
    """
    text = (if_match or ANY_VERSION).strip()
    if text == ANY_VERSION:
        return 0
    number = text.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number)):
        raise VersionStale("no such version")
    return int(number)


def sliced(items: Iterable[T], key: Callable[[T], str], after: str, limit: int) -> tuple[Sequence[T], str]:
    """Return one page of a list that is kept whole, in the order of the keys, and the next cursor."""
    begin = key_at(after) if after else ""
    rest = sorted((item for item in items if not after or key(item) > begin), key=key)
    page = rest[:limit]
    return page, cursor_of(key(page[-1])) if len(rest) > limit else ""


def named_key(name: str, id: str) -> str:
    """Return a key that orders by name, and is unlike any other's."""
    return f"{key_of(name)}\n{id}"
