from dataclasses import replace

import pytest

from dialback.domain.tenancy import MAIN, Role, User
from tests.identity.held import hand_out, holds_nothing
from tests.web.api.stage import ApiStage, meanwhile


async def test_tenant_is_read_and_renamed_by_its_owner(api: ApiStage) -> None:
    read = await api.ask("GET", "/tenant", "main/hella")
    stale = {"If-Match": '"9"'}

    assert read.json()["id"] == "main"
    assert (await api.bad("PUT", "/tenant", "main/olga", json={"name": "X"}, headers=stale))[0] == 412
    fresh = {"If-Match": read.headers["etag"]}
    assert (await api.good("PUT", "/tenant", "main/olga", json={"name": "X"}, headers=fresh))["name"] == "X"
    assert (await api.good("GET", "/tenant", "acme/olga"))["name"] == "Acme"


async def test_what_changes_nothing_is_no_new_version_and_not_noted(api: ApiStage) -> None:
    renamed = [await api.ask("PUT", "/tenant", "main/olga", json={"name": "X"}) for _ in range(2)]
    assert renamed[0].headers["etag"] == renamed[1].headers["etag"]
    for method in ("PUT", "DELETE"):
        for _ in range(2):
            await api.good(method, "/groups/staff/members/uma")
    assert [action for action, _ in api.notes.actions] == ["tenant.save", "group.join", "group.leave"]


async def test_user_is_made_changed_and_removed(api: ApiStage) -> None:
    made = await api.good("PUT", "/users/new", json={"name": "nina", "display_name": "Nina"})
    assert made == {
        "id": "new",
        "name": "nina",
        "display_name": "Nina",
        "role": "user",
        "disabled_at": None,
        "version": 1,
    }

    await api.good("PUT", "/groups/staff/members/new")
    assert [each["id"] for each in (await api.good("GET", "/users/new/groups"))["items"]] == ["staff"]
    await api.good("DELETE", "/users/new")
    assert await api.bad("GET", "/users/new") == (404, "not-there")


async def test_disabled_user_is_signed_out_and_can_be_enabled(api: ApiStage) -> None:
    uma = await api.directory.find(User, MAIN, "uma")
    assert uma is not None
    await hand_out(api.store, uma, api.now)
    assert (await api.good("POST", "/users/uma/disable"))["disabled_at"] is not None
    await api.good("POST", "/users/uma/disable")
    assert (await api.bad("GET", "/me", "main/uma"))[0] == 401
    # What else is said of the user leaves them disabled.
    await api.good("PUT", "/users/uma", json={"name": "uma", "display_name": "U"})
    assert (await api.good("GET", "/users/uma"))["disabled_at"] is not None

    assert (await api.good("POST", "/users/uma/enable"))["disabled_at"] is None
    actions = [action for action, _ in api.notes.actions]
    assert actions == ["user.disable", "user.save", "user.enable"]
    assert await holds_nothing(api.store, api.accounts, uma)


async def test_user_who_is_disabled_while_saved_stays_disabled(
    api: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(api, monkeypatch, User, "uma", lambda uma: replace(uma, disabled_at=api.now))
    body = {"name": "uma", "display_name": "U"}

    assert await api.bad("PUT", "/users/uma", json=body) == (412, "version-stale")
    assert (await api.good("PUT", "/users/uma", json=body))["disabled_at"] is not None


async def test_user_who_becomes_owner_while_saved_stays_owner(
    api: ApiStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(api, monkeypatch, User, "uma", lambda uma: replace(uma, role=Role.OWNER))
    body = {"name": "uma", "display_name": "U"}

    assert await api.bad("PUT", "/users/uma", json=body) == (412, "version-stale")
    assert await api.bad("PUT", "/users/uma", json=body) == (403, "role-lacking")


async def test_who_gets_the_id_of_a_removed_user_finds_nothing_of_theirs(api: ApiStage) -> None:
    uma = await api.directory.find(User, MAIN, "uma")
    assert uma is not None
    await hand_out(api.store, uma, api.now)
    await api.good("DELETE", "/users/uma")
    await api.good("PUT", "/users/uma", json={"name": "ursula"})
    assert await holds_nothing(api.store, api.accounts, uma)
    assert (await api.bad("GET", "/me", "main/uma"))[0] == 401


async def test_nobody_locks_themselves_out(api: ApiStage) -> None:
    for method, path in (("POST", "/users/adam/disable"), ("DELETE", "/users/adam")):
        assert await api.bad(method, path) == (409, "own-user")
    assert await api.bad("PUT", "/users/adam", json={"name": "adam"}) == (409, "own-user")
    assert [(entry.action, entry.detail) for entry in api.notes.entries] == [("api.refused", "own-user")] * 3
    await api.good("PUT", "/users/adam", json={"name": "adam", "role": "administrator", "display_name": "A"})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/groups/owners", {"name": "Owners"}),
        ("PUT", "/groups/owners", {"name": "Owners", "role": "administrator"}),
        ("DELETE", "/groups/owners", None),
        ("DELETE", "/groups/owners/members/uma", None),
    ],
)
async def test_nobody_takes_away_the_role_that_a_group_gives_them(
    api: ApiStage, method: str, path: str, body: dict[str, str] | None
) -> None:
    for group in ("owners", "others"):
        await api.good("PUT", f"/groups/{group}", "main/olga", json={"name": group, "role": "owner"})
    for name in ("uma", "hella"):
        await api.good("PUT", f"/groups/owners/members/{name}", "main/olga")

    assert await api.bad(method, path, "main/uma", json=body) == (409, "own-user")
    assert (await api.good("GET", "/me", "main/uma"))["role"] == "owner"

    # Others' membership, a name, and what another group gives too are no loss of their own.
    await api.good("PUT", "/groups/owners", "main/uma", json={"name": "Chiefs", "role": "owner"})
    await api.good("DELETE", "/groups/owners/members/hella", "main/uma")
    await api.good("PUT", "/groups/others/members/uma", "main/olga")
    await api.good(method, path, "main/uma", json=body)
    assert (await api.good("GET", "/me", "main/uma"))["role"] == "owner"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/users/new", {"name": "new", "role": "owner"}),
        ("PUT", "/users/adam", {"name": "adam", "role": "owner"}),
        ("PUT", "/users/olga", {"name": "olga"}),
        ("DELETE", "/users/olga", None),
        ("POST", "/users/olga/disable", None),
        ("POST", "/users/olga/invite", None),
        ("PUT", "/groups/new", {"name": "New", "role": "owner"}),
        ("PUT", "/groups/owners", {"name": "Owners"}),
        ("DELETE", "/groups/owners", None),
        ("PUT", "/groups/owners/members/adam", None),
        ("DELETE", "/groups/owners/members/uma", None),
        # A member of a group of owners is one, whatever their own role.
        ("POST", "/users/uma/invite", None),
    ],
)
async def test_nobody_reaches_above_their_own_role(
    api: ApiStage, method: str, path: str, body: dict[str, str] | None
) -> None:
    await api.good("PUT", "/groups/owners", "main/olga", json={"name": "Owners", "role": "owner"})
    await api.good("PUT", "/groups/owners/members/uma", "main/olga")

    api.notes.entries.clear()
    assert await api.bad(method, path, json=body) == (403, "role-lacking")
    (entry,) = api.notes.entries
    assert (entry.action, entry.subject) == ("api.refused", f"route:{method} {path}")
    assert (entry.actor.name, entry.detail, entry.allowed) == ("adam", "role-lacking", False)
    assert (await api.ask(method, path, "main/olga", json=body)).status_code in (200, 201, 204, 409)


async def test_invitation_is_a_link_of_this_server(api: ApiStage) -> None:
    link = (await api.good("POST", "/users/uma/invite"))["link"]

    assert link.startswith("https://gw.example.org/invitation/")
    assert api.notes.actions == [("user.invite", "user:uma")]
    assert link.rpartition("/")[2] not in str(api.notes.entries)


async def test_members_are_listed_added_and_removed(api: ApiStage) -> None:
    for name in ("uma", "hella"):
        await api.good("PUT", f"/groups/staff/members/{name}")
    page = await api.good("GET", "/groups/staff/members?limit=1")
    rest = await api.good("GET", f"/groups/staff/members?after={page['after']}")
    assert [each["name"] for each in page["items"] + rest["items"]] == ["hella", "uma"]

    await api.good("DELETE", "/groups/staff/members/uma")
    assert len((await api.good("GET", "/groups/staff/members"))["items"]) == 1
    assert await api.bad("PUT", "/groups/staff/members/nobody") == (404, "not-there")


async def test_users_of_another_tenant_stay_as_they_are(api: ApiStage) -> None:
    await api.good("DELETE", "/users/uma")

    assert await api.directory.get(User, MAIN, "uma") is None
    assert (await api.good("GET", "/users/uma", "acme/adam"))["name"] == "uma"
