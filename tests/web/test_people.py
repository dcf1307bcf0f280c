"""The cookie, and who it stands for."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from dialback.domain.accounts import Origin, Person, SignIn, SignInKind
from dialback.domain.ids import TokenHash, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Role, User
from dialback.web import people
from dialback.web.people import COOKIE, Administrator, NotSignedIn, RoleMissing, SignedIn
from tests.broker.stores import NOW

ANNA = User(MAIN, UserId("u1"), UserName("anna"))
SIGN_IN = SignIn(
    TokenHash("0" * 64), MAIN, ANNA.id, SignInKind.BROWSER, "password", NOW, NOW, NOW, Origin("::1")
)


class Knows:
    """Knows one secret."""

    def __init__(self) -> None:
        self.person = Person(ANNA, Role.USER, SIGN_IN)
        self.asked: list[SignInKind] = []

    async def who(self, secret: Secret, kind: SignInKind) -> Person | None:
        self.asked.append(kind)
        return self.person if secret == Secret("good") else None


def make_app(knows: Knows) -> FastAPI:
    app = FastAPI()
    people.know_people(app.state, knows)

    @app.get("/anybody")
    async def anybody(request: Request) -> str:
        first, second = await people.person_of(request), await people.person_of(request)
        assert first is second
        return first.user.name if first else ""

    @app.get("/somebody")
    async def somebody(person: SignedIn) -> str:
        return person.user.name

    @app.get("/administrator")
    async def administrator(person: Administrator) -> str:
        return person.user.name

    @app.get("/in")
    async def signs_in() -> Response:
        response = Response()
        people.set_cookie(response, Secret("good"))
        return response

    @app.get("/out")
    async def signs_out() -> Response:
        response = Response()
        people.drop_cookie(response)
        return response

    @app.exception_handler(NotSignedIn)
    async def nobody(request: Request, error: Exception) -> Response:
        return JSONResponse(None, 401)

    @app.exception_handler(RoleMissing)
    async def too_little(request: Request, error: Exception) -> Response:
        return JSONResponse(str(error), 403)

    return app


async def ask(knows: Knows, path: str, cookie: str = "") -> httpx.Response:
    headers: dict[str, Any] = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
    transport = httpx.ASGITransport(make_app(knows))
    async with httpx.AsyncClient(transport=transport, base_url="https://gw.example.org") as client:
        return await client.get(path, headers=headers)


async def test_cookie_stands_for_its_person() -> None:
    knows = Knows()
    assert (await ask(knows, "/anybody", "good")).json() == "anna"
    assert (await ask(knows, "/somebody", "good")).json() == "anna"
    assert set(knows.asked) == {SignInKind.BROWSER}


async def test_secret_is_resolved_once_per_request() -> None:
    knows = Knows()
    await ask(knows, "/anybody", "good")
    assert len(knows.asked) == 1


@pytest.mark.parametrize("cookie", ["", "bad"])
async def test_nobody_is_signed_in_without_a_good_cookie(cookie: str) -> None:
    assert (await ask(Knows(), "/anybody", cookie)).json() == ""
    assert (await ask(Knows(), "/somebody", cookie)).status_code == 401
    assert (await ask(Knows(), "/administrator", cookie)).status_code == 401


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMINISTRATOR, 200), (Role.HELPDESK, 403), (Role.USER, 403)],
)
async def test_role_is_needed_and_a_higher_one_will_do(role: Role, status: int) -> None:
    knows = Knows()
    knows.person = replace(knows.person, role=role)
    assert (await ask(knows, "/administrator", "good")).status_code == status


async def test_cookie_is_bound_to_this_host_and_hidden_from_scripts() -> None:
    header = (await ask(Knows(), "/in")).headers["set-cookie"]
    assert header == "__Host-dialback=good; HttpOnly; Path=/; SameSite=lax; Secure"


async def test_dropped_cookie_is_one_the_browser_takes_for_the_same() -> None:
    header = (await ask(Knows(), "/out")).headers["set-cookie"]
    assert header.startswith('__Host-dialback=""; ')
    assert "Max-Age=0; Path=/; SameSite=lax; Secure" in header
