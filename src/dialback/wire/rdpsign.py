"""The signature of a connection file: what is signed, and how the signature stands in the file.

A file is signed line by line: the *secure settings* it holds, in the order of `SECURE_SETTINGS`, then the
line that lists them. What goes into the signature is those lines as text, so encoding, line ends and order of
the file do not matter, while the spelling of a name does. Rules of this file:

- Only what is present is covered. A setting that the file lacks can be added by anybody afterwards, which is
  why `rdpsettings.complete` writes secure settings even where they say nothing.
- An alternate address wins over the address, so it is always there and always covered.
- Reading takes the order from the file: signers differ in it, and the verifier follows the list it finds.

The PKCS#7 itself comes from elsewhere (`dialback.identity.signing`); here it is opaque bytes. Left out:
judging a signature, which takes the certificates one trusts.

Source: `docs/protocols/rdp-signature.md`, which names its own; [MS-RDWR] 4.2, A sample of the resources
returned.
"""

import base64
import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from dialback.wire.errors import WireError
from dialback.wire.rdpfile import Setting, build_line

SECURE_SETTINGS = (
    "Full Address",
    "Alternate Full Address",
    "PCB",
    "Use Redirection Server Name",
    "Server Port",
    "Negotiate Security Layer",
    "EnableCredSspSupport",
    "DisableConnectionSharing",
    "AutoReconnection Enabled",
    "GatewayHostname",
    "GatewayUsageMethod",
    "GatewayProfileUsageMethod",
    "GatewayCredentialsSource",
    "Support URL",
    "PromptCredentialOnce",
    "Require pre-authentication",
    "Pre-authentication server address",
    "Alternate Shell",
    "Shell Working Directory",
    "RemoteApplicationProgram",
    "RemoteApplicationExpandWorkingdir",
    "RemoteApplicationMode",
    "RemoteApplicationGuid",
    "RemoteApplicationName",
    "RemoteApplicationIcon",
    "RemoteApplicationFile",
    "RemoteApplicationFileExtensions",
    "RemoteApplicationCmdLine",
    "RemoteApplicationExpandCmdLine",
    "Prompt For Credentials",
    "Authentication Level",
    "AudioMode",
    "RedirectDrives",
    "RedirectPrinters",
    "RedirectCOMPorts",
    "RedirectSmartCards",
    "RedirectPOSDevices",
    "RedirectClipboard",
    "DevicesToRedirect",
    "DrivesToRedirect",
    "LoadBalanceInfo",
    "RedirectDirectX",
    "RDGIsKDCProxy",
    "KDCProxyName",
    "EventLogUploadAddress",
    "EnableRdsAadAuth",
    "RedirectWebAuthn",
    "RedirectTextProcessing",
    "allowed security protocols",
)
"""The settings a signature covers, spelt and ordered as signers write them into `signscope`."""

SCOPE_NAME = "signscope"
SIGNATURE_NAME = "signature"

_ADDRESS = "full address"
_ALTERNATE = "alternate full address"
_HEADER = struct.Struct("<III")
_VERSION = 0x00010001
_CERTIFICATE_SIGNATURE = 1
_GROUP_CHARS = 64


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A file about to be signed: all its settings, the scope last, and the bytes to sign."""

    settings: tuple[Setting, ...]
    message: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signed file claims: the names it lists, the bytes they make, and the PKCS#7 over these."""

    scope: tuple[str, ...]
    message: bytes
    pkcs7: bytes


def prepare(settings: Iterable[Setting]) -> Unsigned:
    """Choose what is signed, and return the settings with the scope and the message.

    A signature that is there already is dropped; an alternate address that is missing is added.

    Raises:
        ValueError: there is no address, or a setting cannot be signed; the message names it.
    """
    kept = [each for each in settings if each.name.casefold() not in (SCOPE_NAME, SIGNATURE_NAME)]
    by_name = {each.name.casefold(): each for each in kept}
    address = by_name.get(_ADDRESS)
    if address is None or not isinstance(address.value, str) or not address.value:
        raise ValueError(f"expected {_ADDRESS!r} in a file to be signed, got none")
    if _ALTERNATE not in by_name:
        by_name[_ALTERNATE] = Setting(_ALTERNATE, address.value)
        kept.append(by_name[_ALTERNATE])
    names = [name for name in SECURE_SETTINGS if name.casefold() in by_name]
    scope = Setting(SCOPE_NAME, ",".join(names))
    covered = [by_name[name.casefold()] for name in names]
    for each in covered:
        _check_covered(each)
    return Unsigned((*kept, scope), _message([*covered, scope]))


def attach(unsigned: Unsigned, pkcs7: bytes) -> tuple[Setting, ...]:
    """Return the settings of the signed file.

    Args:
        unsigned: what `prepare` returned.
        pkcs7: the detached SignedData over its message, DER.
    """
    return (*unsigned.settings, Setting(SIGNATURE_NAME, encode_signature(pkcs7)))


def read(settings: Iterable[Setting]) -> Signed | None:
    """Return what the file's signature claims, None if it has none.

    Raises:
        WireError: only one of scope and signature is there, either is malformed, or a listed setting is not
            in the file.
    """
    by_name = {each.name.casefold(): each for each in settings}
    scope, signature = by_name.get(SCOPE_NAME), by_name.get(SIGNATURE_NAME)
    if scope is None and signature is None:
        return None
    names = tuple(_text(scope, SCOPE_NAME).split(","))
    covered = [_listed(name, by_name) for name in names]
    if scope is None or len({name.casefold() for name in names}) != len(names):
        raise WireError(f"expected each setting once in {SCOPE_NAME!r}, got one twice")
    message = _message([*covered, scope])
    return Signed(names, message, decode_signature(_text(signature, SIGNATURE_NAME)))


def encode_signature(pkcs7: bytes) -> str:
    """Encode a PKCS#7 as the value of `signature`: base64, two blanks after every 64 characters and the last.

    Wire:
        Three little-endian numbers of 4 bytes stand before the DER: version 0x00010001, type 1 (signature
        with a certificate), and its length in bytes.
    """
    blob = _HEADER.pack(_VERSION, _CERTIFICATE_SIGNATURE, len(pkcs7)) + pkcs7
    text = base64.b64encode(blob).decode("ascii")
    return "".join(f"{text[at : at + _GROUP_CHARS]}  " for at in range(0, len(text), _GROUP_CHARS))


def decode_signature(value: str) -> bytes:
    """Decode the value of `signature` into the PKCS#7; blanks may stand anywhere.

    Raises:
        WireError: it is not base64, or its header does not fit.
    """
    try:
        blob = base64.b64decode(value.replace(" ", ""), validate=True)
    except (binascii.Error, ValueError):
        raise WireError(f"expected base64 as value of {SIGNATURE_NAME!r}, got something else") from None
    if len(blob) < _HEADER.size:
        raise WireError(f"expected a header of {_HEADER.size} bytes in the signature, got {len(blob)} bytes")
    version, kind, size = _HEADER.unpack_from(blob)
    if (version, kind) != (_VERSION, _CERTIFICATE_SIGNATURE):
        raise WireError(f"expected a signature of version 0x10001 and type 1, got 0x{version:x} and {kind}")
    pkcs7 = blob[_HEADER.size :]
    if len(pkcs7) != size:
        raise WireError(f"expected {size} bytes of PKCS#7, got {len(pkcs7)}")
    return pkcs7


def _message(lines: Iterable[Setting]) -> bytes:
    text = "".join(f"{build_line(each)}\r\n" for each in lines)
    # The signer hashes its buffer with the NUL that ends it.
    return (text + "\0").encode("utf-16-le")


def _check_covered(setting: Setting) -> None:
    if isinstance(setting.value, bytes):
        raise ValueError(f"expected text or a number as value of {setting.name!r}, got bytes")
    if isinstance(setting.value, str) and setting.value != setting.value.rstrip():
        # Readers may trim the line, and then another text is verified than was signed.
        raise ValueError(f"expected no blank at the end of {setting.name!r}, got one")


def _listed(name: str, by_name: dict[str, Setting]) -> Setting:
    setting = by_name.get(name.casefold())
    if setting is None or isinstance(setting.value, bytes):
        raise WireError(f"expected the settings listed in {SCOPE_NAME!r} to be there, got no {name[:64]!r}")
    return setting


def _text(setting: Setting | None, name: str) -> str:
    if setting is None or not isinstance(setting.value, str):
        raise WireError(f"expected {SCOPE_NAME!r} and {SIGNATURE_NAME!r} together, got no {name!r}")
    return setting.value
