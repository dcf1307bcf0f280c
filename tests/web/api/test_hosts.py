from datetime import timedelta

from dialback.domain.health import Check
from dialback.domain.hosts import Host, HostReport
from dialback.domain.ids import HostId
from dialback.domain.tenancy import MAIN
from dialback.identity.certificates import fingerprint
from dialback.identity.tokens import hash_token
from dialback.wire.agent import joincode
from tests.web.api.stage import HOST, ApiStage


async def test_host_shows_what_its_agent_says_and_how_it_stands(api: ApiStage) -> None:
    await api.directory.save_health(MAIN, HOST, [Check.DISK])

    (host,) = (await api.good("GET", "/hosts", "main/hella"))["items"]

    assert (host["id"], host["name"], host["pool"], host["failed"]) == ("desk-1", "desk", "pool", ["disk"])
    assert (host["sessions"], host["link_up"]) == (2, True)
    assert host["report"]["rdp_servers"][0]["target"] == "127.0.0.1:3389"
    assert "public_key" not in host
    assert await api.good("GET", "/hosts/desk-1") == host


async def test_hosts_of_one_name_are_paged_one_after_the_other(api: ApiStage) -> None:
    for id in ("a", "b"):
        made = await api.good("POST", "/join-codes", json={"name": "desk"})
        secret = joincode.parse(made["code"]).secret
        await api.store.enrol_host(hash_token(secret), Host(HostId(id), "", b"k" * 32, api.now), api.now)

    first = await api.good("GET", "/hosts?limit=2")
    rest = await api.good("GET", f"/hosts?limit=2&after={first['after']}")

    assert [each["id"] for each in first["items"] + rest["items"]] == ["a", "b", "desk-1"]


async def test_revoked_host_is_there_no_more(api: ApiStage) -> None:
    await api.good("DELETE", "/hosts/desk-1")

    assert await api.bad("GET", "/hosts/desk-1") == (404, "not-there")
    assert await api.bad("DELETE", "/hosts/desk-1") == (404, "not-there")
    assert (await api.good("GET", "/hosts"))["items"] == []
    host = await api.store.any_host(HOST)
    assert host is not None
    assert host.revoked_at == api.now
    assert api.notes.actions == [("host.revoke", "host:desk-1")]


async def test_join_code_lets_a_host_into_the_pool_of_the_tenant(api: ApiStage) -> None:
    body = {"name": "new", "pool": "acme-pool", "hours": 1}
    made = await api.good("POST", "/join-codes", "acme/adam", json=body)

    code = joincode.parse(made["code"])
    assert code.server == "gw.example.org:443"
    assert code.ca_sha256 == fingerprint(api.api.ca_pem.encode())
    enrolled = await api.store.enrol_host(
        hash_token(code.secret), Host(HostId("h9"), "", b"k" * 32, api.now), api.now + timedelta(minutes=59)
    )
    assert (enrolled.tenant, enrolled.name) == ("acme", "new")
    assert (await api.good("GET", "/hosts/h9", "acme/adam"))["pool"] == "acme-pool"
    assert code.secret not in str(api.notes.entries)


async def test_join_code_that_cannot_be_is_not_made(api: ApiStage) -> None:
    for body in ({"name": "x\n"}, {"name": "x", "hours": 0}, {"name": "x", "pool": "acme-pool"}):
        assert (await api.bad("POST", "/join-codes", json=body)) == (422, "request-invalid")


async def test_host_without_report_is_shown(api: ApiStage) -> None:
    await api.store.save_report(HOST, HostReport("", "", ""), api.now)
    await api.good("DELETE", "/host-pools/pool/hosts/desk-1")

    host = await api.good("GET", "/hosts/desk-1")
    assert (host["pool"], host["report"]["rdp_servers"]) == (None, [])
