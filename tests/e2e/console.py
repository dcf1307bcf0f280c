"""A technician's console at a stage: a sign-in to the API, and an RDP client of a few lines."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dialback.app.certificates import server_certificates
from dialback.cli.api import Login
from dialback.console.clients import Client, Program
from dialback.domain.accounts import Origin, SignIn, SignInKind
from dialback.domain.ids import TenantId, UserId
from dialback.domain.provider import PROVIDER
from dialback.identity.tokens import hash_token, make_token
from tests.e2e.stage import Stage
from tests.e2e.visitor import TOM

CLIENT = """#!{python}
import socket, sys
place = next(word[3:] for word in sys.argv if word.startswith("/v:"))
address, port = place.split(":")
with socket.create_connection((address, int(port))) as sock:
    sock.sendall(b"desktop")
    while sock.recv(100):
        pass
sys.exit(131)
"""
"""It stays until its connection is closed, and then knows no more than that it was."""


@dataclass(frozen=True)
class Console:
    """What a technician has: where the server is, who they are there, and a client in `folder`."""

    stage: Stage
    folder: Path

    @property
    def program(self) -> Program:
        path = self.folder / "xfreerdp3"
        path.write_text(CLIENT.format(python=sys.executable))
        path.chmod(0o700)
        return Program(Client.FREERDP_3, str(path))

    async def login(self) -> Login:
        """Sign the technician in, as `dialback login` does."""
        stage, secret = self.stage, await sign_in(self.stage, PROVIDER, TOM, SignInKind.CLI)
        return Login(stage.address, server_certificates(stage.data, stage.settings).ca_pem, secret)


async def sign_in(stage: Stage, tenant: TenantId, user: UserId, kind: SignInKind) -> str:
    """Sign somebody in; return the secret that their browser or command line keeps."""
    secret, now = make_token(), datetime.now(UTC)
    ends_at, origin = now + timedelta(hours=1), Origin("127.0.0.1", "test")
    await stage.store.accounts.save_sign_in(
        SignIn(hash_token(secret), tenant, user, kind, "password", now, now, ends_at, origin)
    )
    return secret.reveal()
