"""Who is at the browser: the cookie, the person it stands for, and what a route asks of them.

The cookie holds the secret of a sign-in of kind BROWSER and nothing else; its prefix `__Host-` makes browsers
insist on Secure, on Path=/ and on this very host. It has no life of its own: it goes when the browser closes,
and the sign-in ends when the server says so. What is left out: how somebody proves who they are
(`web/signin.py`), and what answers a route that nobody may see (`web/problems.py`).
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request, Response

from dialback.domain.accounts import Person, SignInKind
from dialback.domain.errors import Problem
from dialback.domain.secret import Secret
from dialback.domain.tenancy import Role

COOKIE: Final = "__Host-dialback"


class NotSignedIn(Exception):
    """A route needs a person, and nobody is signed in."""


class RoleMissing(Exception):
    """A route needs a role that the person does not have."""

    def __init__(self, role: Role, person: Person) -> None:
        super().__init__(f"expected the role {role}")
        self.role = role
        self.person = person


class NotYours(Problem):
    """Somebody whose role would do may not do this to this user."""

    def __init__(self, rule: str, person: Person) -> None:
        super().__init__(rule)
        self.person = person


class KnowsSignIns(Protocol):
    """Whoever resolves the secret of a sign-in."""

    async def who(self, secret: Secret, kind: SignInKind) -> Person | None:
        """Return who is signed in by the secret; None if it is none of that kind, or ended."""


def know_people(app_state: object, people: KnowsSignIns) -> None:
    """Tell the application, by its `app.state`, whom to ask; said once when it is made."""
    app_state.people = people  # type: ignore[attr-defined]


async def person_of(request: Request) -> Person | None:
    """Return who is signed in at the browser; asked once per request."""
    if not hasattr(request.state, "person"):
        request.state.person = await _ask(request)
    person: Person | None = request.state.person
    return person


async def _ask(request: Request) -> Person | None:
    secret = secret_of(request)
    if secret is None:
        return None
    people: KnowsSignIns = request.app.state.people
    return await people.who(secret, SignInKind.BROWSER)


def secret_of(request: Request) -> Secret | None:
    """Return the cookie's secret, whether it is good or not."""
    text = request.cookies.get(COOKIE, "")
    return Secret(text) if text else None


async def signed_in(request: Request) -> Person:
    """Return who is signed in; raise `NotSignedIn` if nobody is."""
    person = await person_of(request)
    if person is None:
        raise NotSignedIn
    return person


def with_role(role: Role) -> Callable[[Request], Awaitable[Person]]:
    """Return a dependency that asks for a person with at least the role; it raises `RoleMissing` if less."""

    async def person_with_role(request: Request) -> Person:
        person = await signed_in(request)
        if not person.role.includes(role):
            raise RoleMissing(role, person)
        return person

    return person_with_role


SignedIn = Annotated[Person, Depends(signed_in)]
Helpdesk = Annotated[Person, Depends(with_role(Role.HELPDESK))]
Administrator = Annotated[Person, Depends(with_role(Role.ADMINISTRATOR))]


def set_cookie(response: Response, secret: Secret) -> None:
    """Let the browser keep the secret of a sign-in."""
    response.set_cookie(COOKIE, secret.reveal(), path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
