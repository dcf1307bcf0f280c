"""What holds for every page: who may see it, its headers, other sites, and what went wrong."""

from dataclasses import replace

import pytest

from dialback.domain.accounts import SignInKind
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason, sentence_for_user
from dialback.web.people import COOKIE
from tests.web.portal.stage import ACME, HOSTILE, ORIGIN, PortalStage, text_of

PAGES = ["/", "/sessions", "/approvals", "/devices", "/subscribe", "/device", "/connect/office", "/nothing"]


@pytest.mark.parametrize("cookie", [b"x", b"", b"\xe9", b"x" * 5000])
async def test_bad_cookie_is_nobodys(portal: PortalStage, cookie: bytes) -> None:
    answer = await portal.browser().get("/", headers={"Cookie": COOKIE.encode() + b"=" + cookie})
    assert answer.headers["location"] == "/signin?next=%2F"


async def test_sign_in_of_another_kind_opens_no_page(portal: PortalStage) -> None:
    for kind in (SignInKind.FEED, SignInKind.CLI):
        opened = await portal.authenticator.open(await portal.user("anna"), kind, "test", ORIGIN)
        browser = portal.browser()
        browser.headers["Cookie"] = f"{COOKIE}={opened.secret.reveal()}"
        assert (await browser.get("/")).status_code == 303


async def test_sign_in_comes_back_to_the_page_that_was_asked_for(portal: PortalStage) -> None:
    answer = await portal.browser().get("/sessions?said=x&y=%2F%2Fevil.example")
    assert answer.headers["location"] == "/signin?next=%2Fsessions%3Fsaid%3Dx%26y%3D%252F%252Fevil.example"


async def test_script_is_told_to_load_anew_when_the_sign_in_has_ended(portal: PortalStage) -> None:
    answer = await portal.browser().part("/approvals")
    assert (answer.status_code, answer.headers["hx-refresh"]) == (204, "true")


async def test_disabled_user_sees_nothing_from_the_next_request_on(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    assert (await anna.get("/")).status_code == 200
    await portal.directory.save(replace(await portal.user("anna"), disabled_at=portal.now))
    assert (await anna.get("/")).status_code == 303


@pytest.mark.parametrize("path", PAGES)
async def test_pages_have_no_script_and_style_of_their_own(portal: PortalStage, path: str) -> None:
    text = (await (await portal.signed_in("anna")).get(path)).text
    assert "<script>" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text


async def test_other_site_signs_nobody_in(portal: PortalStage) -> None:
    await portal.set_password("anna")
    answer = await portal.browser().ask(
        "POST", "/signin", data={"name": "anna"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/nothing", "/static/../people.py", "/static/none.css", "/%00", "/a%0d%0ab"]
)
async def test_unknown_path_is_told_in_the_look_of_all_pages(portal: PortalStage, path: str) -> None:
    answer = await (await portal.signed_in("anna")).get(path)
    assert answer.status_code == 404
    assert "Back to my desktops" in text_of(answer)


@pytest.mark.parametrize(
    "path",
    ["/connect/%00", "/?q=%00", "/admin/users?q=a%00", "/admin/audit?actor=%00", "/admin/connections/%00x"],
)
async def test_address_with_a_nul_is_no_page(portal: PortalStage, path: str) -> None:
    assert (await (await portal.signed_in("adam")).get(path)).status_code == 404


async def test_wrong_method_is_no_page(portal: PortalStage) -> None:
    assert (await (await portal.signed_in("anna")).ask("DELETE", "/sessions")).status_code == 405


async def test_store_that_is_away_is_told_in_words(
    portal: PortalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await portal.signed_in("anna")

    async def away(*_: object) -> None:
        raise StoreUnavailable("the disk is full at /secret/path")

    monkeypatch.setattr(portal.directory, "resources_of", away)
    answer = await anna.get("/")
    assert answer.status_code == 503
    assert sentence_for_user(Reason.STORE_UNAVAILABLE) in text_of(answer)
    assert "/secret" not in answer.text


async def test_failure_inside_is_told_without_what_failed(
    portal: PortalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await portal.signed_in("anna")

    async def fails(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(portal.directory, "resources_of", fails)
    answer = await anna.get("/")
    assert answer.status_code == 500
    assert sentence_for_user(Reason.INTERNAL_ERROR) in text_of(answer)
    assert "inside" not in text_of(answer).replace("failed inside", "").replace("Something failed inside", "")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(60)), "application/x-www-form-urlencoded"),
        (b"name=%ff%fe", "application/x-www-form-urlencoded"),
        (b"name=\xff", "application/x-www-form-urlencoded"),
        (b'{"name": "x"}', "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
    ],
)
async def test_body_that_is_no_form_is_told_in_words(
    portal: PortalStage, content: bytes, media_type: str
) -> None:
    anna = await portal.signed_in("anna")
    answer = await anna.ask(
        "POST", "/devices/workspace-passwords", content=content, headers={"Content-Type": media_type}
    )
    assert answer.status_code == 400
    assert "does not understand" in text_of(answer)


async def test_files_are_kept_by_their_content(portal: PortalStage) -> None:
    page = (await portal.browser().get("/signin")).text
    address = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    answer = await portal.browser().get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]


async def test_hostile_names_of_people_are_shown_as_what_they_are(portal: PortalStage) -> None:
    user = await portal.user("anna")
    await portal.directory.save(replace(user, display_name=HOSTILE))
    anna = await portal.signed_in("anna")
    for path in PAGES[:-1]:
        answer = await anna.get(path)
        assert "<script>alert" not in answer.text
        assert HOSTILE in text_of(answer)


async def test_no_page_of_one_tenant_names_what_is_anothers(portal: PortalStage) -> None:
    await portal.ask_approval("acme-a1", user="adam", tenant=ACME, client_name="ACME-PC")
    adam = await portal.signed_in("adam")
    for path in [
        *PAGES,
        "/admin",
        "/admin/published",
        "/admin/published/desktops",
        "/admin/users",
        "/admin/connections",
        "/admin/audit",
    ]:
        text = (await adam.get(path)).text
        assert "acme" not in text.lower(), path
    for path in ["/admin/connections/acme-c-live", "/admin/published/acme-desktops", "/connect/acme-office"]:
        there, none = await adam.get(path), await adam.get(path + "x")
        assert (there.status_code, there.text) == (none.status_code, none.text)


async def test_page_that_is_for_others_is_refused_on_record(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")

    assert (await anna.get("/admin/users")).status_code == 403

    entry = portal.recorded.entries[-1]
    assert (entry.action, entry.subject) == ("portal.refused", "route:GET /admin/users")
    assert (entry.actor.name, entry.allowed) == ("anna", False)
