import ssl

import pytest

from dialback.console.legs import open_leg
from dialback.console.proof import Proof, Proven, check, compare
from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.transport.leg import LegLost
from dialback.wire.x224 import FailureCode, build_refusal
from tests.console.gateway_stub import CONFIRM_CLASSIC, CONFIRM_TLS, GatewayStub


async def proof_of(stub: GatewayStub, announced: str) -> Proof:
    leg = await open_leg(stub.gateway, "r1", Secret("t"))
    try:
        return await compare(leg, announced)
    finally:
        leg.abort()


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
async def test_host_that_shows_what_its_agent_announced_is_proven(
    stub: GatewayStub, version: ssl.TLSVersion
) -> None:
    stub.desktop.minimum_version = stub.desktop.maximum_version = version
    shown = stub.certificate_sha256

    assert await proof_of(stub, shown) == Proof(Proven.YES, shown, shown)


@VERSIONS
async def test_another_certificate_is_refused_with_both(stub: GatewayStub, version: ssl.TLSVersion) -> None:
    stub.desktop.minimum_version = stub.desktop.maximum_version = version
    proof = await proof_of(stub, "ab" * 32)

    assert proof == Proof(Proven.OTHER, stub.certificate_sha256, "ab" * 32)
    with pytest.raises(Refused, match=f"shown is {stub.certificate_sha256}, announced was {'ab' * 32}") as no:
        check(proof)
    assert no.value.reason is Reason.HOST_CERTIFICATE_OTHER


@pytest.mark.parametrize("proven", [Proven.UNANNOUNCED, Proven.WITHOUT_TLS])
def test_nothing_announced_is_for_the_person_to_judge(proven: Proven) -> None:
    check(Proof(proven))


@pytest.mark.parametrize("proof", [Proof(proven, "", "ab" * 32) for proven in Proven])
def test_no_certificate_is_no_way_around_an_announced_one(proof: Proof) -> None:
    with pytest.raises(Refused, match=f"shown is none, announced was {'ab' * 32}") as no:
        check(proof)
    assert no.value.reason is Reason.HOST_CERTIFICATE_OTHER


async def test_host_whose_agent_announced_nothing_is_not_proven(stub: GatewayStub) -> None:
    assert await proof_of(stub, "") == Proof(Proven.UNANNOUNCED, stub.certificate_sha256)


async def test_host_without_tls_whose_agent_announced_nothing_is_not_proven(stub: GatewayStub) -> None:
    stub.confirm = CONFIRM_CLASSIC

    assert await proof_of(stub, "") == Proof(Proven.WITHOUT_TLS)


async def test_plain_rdp_in_place_of_the_announced_certificate_is_refused(stub: GatewayStub) -> None:
    stub.confirm = CONFIRM_CLASSIC

    proof = await proof_of(stub, "ab" * 32)

    assert proof == Proof(Proven.OTHER, announced="ab" * 32)
    with pytest.raises(Refused, match="shown is none, announced was abab"):
        check(proof)


async def test_tls_made_to_fail_in_place_of_the_announced_certificate_is_refused(stub: GatewayStub) -> None:
    stub.confirm = CONFIRM_TLS + b"no handshake follows" * 10

    proof = await proof_of(stub, "ab" * 32)

    assert (proof.proven, proof.shown) == (Proven.OTHER, "")
    with pytest.raises(Refused, match=r"shown is none \(TLS with the server failed: .*announced was abab"):
        check(proof)


async def test_refusal_to_negotiate_is_told_in_the_servers_words(stub: GatewayStub) -> None:
    stub.confirm = build_refusal(FailureCode.SSL_CERT_NOT_ON_SERVER)

    proof = await proof_of(stub, "")

    assert proof.sentence == ("Not proven: the RDP server shows no certificate. Why: ssl cert not on server.")


async def test_host_that_says_nothing_is_not_waited_for(
    stub: GatewayStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialback.console.proof.LOOK_S", 0.05)
    stub.confirm = b""

    with pytest.raises(LegLost, match=r"did not answer within 0\.05 s"):
        await proof_of(stub, "")


def test_each_outcome_has_its_sentence() -> None:
    assert len({Proof(proven).sentence for proven in Proven}) == len(Proven)
