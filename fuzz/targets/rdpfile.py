"""Any bytes give settings that survive rebuilding and signing anew, or `WireError`."""

from dialback.wire.errors import WireError
from dialback.wire.rdpfile import Setting, build, decode, encode, parse
from dialback.wire.rdpsign import Signed, attach, prepare, read


def fuzz(data: bytes) -> None:
    """Read the bytes as a file, rebuild it, and read the signature it carries."""
    try:
        settings = parse(decode(data))
    except WireError:
        return
    assert parse(decode(encode(build(settings)))) == settings
    try:
        signed = read(settings)
    except WireError:
        return
    _check_signing(settings, signed)


def _check_signing(settings: tuple[Setting, ...], signed: Signed | None) -> None:
    """Sign the file with any bytes, and read them and the message back."""
    try:
        unsigned = prepare(settings)
    except ValueError:
        return
    again = read(attach(unsigned, signed.pkcs7 if signed else b""))
    assert again is not None
    assert again.message == unsigned.message
    assert again.pkcs7 == (signed.pkcs7 if signed else b"")
