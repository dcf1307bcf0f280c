"""Users, their invitations, and the end of their access."""

import re
from dataclasses import replace

import pytest

from dialback.domain.ids import UserId, UserName
from dialback.domain.tenancy import MAIN, Role, User
from tests.identity.held import hand_out, holds_nothing
from tests.web.portal.stage import ACME, HOSTILE, NOW, PASSWORD, PortalStage, links_of, text_of


def link_in(text: str) -> str:
    found = re.search(r"https://gw\.example\.org(/invitation/[\w-]+)", text)
    assert found is not None
    return found[1]


async def test_somebody_new_is_invited_and_gets_in(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("adam")).post("/admin/users", name="ben", display_name="Ben B.")
    link = link_in(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    browser = portal.browser()
    await browser.post(link, password=PASSWORD, again=PASSWORD)
    assert "Ben B." in text_of(await browser.get("/"))
    assert (await portal.user("ben")).role is Role.USER
    assert portal.recorded.actions[:2] == ["user.save", "user.invite"]
    assert link.rpartition("/")[2] not in repr(portal.recorded.entries)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ANNA", "."),
        ("", "Expected 1 to"),
        ("a\nb", "Expected "),
        ("\u202eanna", "Expected "),
        ("x" * 200, "Expected "),
    ],
)
async def test_unfit_name_is_told_in_words(portal: PortalStage, name: str, said: str) -> None:
    answer = await (await portal.signed_in("adam")).post("/admin/users", name=name)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert portal.recorded.entries == []


async def test_invitation_of_a_user_replaces_the_older_link(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    first = link_in((await adam.post("/admin/users/anna/invite")).text)
    second = link_in((await adam.post("/admin/users/anna/invite")).text)
    assert (await portal.browser().get(first)).status_code == 403
    assert (await portal.browser().get(second)).status_code == 200


async def test_disabled_user_loses_sign_ins_and_files(portal: PortalStage) -> None:
    adam, anna = await portal.signed_in("adam"), await portal.signed_in("anna")
    await anna.post("/connect/office")
    await hand_out(portal.store, await portal.user("anna"), NOW)
    answer = await adam.post("/admin/users/anna/disable")
    assert "The user is disabled" in text_of(await adam.get(answer.headers["location"]))
    assert (await anna.get("/")).status_code == 303
    await adam.post("/admin/users/anna/enable")
    assert (await portal.user("anna")).disabled_at is None
    assert (await anna.get("/")).status_code == 303
    assert await holds_nothing(portal.store, portal.accounts, await portal.user("anna"))
    assert portal.recorded.actions == ["connection-file.make", "user.disable", "user.enable"]


async def test_what_a_user_is_already_is_not_noted_again(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    version = (await portal.user("anna")).version
    await adam.post("/admin/users/anna/enable")
    assert ((await portal.user("anna")).version, portal.recorded.actions) == (version, [])
    for _ in range(2):
        await adam.post("/admin/users/anna/disable")
    assert portal.recorded.actions == ["user.disable"]


@pytest.mark.parametrize("action", ["invite", "disable", "enable"])
async def test_nobody_acts_on_who_has_more_rights_or_on_themselves(portal: PortalStage, action: str) -> None:
    adam = await portal.signed_in("adam")
    more = await adam.post(f"/admin/users/olga/{action}")
    assert more.status_code == 409
    assert "This takes somebody with the role owner." in text_of(more)
    assert "Nobody can do this to themselves" in text_of(await adam.post(f"/admin/users/adam/{action}"))
    noted = [(entry.action, entry.subject, entry.allowed) for entry in portal.recorded.entries]
    paths = [f"route:POST /admin/users/{name}/{action}" for name in ("olga", "adam")]
    assert noted == [("portal.refused", path, False) for path in paths]
    assert {entry.actor.name for entry in portal.recorded.entries} == {"adam"}
    assert "invitation/" not in more.text


@pytest.mark.parametrize("action", ["invite", "disable", "enable"])
async def test_user_of_another_tenant_is_not_there(portal: PortalStage, action: str) -> None:
    await portal.directory.save(User(ACME, UserId("theirs"), UserName("theirs")))
    answer = await (await portal.signed_in("adam")).post(f"/admin/users/theirs/{action}")
    assert answer.status_code == 404


async def test_helpdesk_sees_users_and_changes_nothing(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    answer = await hella.get("/admin/users")
    assert "anna" in answer.text
    assert "Invite" not in text_of(answer)
    for path in (
        "/admin/users",
        "/admin/users/anna/invite",
        "/admin/users/anna/disable",
        "/admin/users/anna/enable",
    ):
        assert (await hella.post(path, name="ben")).status_code == 403


async def test_users_are_found_by_name_and_paged(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    for number in range(60):
        await portal.directory.save(User(MAIN, UserId(f"u{number}"), UserName(f"user {number:02}")))
    first = await adam.get("/admin/users")
    (after,) = (link for link in links_of(first) if "after=" in link)
    assert "user 59" not in first.text
    assert "user 59" in (await adam.get(after)).text
    assert "user 07" in (await adam.get("/admin/users?q=USER%2007")).text
    assert (await adam.get("/admin/users?q=uSer%200")).text.count("<bdi>user 0") == 10
    begun = await adam.get("/admin/users?q=user")
    (after,) = (link for link in links_of(begun) if "after=" in link)
    assert (await adam.get(after)).text.count("<bdi>user ") == 10
    assert "Nobody has a name that begins so" in text_of(await adam.get("/admin/users?q=nobody"))
    assert (await adam.get("/admin/users?after=!")).status_code == 409


async def test_hostile_names_are_shown_as_what_they_are(portal: PortalStage) -> None:
    user = await portal.user("anna")
    await portal.directory.save(replace(user, name=UserName(HOSTILE), display_name=HOSTILE))
    adam = await portal.signed_in("adam")
    for answer in (await adam.get("/admin/users"), await adam.post("/admin/users/anna/invite")):
        assert "<script>alert" not in answer.text
        assert HOSTILE in text_of(answer)
