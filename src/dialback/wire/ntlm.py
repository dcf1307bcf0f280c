"""NTLM as far as a feed's login needs it: two messages read, one written, and the proof of a password.

A client says what it can (NEGOTIATE), gets eight bytes (CHALLENGE), and answers with a proof that it knows
the password (AUTHENTICATE). Only NTLMv2 with Unicode is taken. Every offset and length comes from a peer that
is not known yet: fields are cut out of the bytes that are there, or the message is refused.

More lenient than the specification: a client that offers OEM alone (libcurl does) is answered in Unicode
too, and then writes Unicode; one that insists on OEM is refused at its AUTHENTICATE.

What is left out on purpose: NTLMv1 and LM, which can be reversed; session keys, signing, sealing and the
message integrity code, since the messages travel inside TLS and protect nothing after the login; and datagram
mode. Randomness and time are the caller's.

Source: [MS-NLMP] 2.2.1, NTLM Messages; 2.2.2, NTLM Structures; 3.3.2, NTLM v2 Authentication.
"""

import hmac
import struct
from dataclasses import dataclass, field

from dialback.wire.cursor import text_of_utf16
from dialback.wire.errors import WireError

SIGNATURE = b"NTLMSSP\0"
CHALLENGE_BYTES = 8
PROOF_BYTES = 16
MAX_MESSAGE_BYTES = 8192
MAX_NAME_BYTES = 512

_NEGOTIATE, _CHALLENGE, _AUTHENTICATE = 1, 2, 3
# [MS-NLMP] 2.2.2.5 NEGOTIATE; bits are named as there, without their prefix.
_UNICODE = 0x00000001
_OEM = 0x00000002
_REQUEST_TARGET = 0x00000004
_SIGN = 0x00000010
_SEAL = 0x00000020
_NTLM = 0x00000200
_ALWAYS_SIGN = 0x00008000
_TARGET_TYPE_SERVER = 0x00020000
_EXTENDED_SESSION_SECURITY = 0x00080000
_TARGET_INFO = 0x00800000
_VERSION_THERE = 0x02000000
_128 = 0x20000000
_KEY_EXCH = 0x40000000
_56 = 0x80000000
_AS_ASKED = _SIGN | _SEAL | _VERSION_THERE | _128 | _KEY_EXCH | _56
_ALWAYS = (
    _UNICODE
    | _REQUEST_TARGET
    | _NTLM
    | _ALWAYS_SIGN
    | _TARGET_TYPE_SERVER
    | _EXTENDED_SESSION_SECURITY
    | _TARGET_INFO
)
# [MS-NLMP] 2.2.2.1 AV_PAIR.
_EOL, _NB_COMPUTER_NAME, _NB_DOMAIN_NAME, _DNS_COMPUTER_NAME, _DNS_DOMAIN_NAME, _TIMESTAMP = 0, 1, 2, 3, 4, 7

_HEAD = struct.Struct("<8sI")
_FIELD = struct.Struct("<HHI")
_U32 = struct.Struct("<I")
_CHALLENGE_HEAD = struct.Struct("<8sIHHII8s8xHHI8s")
_VERSION = bytes([10, 0, 0, 0, 0, 0, 0, 15])
"""[MS-NLMP] 2.2.2.10 VERSION: always there, since some readers count on it; what it says is of no use."""
_BLOB_HEAD_BYTES = 28
_AUTHENTICATE_FLAGS_AT = 60
_AUTHENTICATE_HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE_MESSAGE: who the client says it is, and the two halves of the NTLMv2 response.

    `proof` is NTProofStr; `blob` is the NTLMv2_CLIENT_CHALLENGE it covers together with the server's bytes.

    Source: [MS-NLMP] 2.2.1.3 AUTHENTICATE_MESSAGE; 2.2.2.8 NTLM v2 Response: NTLMv2_RESPONSE.
    """

    user: str
    domain: str
    workstation: str
    proof: bytes = field(repr=False)
    blob: bytes = field(repr=False)


def is_negotiate(data: bytes) -> bool:
    """Say whether the bytes begin as a NEGOTIATE_MESSAGE.

    Raises:
        WireError: they begin as neither this nor an AUTHENTICATE_MESSAGE.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise WireError(f"expected at most {MAX_MESSAGE_BYTES} bytes of NTLM, got {len(data)}")
    if len(data) < _HEAD.size:
        raise WireError(f"expected {_HEAD.size} bytes of an NTLM head, got {len(data)}")
    signature, kind = _HEAD.unpack_from(data)
    if signature != SIGNATURE or kind not in (_NEGOTIATE, _AUTHENTICATE):
        raise WireError("expected a message of an NTLM client, got something else")
    return bool(kind == _NEGOTIATE)


def parse_negotiate(data: bytes) -> int:
    """Return the flags of a NEGOTIATE_MESSAGE; the names that may follow are of no use to a server.

    Raises:
        WireError: it is none, or the client offers no character set at all.

    Source: [MS-NLMP] 2.2.1.1 NEGOTIATE_MESSAGE.
    """
    if not is_negotiate(data):
        raise WireError("expected NTLM's NEGOTIATE, got AUTHENTICATE")
    if len(data) < _HEAD.size + _U32.size:
        raise WireError(f"expected the flags of NTLM's NEGOTIATE, got {len(data)} bytes")
    flags = int(_U32.unpack_from(data, _HEAD.size)[0])
    if not flags & (_UNICODE | _OEM):
        raise WireError(f"expected a client that offers Unicode or OEM, got flags {flags:#x}")
    return flags


def build_challenge(flags: int, challenge: bytes, target: str, host: str, filetime: int) -> bytes:
    """Build the CHALLENGE_MESSAGE for a client that asked with the flags.

    Args:
        challenge: 8 bytes that the proof is computed over.
        target: a short name of the server's realm, which some clients fill in as domain.
        host: the server's name.
        filetime: now, in 100 ns since 1601; clients take it into their proof.

    Source: [MS-NLMP] 2.2.1.2 CHALLENGE_MESSAGE; 2.2.2.1 AV_PAIR.
    """
    name = target.encode("utf-16-le")
    computer = host.partition(".")[0][:15].upper().encode("utf-16-le")
    info = b"".join(
        (
            _pair(_NB_DOMAIN_NAME, name),
            _pair(_NB_COMPUTER_NAME, computer),
            _pair(_DNS_DOMAIN_NAME, host.encode("utf-16-le")),
            _pair(_DNS_COMPUTER_NAME, host.encode("utf-16-le")),
            _pair(_TIMESTAMP, filetime.to_bytes(8, "little")),
            _pair(_EOL, b""),
        )
    )
    name_at = _CHALLENGE_HEAD.size
    info_at = name_at + len(name)
    head = _CHALLENGE_HEAD.pack(
        SIGNATURE,
        _CHALLENGE,
        len(name),
        len(name),
        name_at,
        _ALWAYS | flags & _AS_ASKED,
        challenge,
        len(info),
        len(info),
        info_at,
        _VERSION,
    )
    return head + name + info


def parse_authenticate(data: bytes) -> Authenticate:
    """Parse an AUTHENTICATE_MESSAGE.

    Raises:
        WireError: it is none, is not in Unicode, a field lies outside it, a name is no text or too long, or
            the response is not NTLMv2's.
    """
    if is_negotiate(data):
        raise WireError("expected NTLM's AUTHENTICATE, got NEGOTIATE")
    if len(data) < _AUTHENTICATE_HEAD_BYTES:
        raise WireError(f"expected {_AUTHENTICATE_HEAD_BYTES} bytes of AUTHENTICATE, got {len(data)}")
    flags = int(_U32.unpack_from(data, _AUTHENTICATE_FLAGS_AT)[0])
    if not flags & _UNICODE:
        raise WireError(f"expected names in Unicode, got flags {flags:#x}")
    response = _field(data, 20, "NTLM response")
    if len(response) < PROOF_BYTES + _BLOB_HEAD_BYTES:
        raise WireError(f"expected an NTLMv2 response, got {len(response)} bytes")
    proof, blob = response[:PROOF_BYTES], response[PROOF_BYTES:]
    # [MS-NLMP] 2.2.2.7 NTLM v2: NTLMv2_CLIENT_CHALLENGE: RespType and HiRespType.
    if blob[:2] != b"\x01\x01":
        raise WireError(f"expected version 1 of an NTLMv2 response, got {blob[:2].hex()}")
    return Authenticate(
        user=_name(data, 36, "user"),
        domain=_name(data, 28, "domain"),
        workstation=_name(data, 44, "workstation"),
        proof=proof,
        blob=blob,
    )


def is_proof(message: Authenticate, nt_hash: bytes, challenge: bytes) -> bool:
    """Say whether the message proves the password of the hash over the challenge.

    Args:
        nt_hash: 16 bytes, MD4 of the password as UTF-16LE.
        challenge: the 8 bytes that were sent.

    Source: [MS-NLMP] 3.3.2 NTLM v2 Authentication, NTOWFv2 and ComputeResponse.
    """
    # Clients differ in names such as `grüße`, of which Windows makes `GRÜßE` and others `GRÜSSE`.
    users = {_upper(message.user), message.user.upper()}
    proofs = [_proof(message, user, nt_hash, challenge) for user in users]
    return any(hmac.compare_digest(proof, message.proof) for proof in proofs)


def _proof(message: Authenticate, user: str, nt_hash: bytes, challenge: bytes) -> bytes:
    key = hmac.digest(nt_hash, (user + message.domain).encode("utf-16-le"), "md5")
    return hmac.digest(key, challenge + message.blob, "md5")


def _upper(text: str) -> str:
    """Return the text in upper case as Windows makes it: each 16-bit unit by itself."""
    return "".join(char.upper() if len(char.upper()) == 1 and char <= "\uffff" else char for char in text)


def _pair(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value


def _field(data: bytes, at: int, what: str) -> bytes:
    """Return what the length and offset at the place describe."""
    size, _, offset = _FIELD.unpack_from(data, at)
    if size and offset + size > len(data):
        raise WireError(f"expected the {what} inside {len(data)} bytes, got {offset} + {size}")
    return data[offset : offset + size]


def _name(data: bytes, at: int, what: str) -> str:
    raw = _field(data, at, what)
    if len(raw) > MAX_NAME_BYTES:
        raise WireError(f"expected at most {MAX_NAME_BYTES} bytes of {what}, got {len(raw)}")
    return text_of_utf16(raw, what)
