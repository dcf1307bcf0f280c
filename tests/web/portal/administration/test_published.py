"""What is published, and who may use it."""

from dataclasses import replace

import pytest

from dialback.domain.catalog import ApplicationGroup, GroupAssignment, PublishedResource, UserAssignment
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    PoolId,
    ResourceId,
    ResourceName,
    UserId,
    UserName,
)
from dialback.domain.tenancy import MAIN, Group, User
from dialback.web.portal.administration.published import PAGE, SHOWN
from tests.web.portal.stage import ACME, HOSTILE, NOW, PortalStage, links_of, text_of

APPS = ApplicationGroupId("apps")
PATH = "/admin/published/apps"
STAFF = Group(MAIN, GroupId("staff"), "Staff")


async def assigned(portal: PortalStage) -> list[UserAssignment | GroupAssignment]:
    return list(await portal.directory.assignments(MAIN, APPS))


async def test_application_groups_are_shown_with_what_is_around_them(portal: PortalStage) -> None:
    await portal.directory.save(ApplicationGroup(MAIN, ApplicationGroupId("more"), "More", PoolId("pool")))
    hella = await portal.signed_in("hella")
    answer = await hella.get("/admin/published")
    text = text_of(answer)
    for said in ("AppsappsWorkOffice pool", "DesktopsdesktopsWorkOffice pool", "MoredesktopsnoneOffice pool"):
        assert said in text.replace(" ", "").replace("Officepool", "Office pool")
    assert PATH in links_of(answer)
    assert "in no workspace, so in no feed" in text_of(await hella.get("/admin/published/more"))
    assert "No resource is in this application group" in text_of(await hella.get("/admin/published/more"))


async def test_group_shows_its_resources_and_who_may_use_it(portal: PortalStage) -> None:
    await portal.publish(replace(portal.writer(), title=HOSTILE, icon="i1", shown=False))
    answer = await (await portal.signed_in("hella")).get(PATH)
    text = text_of(answer)
    for said in (HOSTILE, "in no list", "||writer", "Documents", "anna", "in workspace Work"):
        assert said in text
    assert "<script>alert" not in answer.text
    assert "/icons/i1-64.png" in answer.text
    assert "Office desktop" not in text
    assert "Assign" not in text


async def test_user_and_group_are_assigned_by_name_and_taken_back(portal: PortalStage) -> None:
    await portal.directory.save(STAFF)
    adam = await portal.signed_in("adam")
    for kind, name in (("user", " HELLA "), ("user", "hella"), ("group", "staff")):
        answer = await adam.post(f"{PATH}/assign", kind=kind, name=name)
        assert "May use it now" in text_of(await adam.get(answer.headers["location"]))
    anna, hella = (UserAssignment(MAIN, APPS, UserId(id)) for id in ("anna", "hella"))
    staff = GroupAssignment(MAIN, APPS, STAFF.id)
    assert await assigned(portal) == [anna, hella, staff]
    for kind, id in (("user", "anna"), ("group", "staff")):
        answer = await adam.post(f"{PATH}/unassign", kind=kind, id=id)
        assert "May use it no more" in text_of(await adam.get(answer.headers["location"]))
    assert await assigned(portal) == [hella]
    assert [(entry.action, entry.subject, entry.detail) for entry in portal.recorded.entries] == [
        ("application-group.assign", "application-group:apps", "user hella"),
        ("application-group.assign", "application-group:apps", "group staff"),
        ("application-group.unassign", "application-group:apps", "user anna"),
        ("application-group.unassign", "application-group:apps", "group staff"),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("user", "nobody", "There is no user “nobody”."),
        ("user", "", "There is no user “”."),
        ("group", "anna", "There is no group of users “anna”."),
        ("group", "\0", "There is no group of users “\\x00”."),
        ("user", "a\u202eb", "There is no user “a\\u202eb”."),
        ("group", HOSTILE, HOSTILE),
    ],
)
async def test_name_that_nobody_has_is_told(portal: PortalStage, kind: str, name: str, said: str) -> None:
    answer = await (await portal.signed_in("adam")).post(f"{PATH}/assign", kind=kind, name=name)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert portal.recorded.entries == []


async def test_what_is_not_there_or_anothers_is_not_found(portal: PortalStage) -> None:
    await portal.directory.save(User(ACME, UserId("uma"), UserName("uma")))
    adam = await portal.signed_in("adam")
    for path, fields in (
        ("/admin/published/nothing/assign", {"kind": "user", "name": "anna"}),
        ("/admin/published/acme-apps/assign", {"kind": "user", "name": "anna"}),
        (f"{PATH}/assign", {"kind": "pool", "name": "anna"}),
        (f"{PATH}/unassign", {"kind": "user", "id": "adam"}),
        (f"{PATH}/unassign", {"kind": "group"}),
        (f"{PATH}/unassign", {"id": "anna"}),
    ):
        assert (await adam.post(path, **fields)).status_code == 404, path
    assert (await adam.post(f"{PATH}/assign", kind="user", name="uma")).status_code == 422
    assert (await adam.get("/admin/published/nothing")).status_code == 404
    assert (await adam.get("/admin/published?after=!")).status_code == 409
    assert portal.recorded.entries == []


async def test_helpdesk_assigns_nothing(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    for action in ("assign", "unassign"):
        assert (await hella.post(f"{PATH}/{action}", kind="user", name="hella", id="anna")).status_code == 403
    assert await assigned(portal) == [UserAssignment(MAIN, APPS, UserId("anna"))]


async def test_lists_are_shown_page_by_page_and_people_up_to_a_number(portal: PortalStage) -> None:
    for number in range(PAGE + 1):
        id = f"g{number:02}"
        await portal.directory.save(ApplicationGroup(MAIN, ApplicationGroupId(id), id, PoolId("pool")))
        desktop = PublishedResource(
            MAIN, ResourceId(id), ApplicationGroupId("desktops"), ResourceName(id), f"Desk {id}"
        )
        await portal.publish(desktop)
    for number in range(SHOWN + 2):
        user = User(MAIN, UserId(f"u{number:03}"), UserName(f"user {number:03}"), disabled_at=NOW)
        await portal.directory.save(user)
        await portal.directory.assign(UserAssignment(MAIN, APPS, user.id))
    adam = await portal.signed_in("adam")
    for path, last in (("/admin/published", "g50"), ("/admin/published/desktops", "Office desktop")):
        first = await adam.get(path)
        assert last not in text_of(first)
        (after,) = (link for link in links_of(first) if "after=" in link)
        second = await adam.get(after)
        assert last in text_of(second)
        assert path in links_of(second)
    text = text_of(await adam.get(PATH))
    assert f"These are {SHOWN} of {SHOWN + 3}, the first by id" in text
    assert "disabled" in text


async def test_nothing_published_says_how_to_begin(portal: PortalStage) -> None:
    for id in ("desktops", "apps"):
        await portal.directory.remove(ApplicationGroup, MAIN, id)
    text = text_of(await (await portal.signed_in("adam")).get("/admin/published"))
    assert "Nothing is published yet" in text
    assert "dialback apply" in text
