"""Connection files as this server hands them out: complete, signed, and encoded for every client."""

from pathlib import Path

from dialback.app.settings import Settings, public_address, split_address
from dialback.domain.catalog import Resource
from dialback.domain.ids import UserName
from dialback.domain.secret import Secret
from dialback.identity.authority import Authority
from dialback.identity.signing import SigningKey
from dialback.wire import rdpfile, rdpsettings, rdpsign


def signing_key(folder: Path, settings: Settings) -> SigningKey:
    """Return the key that signs this server's connection files; it is made at the first call.

    Raises:
        CertificateProblem: the key file is damaged, or does not belong to the server's CA.
    """
    name, _ = split_address(public_address(settings))
    return SigningKey.open(Authority.open(folder), name[:64])


def connection_file(
    key: SigningKey, address: str, resource: Resource, user: UserName, token: Secret
) -> bytes:
    """Return a signed connection file that opens the resource for the user.

    Args:
        address: `NAME:PORT` of the gateway.
    """
    values = {
        "full address": str(resource.name),
        "username": str(user),
        "redirectclipboard": 1,  # what every user expects; all other redirections are off
        **rdpsettings.gateway(address, token.reveal()),
    }
    unsigned = rdpsign.prepare(rdpsettings.build_settings(rdpsettings.complete(values)))
    signed = rdpsign.attach(unsigned, key.sign(unsigned.message))
    return rdpfile.encode(rdpfile.build(signed))
