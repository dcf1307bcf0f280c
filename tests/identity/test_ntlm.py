"""The server's side of NTLM against a real client: which password, how late, and how often."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import spnego

from dialback.domain.accounts import WorkspacePassword
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import TenantId, UserId
from dialback.domain.secret import Secret
from dialback.identity import ntlm
from dialback.identity.md4 import md4
from dialback.identity.ntlm import SLOT_S, NtlmAcceptor, TooManyLogins
from dialback.wire.errors import WireError
from dialback.wire.ntlm import Authenticate, parse_authenticate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLOT = timedelta(seconds=SLOT_S)


def password(number: int) -> WorkspacePassword:
    """Return the stored password `secret-NUMBER`."""
    nt_hash = Secret(md4(f"secret-{number}".encode("utf-16-le")).hex())
    return WorkspacePassword(TenantId("acme"), f"w{number}", UserId("u1"), f"Device {number}", nt_hash, NOW)


PASSWORDS = [password(number) for number in range(20)]


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def acceptor(clock: Clock) -> NtlmAcceptor:
    return NtlmAcceptor("gw.example.org", clock)


def prove(challenge: Callable[[bytes], bytes], text: str) -> Authenticate:
    options = spnego.NegotiateOptions.use_ntlm
    client = spnego.client("ACME\\anna", text, protocol="ntlm", options=options)
    return parse_authenticate(client.step(challenge(client.step() or b"")) or b"")


def test_each_of_twenty_passwords_is_found(acceptor: NtlmAcceptor) -> None:
    for each in PASSWORDS:
        message = prove(acceptor.challenge, f"secret-{each.id[1:]}")
        assert acceptor.matching(message, PASSWORDS) == each


def test_wrong_password_is_none(acceptor: NtlmAcceptor) -> None:
    assert acceptor.matching(prove(acceptor.challenge, "secret-20"), PASSWORDS) is None


def test_user_without_passwords_has_none(acceptor: NtlmAcceptor) -> None:
    assert acceptor.matching(prove(acceptor.challenge, "secret-1"), []) is None


def test_same_message_is_taken_once(acceptor: NtlmAcceptor, clock: Clock) -> None:
    message = prove(acceptor.challenge, "secret-1")

    assert acceptor.matching(message, PASSWORDS) == PASSWORDS[1]
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            acceptor.matching(message, PASSWORDS)
        assert refused.value.reason is Reason.SIGN_IN_REPLAYED
        clock.now += SLOT
    assert acceptor.matching(message, PASSWORDS) is None


def test_challenge_is_good_until_the_end_of_the_next_slot(acceptor: NtlmAcceptor, clock: Clock) -> None:
    messages = [prove(acceptor.challenge, "secret-1") for _ in range(2)]

    clock.now += 2 * SLOT - timedelta(seconds=1)
    assert acceptor.matching(messages[0], PASSWORDS) == PASSWORDS[1]
    clock.now += timedelta(seconds=1)
    assert acceptor.matching(messages[1], PASSWORDS) is None


def test_challenge_of_another_server_is_none_of_ours(clock: Clock, acceptor: NtlmAcceptor) -> None:
    other = NtlmAcceptor("gw.example.org", clock)

    assert acceptor.matching(prove(other.challenge, "secret-1"), PASSWORDS) is None


def test_nodes_that_share_a_secret_take_each_others_challenges(clock: Clock) -> None:
    first, second = (NtlmAcceptor("gw.example.org", clock, b"s" * 32) for _ in range(2))

    assert second.matching(prove(first.challenge, "secret-1"), PASSWORDS) == PASSWORDS[1]


def test_proofs_are_forgotten_with_their_challenge_and_never_before(
    acceptor: NtlmAcceptor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ntlm, "MAX_PROOFS", 2)
    first = prove(acceptor.challenge, "secret-1")
    assert acceptor.matching(first, PASSWORDS)
    assert acceptor.matching(prove(acceptor.challenge, "secret-1"), PASSWORDS)

    with pytest.raises(TooManyLogins, match="try again"):
        acceptor.matching(prove(acceptor.challenge, "secret-1"), PASSWORDS)
    with pytest.raises(Refused):
        acceptor.matching(first, PASSWORDS)
    clock.now += 2 * SLOT
    assert acceptor.matching(prove(acceptor.challenge, "secret-1"), PASSWORDS) == PASSWORDS[1]


def test_first_message_that_is_none_is_refused(acceptor: NtlmAcceptor) -> None:
    with pytest.raises(WireError):
        acceptor.challenge(b"NTLMSSP\0")
