import pytest

from dialback.domain.tenancy import MAIN, Group
from tests.web.api.stage import ApiStage, problem_of


async def test_saving_makes_then_changes_nothing_then_changes(api: ApiStage) -> None:
    made = await api.ask("PUT", "/groups/new", json={"name": "New"})
    same = await api.ask("PUT", "/groups/new", json={"name": "New"})
    changed = await api.ask("PUT", "/groups/new", json={"name": "Newer"})

    assert [answer.status_code for answer in (made, same, changed)] == [201, 200, 200]
    assert [answer.headers["etag"] for answer in (made, same, changed)] == ['"1"', '"1"', '"2"']
    assert [entry.detail for entry in api.notes.entries] == ["New: made", "Newer: name: 'New' -> 'Newer'"]
    assert {(entry.action, entry.subject) for entry in api.notes.entries} == {("group.save", "group:new")}


async def test_stale_version_is_refused_and_nothing_kept(api: ApiStage) -> None:
    read = await api.ask("GET", "/groups/staff")
    fresh = {"If-Match": read.headers["etag"]}
    await api.good("PUT", "/groups/staff", json={"name": "First"}, headers=fresh)

    for method, body in (("PUT", {"name": "Second"}), ("DELETE", None)):
        assert await api.bad(method, "/groups/staff", json=body, headers=fresh) == (412, "version-stale")
    assert (await api.good("GET", "/groups/staff"))["name"] == "First"
    assert (await api.bad("PUT", "/groups/x", json={"name": "X"}, headers=fresh))[0] == 412


async def test_thing_is_made_only_if_it_is_not_there(api: ApiStage) -> None:
    only_new = {"If-None-Match": "*"}

    await api.good("PUT", "/groups/new", json={"name": "New"}, headers=only_new)
    assert (await api.bad("PUT", "/groups/new", json={"name": "New"}, headers=only_new))[0] == 412


async def test_removing_is_done_once(api: ApiStage) -> None:
    assert (await api.ask("DELETE", "/groups/staff")).status_code == 204
    assert await api.bad("DELETE", "/groups/staff") == (404, "not-there")
    assert api.notes.actions == [("group.remove", "group:staff")]
    assert await api.directory.get(Group, MAIN, "staff") is None


async def test_pages_follow_their_cursor(api: ApiStage) -> None:
    for name in "abc":
        await api.good("PUT", f"/groups/{name}", json={"name": name})

    first = await api.good("GET", "/groups?limit=2")
    second = await api.good("GET", f"/groups?limit=2&after={first['after']}")

    assert [each["id"] for each in first["items"]] == ["a", "b"]
    assert [each["id"] for each in second["items"]] == ["c", "staff"]
    assert second["after"] == ""


async def test_name_finds_one_in_any_case(api: ApiStage) -> None:
    assert [each["id"] for each in (await api.good("GET", "/groups?name=STAFF"))["items"]] == ["staff"]
    assert (await api.good("GET", "/groups?name=none"))["items"] == []
    assert (await api.good("GET", "/groups?name=%00"))["items"] == []


async def test_taken_name_and_used_thing_are_refused(api: ApiStage) -> None:
    assert await api.bad("PUT", "/groups/other", json={"name": "staff"}) == (409, "name-taken")
    assert await api.bad("DELETE", "/workspaces/work") == (409, "still-used")


@pytest.mark.parametrize("id", ["%00", "a b", "x" * 65, "%E2%80%AE", "..%2Fx"])
async def test_id_that_is_none_is_not_there_and_cannot_be_made(api: ApiStage, id: str) -> None:
    assert await api.bad("GET", f"/groups/{id}") == (404, "not-there")
    answer = await api.ask("PUT", f"/groups/{id}", json={"name": "New"})
    assert answer.status_code in (404, 422)
    assert problem_of(answer)["reason"] in ("not-there", "request-invalid")


@pytest.mark.parametrize("name", ["", " x", "a\r\nb", "a\0b", "\u202eabc", "x" * 65, "\u2028"])
async def test_name_that_breaks_the_rule_is_refused_in_words(api: ApiStage, name: str) -> None:
    answer = await api.ask("PUT", "/workspaces/new", json={"name": name})

    assert answer.status_code == 422
    assert "workspace name" in problem_of(answer)["errors"][0]["message"]


async def test_four_byte_characters_are_kept(api: ApiStage) -> None:
    await api.good("PUT", "/workspaces/new", json={"name": "Büro \U0001f680"})

    assert (await api.good("GET", "/workspaces/new"))["name"] == "Büro \U0001f680"
