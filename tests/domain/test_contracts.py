"""What the interfaces promise by their defaults."""

from dialback.domain.contracts import Admission, DialOrder, Placement
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TokenHash, UserName
from dialback.domain.secret import Secret


def test_admission_turns_every_redirection_on_and_sets_no_idle_timeout_by_default() -> None:
    # [MS-TSGU] 2.2.5.3.4, HTTP_TUNNEL_REDIR_ENABLE_ALL; idle timeout 0 stands for none.
    admission = Admission(UserName("anna"), ResourceName("office-pc"), TokenHash("ab" * 32))
    assert (admission.redirection_flags, admission.idle_timeout_minutes) == (0x80000000, 0)


def test_dial_order_does_not_show_its_ticket() -> None:
    order = DialOrder(
        ConnectionId("c1"),
        HostId("h1"),
        "gw.example:443",
        "ab" * 32,
        Secret("the-ticket"),
        "127.0.0.1:3389",
        UserName("anna"),
    )
    assert "the-ticket" not in repr(order)


def test_placement_names_host_key_and_target() -> None:
    placement = Placement(HostId("h1"), b"k" * 32, "127.0.0.1:3389")
    assert (placement.host_id, placement.host_key, placement.target) == ("h1", b"k" * 32, "127.0.0.1:3389")
