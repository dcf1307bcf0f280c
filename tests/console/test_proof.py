import pytest

from dialback.console.legs import open_leg
from dialback.console.proof import Proof, Proven, prove
from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from tests.console.gateway_stub import CONFIRM_CLASSIC, GatewayStub


async def proof_of(stub: GatewayStub, announced: str) -> Proof:
    leg = await open_leg(stub.gateway, "r1", Secret("t"))
    try:
        return await prove(leg, announced)
    finally:
        leg.abort()


async def test_host_that_shows_what_its_agent_announced_is_proven(stub: GatewayStub) -> None:
    shown = stub.certificate_sha256

    assert await proof_of(stub, shown) == Proof(Proven.YES, shown, shown)


async def test_another_certificate_is_refused_with_both(stub: GatewayStub) -> None:
    with pytest.raises(Refused, match=f"shown is {stub.certificate_sha256}, announced was {'ab' * 32}") as no:
        await proof_of(stub, "ab" * 32)
    assert no.value.reason is Reason.HOST_CERTIFICATE_OTHER


async def test_host_whose_agent_announced_nothing_is_not_proven(stub: GatewayStub) -> None:
    assert await proof_of(stub, "") == Proof(Proven.UNANNOUNCED, stub.certificate_sha256)


async def test_host_without_tls_is_not_proven(stub: GatewayStub) -> None:
    stub.confirm = CONFIRM_CLASSIC

    assert await proof_of(stub, "ab" * 32) == Proof(Proven.WITHOUT_TLS, announced="ab" * 32)
