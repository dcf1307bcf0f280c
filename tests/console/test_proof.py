import pytest

from dialback.console.legs import open_leg
from dialback.console.proof import Proof, Proven, check, compare
from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from tests.console.gateway_stub import CONFIRM_CLASSIC, GatewayStub


async def proof_of(stub: GatewayStub, announced: str) -> Proof:
    leg = await open_leg(stub.gateway, "r1", Secret("t"))
    try:
        return await compare(leg, announced)
    finally:
        leg.abort()


async def test_host_that_shows_what_its_agent_announced_is_proven(stub: GatewayStub) -> None:
    shown = stub.certificate_sha256

    assert await proof_of(stub, shown) == Proof(Proven.YES, shown, shown)


async def test_another_certificate_is_refused_with_both(stub: GatewayStub) -> None:
    proof = await proof_of(stub, "ab" * 32)

    assert proof == Proof(Proven.OTHER, stub.certificate_sha256, "ab" * 32)
    with pytest.raises(Refused, match=f"shown is {stub.certificate_sha256}, announced was {'ab' * 32}") as no:
        check(proof)
    assert no.value.reason is Reason.HOST_CERTIFICATE_OTHER


@pytest.mark.parametrize("proven", set(Proven) - {Proven.OTHER})
def test_anything_else_is_for_the_person_to_judge(proven: Proven) -> None:
    check(Proof(proven))


async def test_host_whose_agent_announced_nothing_is_not_proven(stub: GatewayStub) -> None:
    assert await proof_of(stub, "") == Proof(Proven.UNANNOUNCED, stub.certificate_sha256)


async def test_host_without_tls_is_not_proven(stub: GatewayStub) -> None:
    stub.confirm = CONFIRM_CLASSIC

    assert await proof_of(stub, "ab" * 32) == Proof(Proven.WITHOUT_TLS, announced="ab" * 32)
