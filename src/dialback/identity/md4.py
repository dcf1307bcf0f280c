"""MD4, for the NT hash alone: NTLM is computed with it, and no library here offers it to others.

OpenSSL 3, and with it `hashlib`, keeps MD4 switched off; pyspnego has one for itself. MD4 is broken for every
other use. Passwords hashed here are random, and good for the feed alone.

Source: [RFC 1320] 3. MD4 Algorithm Description; A.5 Test suite.
"""

import struct
from collections.abc import Callable

_MASK = 0xFFFFFFFF
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_Mix = Callable[[int, int, int], int]
_ROUNDS: tuple[tuple[_Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)
"""Of each round: how three words are mixed, what is added, the order of the block's words, the rotations."""


def md4(data: bytes) -> bytes:
    """Return the 16 bytes of the digest."""
    padding = b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = list(_START)
    for (*words,) in struct.iter_unpack("<16I", data + padding):
        a, b, c, d = state
        for mix, added, order, rotations in _ROUNDS:
            for turn, index in enumerate(order):
                mixed = (a + mix(b, c, d) + words[index] + added) & _MASK
                bits = rotations[turn % 4]
                rotated = (mixed << bits | mixed >> (32 - bits)) & _MASK
                a, b, c, d = d, rotated, b, c
        state = [(old + new) & _MASK for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)
