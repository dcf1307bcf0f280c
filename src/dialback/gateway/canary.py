"""Canaries: a host leg that is expected, ordered, met and let go, as for a connection but without a client.

The way is the real one: the same rendezvous, ticket, signature and 101. What is left out is the target:
whether its RDP server answers is the agent's to probe.
"""

import asyncio

from dialback.domain.canary import CanaryOrder, CanaryOrders, DialBack
from dialback.domain.ids import HostId
from dialback.gateway.rendezvous import HostLeg, Rendezvous
from dialback.identity.tokens import make_connection_id
from dialback.observe.tasks import first_of


class GatewayDialBack(DialBack):
    """Has hosts dial back to one gateway node; `address` is `name:port`, as hosts reach it."""

    def __init__(self, address: str, rendezvous: Rendezvous, orders: CanaryOrders) -> None:
        self._address = address
        self._rendezvous = rendezvous
        self._orders = orders

    async def prove(self, host_id: HostId, host_key: bytes) -> None:
        with self._rendezvous.expect(host_id, host_key) as meeting:
            order = CanaryOrder(
                connection_id=make_connection_id(),
                host_id=host_id,
                gateway=self._address,
                certificate_sha256=self._rendezvous.certificate_sha256,
                ticket=meeting.ticket,
            )
            try:
                name = f"canary {order.connection_id}"
                host_leg = await first_of(name, meeting.wait(), self._order(order))
                # Not aborted: the agent is still to read the 101.
                await host_leg.leg.close()
            finally:
                meeting.let_go()

    async def _order(self, order: CanaryOrder) -> HostLeg:
        """Order the canary; end only when it is refused, since the host leg itself arrives elsewhere."""
        await self._orders.canary(order)
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets was set")
