"""How often one network address may do something: kept in memory, of bounded size.

Of failures, this slows somebody down who tries one password on many names; the lock of a single user is kept
in the store (`domain/lockout.py`). An address here is an IPv4 address, or the /64 network of an IPv6 address,
since whoever has one of these has all of them. Each node counts for itself.
"""

import ipaddress
from collections import OrderedDict
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
MAX_ADDRESSES = 10_000


class Addresses:
    """Counts what addresses do: a count falls evenly, from `allowed` to nothing within the window."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._fall = WINDOW / allowed
        # The instant at which the count will have fallen to nothing; the oldest entry first.
        self._clear_at: OrderedDict[str, datetime] = OrderedDict()

    def blocked_until(self, address: str, now: datetime) -> datetime | None:
        """Return until when the address must wait; None if it may try."""
        free_at = self._clear_at.get(network_of(address), now) - WINDOW + self._fall
        return free_at if free_at > now else None

    def count(self, address: str, now: datetime) -> None:
        """Count that the address did it."""
        network = network_of(address)
        self._clear_at[network] = max(self._clear_at.pop(network, now), now) + self._fall
        if len(self._clear_at) > MAX_ADDRESSES:
            self._clear_at.popitem(last=False)


def network_of(address: str) -> str:
    """Return what is counted of an address; of a text that is none, its beginning."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)
