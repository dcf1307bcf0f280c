"""A network of its own behind a firewall that drops everything inbound, as session hosts have it.

A `Namespace` is joined to this machine by one veth pair. Inside, nftables lets out whatever starts inside,
lets back the answers, and drops the rest. Addresses come from 198.18.0.0/15, the block for benchmarks,
which no network uses (RFC 2544, appendix C.2.2). Needs root. Left out: a way out to the internet; only this
machine can be reached.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.process import Process, run

BLOCK = IPv4Network("198.18.0.0/15")
NETWORKS = BLOCK.num_addresses // 4

RULES = """\
table inet firewall {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state established,related accept
    }
}
"""


def free_network(taken: str, first: int = 0) -> IPv4Network:
    """Choose a network of four addresses that does not occur in `taken`, the output of `ip -o -4 addr`.

    `first`, below `NETWORKS`, says with which of the block to begin.
    """
    subnets = (IPv4Network((BLOCK[4 * ((first + at) % NETWORKS)], 30)) for at in range(NETWORKS))
    return next(subnet for subnet in subnets if f"{subnet[1]}/" not in taken)


class Namespace:
    """A network namespace; `outside` is this machine's address as seen from inside, `inside` is its own."""

    def __init__(self, folder: Path, name: str = "host") -> None:
        """Keep logs in `folder`, which exists; `name` is for messages, the system's name is made unique."""
        self._folder = folder
        # An interface name has 15 bytes at most.
        self.name = f"{name[:8]}-{secrets.token_hex(3)}"
        self.inside = ""
        self.outside = ""
        self._stack = ExitStack()

    def start(self) -> Self:
        """Make the namespace, its link and its firewall."""
        run(["ip", "netns", "add", self.name])
        self._stack.callback(run, ["ip", "netns", "del", self.name])
        try:
            self._join()
            run(self.command(["nft", "-f", "-"]), stdin=RULES)
        except BaseException:
            self.stop()
            raise
        return self

    def _join(self) -> None:
        # Two that look at the same moment find the same ones free, so each begins elsewhere.
        network = free_network(run(["ip", "-o", "-4", "addr"]), secrets.randbelow(NETWORKS))
        self.outside, self.inside = str(network[1]), str(network[2])
        run(["ip", "link", "add", self.name, "type", "veth", "peer", "name", "uplink", "netns", self.name])
        # The kernel clears a removed namespace later; removing the link first takes it away at once.
        self._stack.callback(run, ["ip", "link", "del", self.name])
        run(["ip", "addr", "add", f"{self.outside}/30", "dev", self.name])
        run(["ip", "link", "set", self.name, "up"])
        for words in ("link set lo up", f"addr add {self.inside}/30 dev uplink", "link set uplink up"):
            run(["ip", "-n", self.name, *words.split()])

    def stop(self) -> None:
        """End what was started inside, then remove the namespace with its link."""
        self._stack.close()

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return `command` as one that runs inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, command: Sequence[str | Path], timeout_s: float = 30.0) -> str:
        """Run a short command inside and return its standard output; raise `Failed` when it fails."""
        return run(self.command(command), timeout_s=timeout_s)

    def launch(
        self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a program inside; it is ended with the namespace if not before."""
        log = self._folder / f"{self.name}.{name}.log"
        return self._stack.enter_context(Process.start(name, self.command(command), log, env=env))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
