from tests.web.api.stage import ApiStage


async def test_workspace_is_made_listed_read_and_removed(api: ApiStage) -> None:
    await api.good("PUT", "/workspaces/new", json={"name": "New", "description": "For all"})

    listed = (await api.good("GET", "/workspaces"))["items"]
    assert [each["id"] for each in listed] == ["new", "work"]
    assert await api.good("GET", "/workspaces/new") == listed[0]
    assert listed[0]["description"] == "For all"
    assert (await api.ask("DELETE", "/workspaces/new")).status_code == 204
