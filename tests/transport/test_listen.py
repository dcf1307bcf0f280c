import asyncio

import pytest

from dialback.transport.leg import Leg
from dialback.transport.listen import PortTaken, listen_tls
from tests.transport.loopback import Certificates, port_of


async def test_port_in_use_is_one_sentence(certificates: Certificates) -> None:
    first = await listen_tls("127.0.0.1", 0, certificates.server(), Leg)
    with pytest.raises(PortTaken, match=r"^The port \d+ on 127\.0\.0\.1 cannot be opened .*; stop what uses"):
        await listen_tls("127.0.0.1", port_of(first), certificates.server(), Leg)
    first.close()
    await asyncio.sleep(0.01)


async def test_address_of_another_machine_is_one_sentence(certificates: Certificates) -> None:
    with pytest.raises(PortTaken, match=r"on 192\.0\.2\.1 cannot be opened"):
        await listen_tls("192.0.2.1", 0, certificates.server(), Leg)
