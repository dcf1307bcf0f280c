"""The server's side of NTLM: challenges that need no memory, and proofs that are taken once.

A challenge is computed from a secret and the time, so that the two messages of a login may come over two
connections, as they do behind a proxy that pools them; nothing is kept of a login that is never finished.
What this gives up is made good by remembering each proof that was right until its challenge is good no more:
the same message does not log in twice, and a proof says nothing about any other request.

The client's own name for its domain decides nothing here. What is left out: which passwords a user has, and
how often one may try (`identity/authenticator.py`).
"""

import hmac
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from dialback.domain.accounts import WorkspacePassword
from dialback.domain.errors import Problem, Reason, Refused
from dialback.wire.ntlm import CHALLENGE_BYTES, Authenticate, build_challenge, is_proof, parse_negotiate

TARGET: Final = "DIALBACK"
"""The realm a challenge names; it is no tenant, and clients may fill it in as domain."""
SLOT_S: Final = 60
"""A challenge is good in the slot it was made in and in the next one."""
MAX_PROOFS: Final = 100_000

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class TooManyLogins(Problem):
    """So many have logged in within two minutes that no more proofs can be remembered."""


class NtlmAcceptor:
    """Makes challenges and judges what comes back; one for all connections of a node.

    `host` is the server's name, as it stands in challenges.
    """

    def __init__(
        self, host: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), secret: bytes = b""
    ) -> None:
        self._host = host
        self._clock = clock
        self._secret = secret or secrets.token_bytes(32)
        # Of each proof that was right, the slot in which it came.
        self._seen: dict[bytes, int] = {}

    def challenge(self, negotiate: bytes) -> bytes:
        """Return the answer to a client's first message; raise `WireError` if it is none."""
        flags = parse_negotiate(negotiate)
        now = self._clock()
        filetime = (now - _EPOCH) // timedelta(microseconds=1) * 10
        return build_challenge(flags, self._bytes_of(_slot(now)), TARGET, self._host, filetime)

    def matching(self, message: Authenticate, among: Iterable[WorkspacePassword]) -> WorkspacePassword | None:
        """Return the password that the message proves; None if it proves none, or comes late.

        Raises:
            Refused: SIGN_IN_REPLAYED, it proves one and came before.
            TooManyLogins: too many proofs are remembered.
        """
        slot = _slot(self._clock())
        challenges = (self._bytes_of(slot), self._bytes_of(slot - 1))
        for password in among:
            nt_hash = bytes.fromhex(password.nt_hash.reveal())
            if any(is_proof(message, nt_hash, challenge) for challenge in challenges):
                self._remember(message.proof, slot)
                return password
        return None

    def _bytes_of(self, slot: int) -> bytes:
        return hmac.digest(self._secret, slot.to_bytes(8, "big"), "sha256")[:CHALLENGE_BYTES]

    def _remember(self, proof: bytes, slot: int) -> None:
        if proof in self._seen:
            raise Refused(Reason.SIGN_IN_REPLAYED)
        while self._seen and next(iter(self._seen.values())) < slot - 1:
            del self._seen[next(iter(self._seen))]
        if len(self._seen) >= MAX_PROOFS:
            raise TooManyLogins("too many clients log in at once; try again in two minutes")
        self._seen[proof] = slot


def _slot(now: datetime) -> int:
    return int(now.timestamp()) // SLOT_S
