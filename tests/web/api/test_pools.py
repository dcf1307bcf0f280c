from dialback.domain.accounts import Scope
from dialback.domain.health import Check
from dialback.domain.ids import UserId
from dialback.domain.tenancy import MAIN
from tests.web.api.stage import HOST, ApiStage, problem_of

WAKE = {"method": "webhook", "what": "https://wake.example.org/secret", "deadline_s": 30}
WHOLE = {
    "name": "Office",
    "kind": "pooled",
    "load_balancing": "depth-first",
    "session_limit": 5,
    "assignment": "direct",
    "start_on_connect": WAKE,
    "redirections": ["clipboard", "drives"],
    "multi_monitor": False,
    "step_up": {"wanted": True, "timeout_s": 90, "remembered_hours": 8},
}


async def test_whole_policy_is_kept(api: ApiStage) -> None:
    saved = await api.good("PUT", "/host-pools/new", json=WHOLE)

    assert saved == {"id": "new", "version": 1, **WHOLE}
    assert await api.good("GET", "/host-pools/new") == saved
    assert [each["id"] for each in (await api.good("GET", "/host-pools?name=office"))["items"]] == ["new"]


async def test_what_wakes_hosts_is_for_administrators_eyes(api: ApiStage) -> None:
    await api.good("PUT", "/host-pools/new", json=WHOLE)
    reader = await api.token(Scope.DIRECTORY_WRITE)

    assert (await api.good("GET", "/host-pools/new", "main/hella"))["start_on_connect"] is None
    assert "secret" not in (await api.ask("GET", "/host-pools", bearer=reader)).text


async def test_log_of_changes_does_not_tell_what_wakes_hosts(api: ApiStage) -> None:
    await api.good("PUT", "/host-pools/new", json={**WHOLE, "start_on_connect": None})
    await api.good("PUT", "/host-pools/new", json=WHOLE)
    await api.good("PUT", "/host-pools/new", json={**WHOLE, "name": "Renamed", "start_on_connect": None})

    log = [entry.detail for entry in api.notes.entries]
    assert sum("start_on_connect" in detail for detail in log) == 2
    assert not any("wake.example.org" in detail for detail in log)


async def test_token_neither_changes_nor_drops_what_wakes_hosts(api: ApiStage) -> None:
    await api.good("PUT", "/host-pools/new", json=WHOLE)
    token = await api.token(Scope.DIRECTORY_WRITE)
    other = {**WHOLE, "start_on_connect": {**WAKE, "what": "https://other.example.org/"}}

    assert await api.bad("PUT", "/host-pools/new", bearer=token, json=other) == (403, "person-needed")
    assert await api.bad("PUT", "/host-pools/x", bearer=token, json=other | {"name": "X"}) == (
        403,
        "person-needed",
    )
    entry = api.notes.entries[-1]
    assert (entry.action, entry.actor.name, entry.allowed) == ("api.refused", "robot", False)
    await api.good("PUT", "/host-pools/new", bearer=token, json={"name": "Renamed"})
    pool = await api.good("GET", "/host-pools/new")
    assert (pool["name"], pool["start_on_connect"]) == ("Renamed", WAKE)


async def test_rules_of_a_pool_are_told_in_words(api: ApiStage) -> None:
    for body, said in (
        ({"load_balancing": "depth-first"}, "no host would ever be full"),
        ({"session_limit": 0}, "session limit of 1"),
        ({"step_up": {"timeout_s": 1}}, "10 to 600 seconds to approve"),
        ({"start_on_connect": {"method": "webhook", "what": "x"}}, "URL as webhook"),
        ({"redirections": ["soul"]}, "clipboard"),
    ):
        answer = await api.ask("PUT", "/host-pools/new", json={"name": "New", **body})
        assert said in problem_of(answer)["errors"][0]["message"]


async def test_hosts_of_a_pool_show_how_they_stand(api: ApiStage) -> None:
    await api.directory.save_health(MAIN, HOST, [Check.DISK])

    (host,) = (await api.good("GET", "/host-pools/pool/hosts", "main/hella"))["items"]

    assert host == {
        "host": "desk-1",
        "name": "desk",
        "weight": 100,
        "drained": False,
        "owner": None,
        "link_up": True,
        "failed": ["disk"],
        "sessions": 2,
    }


async def test_host_is_drained_moved_and_taken_out(api: ApiStage) -> None:
    path = "/host-pools/pool/hosts/desk-1"
    for _ in range(2):
        await api.good("PUT", path, json={"weight": 50, "drained": True, "owner": "uma"})
    assert api.notes.actions == [("host-pool.host", "host:desk-1")]
    (host,) = (await api.good("GET", "/host-pools/pool/hosts"))["items"]
    assert (host["weight"], host["drained"], host["owner"]) == (50, True, "uma")

    await api.good("PUT", "/host-pools/new", json={"name": "New"})
    await api.good("PUT", "/host-pools/new/hosts/desk-1", json={})
    assert await api.bad("DELETE", path) == (404, "not-there")
    assert await api.bad("DELETE", "/host-pools/new") == (409, "still-used")
    await api.good("DELETE", "/host-pools/new/hosts/desk-1")


async def test_host_that_a_user_claims_stays_theirs_unless_said_otherwise(api: ApiStage) -> None:
    path = "/host-pools/pool/hosts/desk-1"
    assert await api.directory.claim_host(MAIN, HOST, UserId("uma"))

    await api.good("PUT", path, json={"weight": 50, "drained": True})
    (host,) = (await api.good("GET", "/host-pools/pool/hosts"))["items"]
    assert (host["weight"], host["drained"], host["owner"]) == (50, True, "uma")
    assert api.notes.entries[-1].detail == "pool pool, weight: 50, drained: True, owner: 'uma'"

    await api.good("PUT", path, json={"weight": 50, "owner": None})
    (host,) = (await api.good("GET", "/host-pools/pool/hosts"))["items"]
    assert (host["drained"], host["owner"]) == (False, None)

    await api.directory.claim_host(MAIN, HOST, UserId("uma"))
    await api.good("PUT", "/host-pools/new", json={"name": "New"})
    await api.good("PUT", "/host-pools/new/hosts/desk-1", json={})
    assert (await api.good("GET", "/host-pools/new/hosts"))["items"][0]["owner"] is None


async def test_host_and_owner_must_be_there(api: ApiStage) -> None:
    for path, body, status in (
        ("/host-pools/pool/hosts/none", {}, 422),
        ("/host-pools/pool/hosts/acme-desk-1", {}, 422),
        ("/host-pools/pool/hosts/a b", {}, 404),
        ("/host-pools/pool/hosts/desk-1", {"owner": "nobody"}, 422),
        ("/host-pools/pool/hosts/desk-1", {"weight": 0}, 422),
        ("/host-pools/none/hosts/desk-1", {}, 404),
    ):
        assert (await api.bad("PUT", path, json=body))[0] == status
