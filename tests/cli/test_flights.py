"""What commands about flight records share: judging with keys, and the words for a proof."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from dialback.cli.flights import judged, proof_of
from dialback.domain.flight import FlightEvent, FlightProblem
from tests.identity.test_flights import HOST, OTHER, PLATFORM, chain, seal, text

WHOLE = text(chain(), seal(chain()))


def test_copy_is_judged_by_keys_in_hexadecimal() -> None:
    assert judged(WHOLE, host_key=HOST.public_bytes.hex(), platform_key=PLATFORM.public_bytes.hex()).proven
    with pytest.raises(FlightProblem, match="the key of the host"):
        judged(WHOLE, host_key=OTHER.public_bytes.hex())
    with pytest.raises(ValueError, match="64 hexadecimal"):
        judged(WHOLE, host_key="x")


def test_copy_that_is_shorter_than_the_other_is_noticed() -> None:
    short = text(chain(3), seal(chain(3)))
    assert judged(WHOLE, short).proven
    with pytest.raises(FlightProblem, match="goes on behind entry 2"):
        judged(short, WHOLE)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"proven": "proven", "shown": "ab", "by": "tess"}, "proven: the host showed the certificate ab"),
        (
            {"proven": "other", "shown": "ab", "announced": "cd"},
            "REFUSED: the certificate ab was shown, not cd",
        ),
        ({"proven": "other", "announced": "cd"}, "REFUSED: the certificate none was shown, not cd"),
        ({"proven": "not-announced"}, "not proven: the agent had announced no certificate"),
        ({"proven": "without-tls"}, "not proven: the RDP server showed no certificate"),
        ({"proven": "\x1b"}, "not proven, says the console of somebody"),
    ],
)
def test_proof_is_told_in_words(facts: dict[str, str], said: str) -> None:
    entry = replace(chain()[0], event=FlightEvent.PROOF, facts=MappingProxyType(facts))
    assert proof_of([*chain(), entry]).startswith(said)


def test_without_a_proof_that_is_said() -> None:
    assert proof_of(chain()) == "not proven: no console has said what it saw"
