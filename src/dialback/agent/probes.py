"""Probing: does an RDP server answer at each target, which security does it select, what does it show?

A probe goes as far as the first two messages and, where TLS was selected, its handshake. It never logs in and
leaves no session. The certificate is reported, not judged: an RDP server's is self-signed by nature.
"""

import asyncio

from dialback.agent.settings import AgentSettings
from dialback.domain.hosts import Target, parse_target
from dialback.transport.dial import DialFailed, dial_target
from dialback.transport.leg import Leg
from dialback.transport.rdp import look
from dialback.wire.agent.messages import MAX_RDP_SERVERS, RdpServer, clip
from dialback.wire.errors import WireError


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
    seen = await look(leg, target.name)
    return RdpServer(
        target=str(target),
        answers=True,
        security=seen.security,
        tls_version=seen.tls_version,
        certificate_sha256=seen.certificate_sha256,
        problem=clip(seen.problem),
    )
