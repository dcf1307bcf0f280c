"""From where the provider's staff may use their consoles."""

import ipaddress
from dataclasses import dataclass

PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
)
"""Loopback, and what nobody routes. Source: RFC 1918, 3; RFC 4193, 3.1."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The `[provider]` table of the settings file.

    Attributes:
        outside: whether the provider's staff may use their consoles from other networks too.
        networks: the provider's own networks, in CIDR form.

    Raises:
        ValueError: a network is none.
    """

    outside: bool = False
    networks: tuple[str, ...] = PRIVATE_NETWORKS

    def __post_init__(self) -> None:
        for network in self.networks:
            ipaddress.ip_network(network)
