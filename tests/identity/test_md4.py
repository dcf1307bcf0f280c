"""MD4 against the test suite of its specification, and against another implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.identity.md4 import md4

# [RFC 1320] A.5 Test suite.
VECTORS = [
    ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
    ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
    ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
    ("message digest", "d9130a8164549fe818874806e1c7014b"),
    ("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
    (
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "043f8582f241db351ce627e153e7f0e4",
    ),
    ("1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
]


@pytest.mark.parametrize(("text", "digest"), VECTORS)
def test_digest_is_the_specifications(text: str, digest: str) -> None:
    assert md4(text.encode()).hex() == digest


@given(st.binary(max_size=300))
def test_digest_is_what_another_implementation_computes(data: bytes) -> None:
    from spnego._ntlm_raw.md4 import md4 as other

    assert md4(data) == other(data)
