"""Workspace passwords: random, one per device, good for the feed alone.

The clients that subscribe know NTLM and Basic and nothing better. A server can check NTLM only with the NT
hash of the password, which is as good as the password to whoever has it; so it is one that opens nothing
else, that no person chose, and that is revoked with its device.
"""

import hmac
from collections.abc import Iterable

from dialback.domain.accounts import WorkspacePassword
from dialback.domain.secret import Secret
from dialback.identity.md4 import md4
from dialback.identity.typed import draw, grouped

PASSWORD_CHARS = 20


def make_workspace_password() -> Secret:
    """Return a new password: 20 characters in five groups, 99 random bits; the hyphens belong to it."""
    return Secret(grouped(draw(PASSWORD_CHARS)))


def nt_hash(password: Secret) -> Secret:
    """Return the NT hash of a password, 32 hexadecimal digits.

    Source: [MS-NLMP] 3.3.1 NTLM v1 Authentication, NTOWFv1; the same in 3.3.2.
    """
    return Secret(md4(password.reveal().encode("utf-16-le", errors="surrogatepass")).hex())


def matching(password: Secret, among: Iterable[WorkspacePassword]) -> WorkspacePassword | None:
    """Return the one that it is."""
    said = nt_hash(password).reveal().encode()
    found = [one for one in among if hmac.compare_digest(one.nt_hash.reveal().encode(), said)]
    return found[0] if found else None
