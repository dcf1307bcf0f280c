"""HAProxy as Debian ships it: TLS in, TLS out, one thread, its own defaults for everything else.

Versions and cipher are those our gateway and its peers agree on, so that both do the same arithmetic.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.children import Child, started
from bench.node import ADDRESS, Node, wait_open
from lab.ports import free_port

PROTOCOL = "TLSv1.3"
CIPHER = "TLS_AES_256_GCM_SHA384"

_CONFIG = """\
global
    nbthread 1
    maxconn 2000
    ssl-default-bind-options ssl-min-ver {protocol}
    ssl-default-bind-ciphersuites {cipher}
    ssl-default-server-options ssl-min-ver {protocol}
    ssl-default-server-ciphersuites {cipher}
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
listen relay
    bind {address}:{port} ssl crt {certificate}
    server host {address}:{backend} ssl verify required ca-file {ca}
"""


class HaproxyMissing(Exception):
    """HAProxy is not installed; the message says what to do."""


def find_haproxy() -> str:
    """Return the program; raise `HaproxyMissing` if there is none."""
    found = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        raise HaproxyMissing("HAProxy is not installed; run `tools/packages.sh bench` first")
    return found


@asynccontextmanager
async def relaying(folder: Path, node: Node, backend: int) -> AsyncIterator[tuple[Child, int]]:
    """Relay to the port `backend` with the node's own certificate; gives the process and its port."""
    port = free_port()
    pem = folder / "haproxy.pem"
    pem.write_text((node.folder / "server.pem").read_text() + (node.folder / "server.key").read_text())
    config = folder / "haproxy.cfg"
    config.write_text(
        _CONFIG.format(
            protocol=PROTOCOL,
            cipher=CIPHER,
            address=ADDRESS,
            port=port,
            backend=backend,
            certificate=pem,
            ca=node.ca,
        )
    )
    # "-db" keeps it in the foreground: the process started is the one that relays.
    async with started("haproxy", [find_haproxy(), "-db", "-f", config], folder) as child:
        await wait_open(child, port)
        yield child, port
