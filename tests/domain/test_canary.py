from dialback.domain.canary import CanaryOrder
from dialback.domain.ids import ConnectionId, HostId
from dialback.domain.secret import Secret


def test_order_keeps_its_ticket_to_itself() -> None:
    order = CanaryOrder(ConnectionId("c1"), HostId("h1"), "gw:443", "ab" * 32, Secret("s3cret"))

    assert "s3cret" not in repr(order)
    assert order.ticket.reveal() == "s3cret"
