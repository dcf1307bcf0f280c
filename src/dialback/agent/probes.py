"""Probing: does an RDP server answer at each target, which security does it select, what does it show?

A probe goes as far as the first two messages and, where TLS was selected, its handshake. It never logs in and
leaves no session. The certificate is reported, not judged: an RDP server's is self-signed by nature.
"""

import asyncio
import ssl
from typing import cast

from dialback.agent.settings import AgentSettings
from dialback.domain.hosts import Target, parse_target
from dialback.transport.dial import DialFailed, dial_target, secure
from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import looking_context, sha256_of
from dialback.wire.agent.messages import MAX_RDP_SERVERS, RdpServer, clip
from dialback.wire.errors import WireError
from dialback.wire.x224 import (
    ConnectionConfirm,
    Protocol,
    build_connection_request,
    parse_connection_confirm,
)

OFFERED = Protocol.TLS | Protocol.HYBRID | Protocol.HYBRID_EX
_OVER_TLS = {Protocol.TLS, Protocol.HYBRID, Protocol.HYBRID_EX}


async def probe_all(settings: AgentSettings) -> tuple[RdpServer, ...]:
    """Probe the targets together, 16 at most, each within `dial_timeout_s`; in the order of the settings."""
    targets = (parse_target(text) for text in settings.targets[:MAX_RDP_SERVERS])
    return tuple(await asyncio.gather(*(probe(target, settings.dial_timeout_s) for target in targets)))


async def probe(target: Target, timeout_s: float) -> RdpServer:
    """Probe one target; what fails is told in `problem`."""
    try:
        async with asyncio.timeout(timeout_s):
            leg = await dial_target(target, timeout_s)
            try:
                return await _look(leg, target)
            finally:
                leg.abort()
    except TimeoutError:
        return _silent(target, f"{target} does not answer as an RDP server within {timeout_s:g} s")
    except DialFailed as error:
        return _silent(target, str(error))
    except OSError as error:
        return _silent(target, f"{target} broke off without answering as an RDP server: {error}")
    except WireError as error:
        return _silent(target, f"{target} is no RDP server: {error}")


def _silent(target: Target, problem: str) -> RdpServer:
    return RdpServer(target=str(target), answers=False, problem=clip(problem))


async def _look(leg: Leg, target: Target) -> RdpServer:
    leg.send(build_connection_request(OFFERED))
    confirm = await _read_confirm(leg)
    found = {"target": str(target), "answers": True, "security": confirm.security}
    if confirm.selected not in _OVER_TLS:
        return RdpServer.model_validate(found | {"problem": confirm.problem})
    try:
        await secure(leg, looking_context(), target.name)
    except OSError as error:
        return RdpServer.model_validate(found | {"problem": clip(f"TLS with {target} failed: {error}")})
    tls = cast(ssl.SSLObject, leg.transport.get_extra_info("ssl_object"))
    shown = {"tls_version": tls.version() or "", "certificate_sha256": sha256_of(leg.peer_certificate())}
    return RdpServer.model_validate(found | shown)


async def _read_confirm(leg: Leg) -> ConnectionConfirm:
    received = b""
    while (confirm := parse_connection_confirm(received)) is None:
        data = await leg.receive()
        if not data:
            raise LegLost("it closed the connection")
        received += data
    return confirm
