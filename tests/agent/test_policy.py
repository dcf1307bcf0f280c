import pytest

from dialback.agent.policy import may_dial
from dialback.agent.settings import AgentSettings
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Target

SETTINGS = AgentSettings(targets=("127.0.0.1:3389", "unix:/run/rdp.sock", "Desk.Example:3390", "[::1]:3389"))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("127.0.0.1:3389", Target(name="127.0.0.1", port=3389)),
        ("unix:/run/rdp.sock", Target(path="/run/rdp.sock")),
        ("desk.example:3390", Target(name="desk.example", port=3390)),
        ("[::1]:3389", Target(name="::1", port=3389)),
    ],
)
def test_listed_target_may_be_dialled_however_it_is_spelt(text: str, target: Target) -> None:
    assert may_dial(text, SETTINGS) == target


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1:22", "localhost:3389", "unix:/run/other.sock", "10.0.0.7:3389", "", "*", "unix:/run/../x"],
)
def test_other_targets_are_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        may_dial(text, SETTINGS)
    assert refused.value.reason is Reason.AGENT_REFUSED
    assert refused.value.detail


def test_empty_list_refuses_everything() -> None:
    with pytest.raises(Refused):
        may_dial("127.0.0.1:3389", AgentSettings(targets=()))
