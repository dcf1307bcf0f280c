"""Sign-in at an OpenID provider: cookies, refusals, and who comes out of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.errors import Reason, Refused, sentence_for_user
from dialback.domain.tenancy import MAIN, Role
from dialback.identity.oidc.claims import ExternalPerson
from dialback.identity.oidc.flow import OidcProvider
from dialback.identity.oidc.pending import Pending
from dialback.identity.oidc.settings import OidcSettings
from dialback.identity.signing import SigningKey
from dialback.web.people import COOKIE
from dialback.web.signin_providers import callback_of, known_as
from tests.web.portal.stage import NOW, PortalStage, text_of

SETTINGS = OidcSettings(
    "acme-id", "https://id.example.org", "dialback", title="Acme <ID>", create_users=True,
    group_roles={"admins": "administrator", "staff": "group:Staff"},
)  # fmt: skip
BEN = ExternalPerson("https://id.example.org", "s1", "ben", "Ben B.", "", frozenset({"admins", "staff"}))
BEGIN, BACK = "/signin/oidc/acme-id", "/signin/oidc/acme-id/callback"


class Provider(OidcProvider):
    """A provider that answers as it is told; what it checks itself is tested in `tests/identity/oidc`."""

    def __init__(self) -> None:
        self.settings = SETTINGS
        self.person = BEN
        self.refusal: Refused | None = None
        self.finished: list[tuple[Pending, Mapping[str, str]]] = []

    async def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        if self.refusal is not None:
            raise self.refusal
        return "https://id.example.org/authorize?x=1", Pending.begin("acme-id", redirect_uri, NOW)

    async def finish(self, pending: Pending, query: Mapping[str, str]) -> ExternalPerson:
        self.finished.append((pending, query))
        if self.refusal is not None:
            raise self.refusal
        return self.person


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def site(publisher: SigningKey, provider: Provider) -> PortalStage:
    stage = PortalStage(publisher, providers={"acme-id": provider})
    await stage.fill()
    return stage


async def test_button_names_the_provider(site: PortalStage) -> None:
    answer = await site.browser().get("/signin?next=/devices")
    assert "Sign in with Acme <ID>" in text_of(answer)
    assert 'href="/signin/oidc/acme-id?next=/devices"' in answer.text


async def test_browser_goes_there_comes_back_and_is_signed_in(site: PortalStage, provider: Provider) -> None:
    browser = site.browser()
    away = await browser.get(f"{BEGIN}?next=/devices")
    assert away.headers["location"] == "https://id.example.org/authorize?x=1"
    back = await browser.get(f"{BACK}?code=c&state=s", headers={"Sec-Fetch-Site": "cross-site"})
    assert (back.status_code, back.headers["location"]) == (303, "/devices")
    assert "Ben B." in text_of(await browser.get("/devices"))
    [(pending, query)] = provider.finished
    assert pending.redirect_uri == "https://gw.example.org/signin/oidc/acme-id/callback"
    assert query == {"code": "c", "state": "s"}
    made, opened = site.recorded.entries
    assert (made.action, made.actor.name, made.detail) == (
        "user.save",
        "acme-id",
        "ben is 's1' of https://id.example.org, role: user -> administrator, display name: '' -> 'Ben B.'",
    )
    assert (opened.action, opened.actor.name) == ("sign-in.open", "ben")


async def test_cookies_are_short_sealed_and_dropped(site: PortalStage) -> None:
    browser = site.browser()
    kept = (await browser.get(BEGIN)).headers.get_list("set-cookie")
    assert len(kept) == 2
    for cookie in kept:
        assert "; HttpOnly; Max-Age=600; Path=/signin/oidc/acme-id; SameSite=lax; Secure" in cookie
        assert "https" not in cookie
    dropped = (await browser.get(f"{BACK}?code=c")).headers.get_list("set-cookie")
    assert sum("Max-Age=0; Path=/signin/oidc/acme-id" in cookie for cookie in dropped) == 2
    assert (await browser.get(f"{BACK}?code=c")).status_code == 403


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_it_leads_to_no_other_site(site: PortalStage, next: str) -> None:
    browser = site.browser()
    await browser.ask("GET", BEGIN, params={"next": next})
    assert (await browser.get(f"{BACK}?code=c")).headers["location"] == "/"


async def test_changed_cookie_leads_to_no_other_site(site: PortalStage) -> None:
    browser = site.browser()
    await browser.get(BEGIN)
    kept = {cookie.name: cookie.value for cookie in browser.cookies.jar}
    kept["__Secure-dialback-next"] = "//evil.example"
    header = "; ".join(f"{name}={value}" for name, value in kept.items())
    stranger = site.browser()
    answer = await stranger.get(f"{BACK}?code=c", headers={"Cookie": header})
    assert answer.headers["location"] == "/"


async def test_answer_without_a_beginning_here_is_refused(site: PortalStage, provider: Provider) -> None:
    answer = await site.browser().get(f"{BACK}?code=c&state=s")
    assert answer.status_code == 403
    assert sentence_for_user(Reason.OIDC_STATE_WRONG) in text_of(answer)
    assert provider.finished == []
    assert COOKIE not in str(answer.headers)


async def test_answer_that_comes_too_late_is_refused(site: PortalStage) -> None:
    browser = site.browser()
    await browser.get(BEGIN)
    site.later(timedelta(minutes=11))
    assert sentence_for_user(Reason.OIDC_STATE_WRONG) in text_of(await browser.get(f"{BACK}?code=c"))


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.name.startswith("OIDC_")])
async def test_every_refusal_is_told_and_noted(site: PortalStage, provider: Provider, reason: Reason) -> None:
    browser = site.browser()
    await browser.get(BEGIN)
    provider.refusal = Refused(reason, "<b>said by them</b>")
    answer = await browser.get(f"{BACK}?code=c")
    assert answer.status_code in (403, 503)
    assert sentence_for_user(reason) in text_of(answer)
    assert "<b>said" not in answer.text
    [entry] = site.recorded.entries
    assert (entry.action, entry.allowed, entry.tenant) == ("sign-in.refused", False, MAIN)


async def test_provider_that_does_not_answer_is_told_at_the_beginning(
    site: PortalStage, provider: Provider
) -> None:
    provider.refusal = Refused(Reason.OIDC_PROVIDER_UNAVAILABLE)
    answer = await site.browser().get(BEGIN)
    assert sentence_for_user(Reason.OIDC_PROVIDER_UNAVAILABLE) in text_of(answer)


async def test_unknown_person_and_taken_name_are_told(site: PortalStage, provider: Provider) -> None:
    browser = site.browser()
    await browser.get(BEGIN)
    provider.person = replace(BEN, name="adam")
    assert sentence_for_user(Reason.IDENTITY_NAME_TAKEN) in text_of(await browser.get(f"{BACK}?code=c"))
    await browser.get(BEGIN)
    provider.settings = replace(SETTINGS, create_users=False)
    provider.person = replace(BEN, subject="s2", name="nobody")
    assert sentence_for_user(Reason.IDENTITY_UNKNOWN) in text_of(await browser.get(f"{BACK}?code=c"))


async def test_subject_that_cannot_be_kept_is_told(site: PortalStage, provider: Provider) -> None:
    browser = site.browser()
    await browser.get(BEGIN)
    provider.person = replace(BEN, subject=" s1")
    assert sentence_for_user(Reason.OIDC_CLAIM_UNFIT) in text_of(await browser.get(f"{BACK}?code=c"))


async def test_unknown_provider_is_not_there(site: PortalStage) -> None:
    for path in ("/signin/oidc/none", "/signin/oidc/none/callback", "/signin/oidc/ACME-ID"):
        assert (await site.browser().get(path)).status_code == 404


def test_groups_become_role_and_memberships() -> None:
    known = known_as(BEN, SETTINGS)
    assert (known.role, known.groups) == (Role.ADMINISTRATOR, {"Staff": True})
    assert known_as(replace(BEN, groups=frozenset()), SETTINGS).groups == {"Staff": False}


def test_callback_names_the_port_unless_it_is_the_usual_one() -> None:
    assert callback_of("gw.example.org:443", "x") == "https://gw.example.org/signin/oidc/x/callback"
    assert callback_of("gw.example.org:8443", "x") == "https://gw.example.org:8443/signin/oidc/x/callback"
