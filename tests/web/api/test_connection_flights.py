"""Flight records by connection: the tenant's own, and what the provider's staff may see of them."""

from datetime import timedelta
from typing import Any

import pytest

from dialback.domain.flight import (
    FlightEntry,
    FlightEvent,
    FlightProof,
    SignedHead,
    build,
    extend,
    head_of,
)
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import ConnectionId, HostId, TenantId, TokenHash
from dialback.domain.tenancy import MAIN
from dialback.identity.flights import judge, read_copy
from dialback.identity.host_keys import HostKey
from tests.web.api.stage import ACME, ApiStage

KEY, PLATFORM = HostKey.generate(), HostKey.generate()
PROOF = {"proven": "proven", "shown": "ab" * 32, "announced": "ab" * 32}


class Proofs:
    """What consoles say of certificates."""

    def __init__(self) -> None:
        self.told: list[tuple[TenantId, str, FlightProof]] = []

    def proven(self, tenant: TenantId, request: str, proof: FlightProof) -> None:
        self.told.append((tenant, request, proof))


def known(api: ApiStage, **more: Any) -> None:
    """Give the API what it was made without."""
    for name, value in more.items():
        object.__setattr__(api.api, name, value)


async def fly(api: ApiStage, tenant: TenantId, id: str, user: str = "tess") -> list[FlightEntry]:
    """Keep a record of a connection to a host of the tenant, signed by both."""
    host = HostId(f"{tenant}-signer")
    if await api.store.any_host(host) is None:
        code = JoinCode(TokenHash(f"{tenant}-s"), "signer", api.now + timedelta(hours=1), tenant=tenant)
        await api.store.save_join_code(code)
        await api.store.enrol_host(code.hash, Host(host, "signer", KEY.public_bytes, api.now), api.now)
    entries: list[FlightEntry] = []
    for event, facts in (
        (FlightEvent.ASKED, {"host": host, "user": user, "purpose": "printer"}),
        (FlightEvent.PROOF, {"proven": "proven"}),
        (FlightEvent.ENDED, {"reason": "client-ended"}),
    ):
        entries.append(extend(entries, ConnectionId(id), api.now, event, **facts))
    head = head_of(entries)
    await api.provider.append_flight(tenant, [build(entry) for entry in entries])
    signed = SignedHead(head, KEY.sign(head.signed_bytes), PLATFORM.sign(head.signed_bytes))
    await api.provider.sign_flight(tenant, signed)
    known(api, platform_key=PLATFORM.public_bytes)
    return entries


async def test_tenant_reads_a_copy_that_proves_itself(api: ApiStage) -> None:
    entries = await fly(api, MAIN, "c1")
    read = await api.good("GET", "/connections/c1/flight", "main/hella")
    assert judge(read_copy(read.pop("export")), KEY.public_bytes, PLATFORM.public_bytes).proven
    assert read == {
        "connection": "c1",
        "begun_at": "2026-03-01T12:00:00Z",
        "count": len(entries),
        "proven": True,
        "sentence": "Whole: all 3 entries are signed by the host's agent and by the platform.",
        "certificate": "proven",
    }


async def test_record_that_was_tampered_with_is_read_and_says_so(api: ApiStage) -> None:
    await fly(api, MAIN, "c1")
    lines = api.provider._chains[(MAIN, ConnectionId("c1"))].lines
    lines[0] = lines[0].replace("printer", "another")
    read = await api.good("GET", "/connections/c1/flight")
    assert (read["proven"], read["certificate"]) == (False, "")
    assert "entry 1 does not follow" in read["sentence"]


async def test_record_of_another_tenant_is_not_there(api: ApiStage) -> None:
    await fly(api, ACME, "c1")
    answers = [await api.ask("GET", f"/connections/{id}/flight") for id in ("c1", "lost", "a%20b")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].content == answers[1].content
    assert await api.bad("GET", "/connections/c1/flight", "acme/uma") == (403, "role-lacking")
    assert (await api.good("GET", "/connections/c1/flight", "acme/adam"))["proven"]


async def test_provider_sees_the_records_of_tenants_it_serves(api: ApiStage) -> None:
    await fly(api, ACME, "c1")
    await fly(api, MAIN, "c2")
    for who in ("provider/aida", "provider/pia", "provider/tess"):
        (listed,) = (await api.good("GET", "/provider/tenants/acme/flights", who))["items"]
        assert listed["connection"] == "c1"
        assert (await api.good("GET", "/provider/tenants/acme/flights/c1", who))["proven"]
    for path in ("main/flights", "main/flights/c2", "acme/flights/c2", "acme/flights/lost"):
        assert (await api.ask("GET", f"/provider/tenants/{path}", "provider/aida")).status_code == 404
    for who in ("provider/nora", "acme/adam"):
        assert (await api.ask("GET", "/provider/tenants/acme/flights/c1", who)).status_code == 403


async def test_technician_sees_their_own_records_alone(api: ApiStage) -> None:
    await fly(api, ACME, "c1", user="timo")
    assert (await api.good("GET", "/provider/tenants/acme/flights", "provider/tess"))["items"] == []
    answer = await api.ask("GET", "/provider/tenants/acme/flights/c1", "provider/tess")
    assert answer.status_code == 404


async def test_proof_of_a_console_is_told_to_the_recorder_and_both_logs(api: ApiStage) -> None:
    proofs = Proofs()
    known(api, flight_proofs=proofs)
    path = "/provider/connections/acme-request/proof?tenant=acme"
    await api.good("POST", path, "provider/tess", json=PROOF)
    assert proofs.told == [(ACME, "acme-request", FlightProof("proven", "ab" * 32, "ab" * 32, "tess"))]
    entries = [entry for entry in api.notes.entries if entry.action == "connection.proof"]
    assert {entry.tenant for entry in entries} == {ACME, TenantId("provider")}
    known(api, flight_proofs=None)
    await api.good("POST", path, "provider/tess", json=PROOF)


@pytest.mark.parametrize(
    ("by", "path", "status"),
    [
        ("provider/timo", "acme-request/proof?tenant=acme", 404),
        ("provider/pia", "acme-request/proof?tenant=acme", 404),
        ("provider/tess", "request/proof?tenant=main", 404),
        ("provider/tess", "lost/proof?tenant=acme", 404),
        ("provider/aida", "acme-request/proof?tenant=acme", 403),
        ("acme/adam", "acme-request/proof?tenant=acme", 403),
    ],
)
async def test_proof_is_taken_from_who_has_asked_alone(
    api: ApiStage, by: str, path: str, status: int
) -> None:
    proofs = Proofs()
    known(api, flight_proofs=proofs)
    assert (await api.ask("POST", f"/provider/connections/{path}", by, json=PROOF)).status_code == status
    assert proofs.told == []


@pytest.mark.parametrize("body", [{}, {"proven": "sure"}, {**PROOF, "shown": "x"}, {**PROOF, "more": 1}])
async def test_proof_that_is_none_is_a_problem(api: ApiStage, body: dict[str, Any]) -> None:
    answer = await api.ask(
        "POST", "/provider/connections/acme-request/proof?tenant=acme", "provider/tess", json=body
    )
    assert answer.status_code == 422
