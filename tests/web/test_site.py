"""What holds for every route of the whole application: found in it, so that a new one is looked at too."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from dialback.domain.ids import UserId
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import MAIN, User
from dialback.web.safe_headers import HEADERS, POLICY
from dialback.web.site import make_app
from tests.web.api.stage import ApiStage
from tests.web.feed.stage import Feed
from tests.web.portal.stage import Browser, PortalStage
from tests.web.routes import filled, routes_of
from tests.web.stage import Web

PEOPLE = (
    ("anna", MAIN),
    ("hella", MAIN),
    ("adam", MAIN),
    ("olga", MAIN),
    ("aida", PROVIDER),
    ("tess", PROVIDER),
    ("pia", PROVIDER),
)
"""Somebody of each role, of the provider's staff too."""
OPEN = {
    "/reasons",
    "/signin",
    "/signin/code",
    "/signout",
    "/invitation/{secret}",
    "/signin/oidc/{name}",
    "/signin/oidc/{name}/callback",
    "/ca.pem",
    "/health",
    "/metrics",
    "/agent/enrol",
}
"""What nobody needs to be signed in for."""
OPEN_API = {
    "/api/v1/openapi.json",
    "/api/v1/device-code",
    "/api/v1/device-token",
    "/api/v1/provider/connections/{id}/end",
}
"""What of the API nobody needs to be signed in for; the last is asked with the token of a visit."""
UNSEEN = {"/signin/oidc/{name}", "/signin/oidc/{name}/callback", "/metrics"}
"""What shows nothing here: there is no OpenID provider, and nobody is on the machine itself."""
KEPT = {"private, no-cache", "private, max-age=86400", "public, max-age=31536000, immutable"}
"""What files may say of how long they are kept, beside `no-store`."""
GUARDS = ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


IDS = {"/admin/consent/": "r1", "/admin/published/": "apps"}
"""What leads to something where a connection's id does not."""


class Whole:
    """The whole application, and where each of its gaps leads to something."""

    def __init__(self, portal: PortalStage, api: ApiStage, feed: Feed) -> None:
        self.portal = portal
        portal.app = make_app(replace(portal.site, api=api.api, feed=feed.parts))
        self.values: dict[str, str] = defaultdict(
            lambda: "none", alias="office", host="desk-1", session="7", id="c-live"
        )

    async def fill(self) -> None:
        await self.portal.hire()
        await self.portal.ask_consent()
        await self.portal.fly("c-live")
        user = await self.portal.user("anna")
        self.values["secret"] = (await self.portal.authenticator.invite(user)).reveal()

    def routes(self, methods: Iterable[str]) -> list[tuple[str, str]]:
        found = list(routes_of(self.portal.app.routes))
        assert len(found) > 150
        return [(method, path) for method, path in found if method in methods]

    def at(self, path: str) -> str:
        id = next((id for begin, id in IDS.items() if path.startswith(begin)), self.values["id"])
        return filled(path, defaultdict(lambda: "none", {**self.values, "id": id}))

    def pages(self, methods: Iterable[str]) -> list[tuple[str, str]]:
        """Return routes of the portal, and of what is beside it for anybody."""
        others = ("/api/", "/rdweb/", "/RDWeb/", "/feed", "/icons/", "/.well-known/")
        return [(method, path) for method, path in self.routes(methods) if not path.startswith(others)]

    async def everybody(self) -> AsyncIterator[Browser]:
        yield self.portal.browser()
        for name, tenant in PEOPLE:
            yield await self.portal.signed_in(name, tenant)


@pytest.fixture
async def whole(portal: PortalStage, tmp_path: Path) -> Whole:
    api, feed = ApiStage(tmp_path), Feed()
    await api.fill()
    await feed.fill()
    made = Whole(portal, api, feed)
    await made.fill()
    return made


def assert_guarded(answer: httpx.Response, what: str) -> None:
    for name in GUARDS:
        assert answer.headers.get_list(name) == [HEADERS[name]], (what, name)
    (cache,) = answer.headers.get_list("Cache-Control")
    assert cache == "no-store" or (cache in KEPT and answer.status_code in (200, 304)), what


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/nothing"])
async def test_there_is_nothing_else(web: Web, path: str) -> None:
    assert (await web.ask("GET", path)).status_code == 404


def test_policy_lets_nothing_in_from_elsewhere_and_nobody_frame_a_page() -> None:
    for rule in ("default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert rule in POLICY


async def test_every_answer_to_whoever_asks_has_the_headers_that_guard_it(whole: Whole) -> None:
    seen = defaultdict(set)
    async for browser in whole.everybody():
        for _, path in whole.routes(["GET"]):
            answer = await browser.get(whole.at(path))
            assert_guarded(answer, path)
            seen[path].add(answer.status_code)
            assert answer.status_code < 500, path
    # What is not shown to anybody would be looked at in vain.
    assert {path for _, path in whole.pages(["GET"]) if 200 not in seen[path]} == UNSEEN


@pytest.mark.parametrize("path", ["/nothing", "/static/none.css", "/static/dialback.css", "/api/v1/none"])
async def test_what_is_no_route_has_them_too(whole: Whole, path: str) -> None:
    assert_guarded(await whole.portal.browser().get(path), path)


async def test_failure_inside_has_them_too(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError

    anna = await whole.portal.signed_in("anna")
    monkeypatch.setattr(whole.portal.directory, "resources_of", fails)
    answer = await anna.get("/")
    assert answer.status_code == 500
    assert_guarded(answer, "/")


async def test_every_page_but_the_named_leads_to_the_sign_in(whole: Whole) -> None:
    closed = [(method, path) for method, path in whole.pages(["GET", *UNSAFE]) if path not in OPEN]
    assert len(closed) > 40
    for method, path in closed:
        answer = await whole.portal.browser().ask(method, whole.at(path))
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/signin"), path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://gw.example.org"},
    ],
    ids=str,
)
async def test_nothing_is_changed_unless_a_page_of_this_server_asks(
    whole: Whole, headers: dict[str, str]
) -> None:
    for name, tenant in (("olga", MAIN), ("pia", PROVIDER)):
        browser = await whole.portal.signed_in(name, tenant)
        del browser.headers["Sec-Fetch-Site"]
        for method, path in whole.routes(UNSAFE):
            answer = await browser.ask(method, whole.at(path), headers=headers)
            assert answer.status_code == 403, path
            assert_guarded(answer, path)
    assert whole.portal.recorded.entries == []
    anna = await whole.portal.directory.get(User, MAIN, UserId("anna"))
    assert anna is not None
    assert anna.disabled_at is None


async def test_browsers_cookie_opens_nothing_of_the_api(whole: Whole) -> None:
    olga = await whole.portal.signed_in("olga")
    closed = [each for each in whole.routes(["GET", *UNSAFE]) if each[1].startswith("/api/")]
    closed = [each for each in closed if each[1] not in OPEN_API]
    assert len(closed) > 80
    for method, path in closed:
        assert (await olga.ask(method, whole.at(path))).status_code == 401, path
