"""TLS contexts: for our listener, for dialling a server we verify, and for looking at a certificate.

Everything that trusts, verifies: chain, name and, where one is given, the pinned leaf. `looking_context` is
the one exception and trusts nothing: it reads a certificate so that it can be compared or reported.
"""

import hashlib
import ssl
from pathlib import Path
from typing import Any

from dialback.domain.errors import Problem

ALPN = ["http/1.1"]


class DirectSSLObject(ssl.SSLObject):
    """A TLS object whose hot methods are OpenSSL's wrapper itself, without a Python function in between.

    An event loop looks these three up and calls them for each chunk; four calls less per message of a relay.
    `_sslobj` is CPython's private name for the wrapper, the same from 3.7 to 3.14; a Python that renames it
    fails this module's tests, and the class can then be left out at the price of those calls.
    """

    _sslobj: Any

    @property
    def read(self) -> Any:
        """What reads decrypted bytes."""
        return self._sslobj.read

    @property
    def write(self) -> Any:
        """What takes bytes to encrypt."""
        return self._sslobj.write

    @property
    def pending(self) -> Any:
        """What says how many bytes are decrypted and not read."""
        return self._sslobj.pending


class CertificateUnreadable(Problem):
    """A certificate or key file cannot be used; the message is one sentence that says what to do."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the context of our listener: TLS 1.2 or newer, HTTP/1.1 alone in ALPN.

    HTTP/2 would break every client leg, since MS-TSGU's upgrade exists in HTTP/1.1 only.

    Raises:
        CertificateUnreadable: the files are missing, unreadable, damaged, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = DirectSSLObject
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Without renegotiation a write never waits for a read, which the relay's shared buffer relies on.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # No client resumes a tunnel; tickets would cost two more records and memory for each leg.
    context.num_tickets = 0
    context.set_alpn_protocols(ALPN)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CertificateUnreadable(
            f"The certificate {certificate} with the key {key} cannot be used ({error.strerror or error}); "
            "check that both exist, can be read by this user and belong together."
        ) from error
    return context


def client_context(ca_pem: str = "") -> ssl.SSLContext:
    """Return a context that verifies chain and name against `ca_pem`; against the system's roots if empty."""
    context = ssl.create_default_context(cadata=ca_pem or None)
    context.sslobject_class = DirectSSLObject
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(ALPN)
    return context


def looking_context() -> ssl.SSLContext:
    """Return a context for looking at the certificate a peer shows; nothing received over it is trusted.

    For three certificates only: the local RDP server's, which is self-signed by nature and is reported; the
    server's CA, which is compared with the fingerprint in a join code before anything secret is sent; and the
    one an agent shows inside a leg, which must be signed with the host's key before anything is believed. Old
    versions are allowed, since the aim is to report what is there.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def sha256_of(der: bytes) -> str:
    """Return the SHA-256 of a certificate in DER as 64 hexadecimal characters."""
    return hashlib.sha256(der).hexdigest()
