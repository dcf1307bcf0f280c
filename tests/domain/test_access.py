"""The access rule of connection tokens, by its table of cases and by its properties."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.access import (
    MAX_TOKEN_CHARS,
    RECONNECT_GRACE,
    ConnectionToken,
    TokenKind,
    TokenUse,
    check_published,
    check_token,
    check_token_text,
)
from dialback.domain.catalog import ApplicationGroup, PublishedResource
from dialback.domain.directory import Published
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import (
    ApplicationGroupId,
    PoolId,
    ResourceId,
    ResourceName,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, User

ISSUED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXPIRES = ISSUED + timedelta(minutes=10)
ANNA = User(MAIN, UserId("u1"), UserName("anna"))
OFFICE = ResourceName("office-pc")
TOKEN = ConnectionToken(TokenHash("ab" * 32), MAIN, ANNA.id, ANNA.name, OFFICE, ISSUED, EXPIRES)
TICKET = replace(TOKEN, kind=TokenKind.TICKET, expires_at=ISSUED + timedelta(days=5))
GROUP = ApplicationGroup(MAIN, ApplicationGroupId("a1"), "Desktops", PoolId("p1"))
PUBLISHED = Published(
    PublishedResource(MAIN, ResourceId("r1"), GROUP.id, OFFICE, "Office"),
    GROUP,
    HostPool(MAIN, PoolId("p1"), "Office"),
)
SECOND = timedelta(seconds=1)
INSTANTS = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC)
)
USES = st.builds(
    TokenUse,
    live=st.booleans(),
    last_ended_at=st.none() | INSTANTS,
)


def refusal(token: ConnectionToken | None, use: TokenUse, now: datetime) -> Reason | None:
    """Return the reason for which the token is refused, None if it admits."""
    try:
        check_token(token, use, now)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("text", ["a", "A-Z_09", "x" * MAX_TOKEN_CHARS])
def test_text_that_can_be_a_token_passes(text: str) -> None:
    check_token_text(text)


def test_empty_text_is_a_missing_token() -> None:
    with pytest.raises(Refused) as caught:
        check_token_text("")
    assert caught.value.reason is Reason.TOKEN_MISSING


@pytest.mark.parametrize("text", ["a b", "a=", "a+b", "a/b", "a\n", "ä", "a\0"])
def test_other_text_is_a_malformed_token_and_is_not_quoted(text: str) -> None:
    with pytest.raises(Refused) as caught:
        check_token_text(text)
    assert caught.value.reason is Reason.TOKEN_MALFORMED
    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["x" * 65, "=" * 65, "x" * 100_000])
def test_longer_text_is_an_oversized_token_and_is_not_quoted(text: str) -> None:
    with pytest.raises(Refused) as caught:
        check_token_text(text)
    assert caught.value.reason is Reason.TOKEN_OVERSIZED
    assert text not in str(caught.value)


def test_unknown_token_is_refused() -> None:
    assert refusal(None, TokenUse(live=True), ISSUED) is Reason.TOKEN_UNKNOWN


def test_token_admits_until_the_instant_it_expires() -> None:
    assert check_token(TOKEN, TokenUse(), EXPIRES - SECOND) is TOKEN
    assert refusal(TOKEN, TokenUse(), EXPIRES) is Reason.TOKEN_EXPIRED


def test_expired_token_admits_while_its_connection_is_live() -> None:
    assert refusal(TOKEN, TokenUse(live=True), EXPIRES + timedelta(days=1)) is None


def test_expired_token_admits_within_the_grace_after_its_connection_ended() -> None:
    ended = EXPIRES + timedelta(hours=1)
    use = TokenUse(last_ended_at=ended)
    assert refusal(TOKEN, use, ended + RECONNECT_GRACE - SECOND) is None
    assert refusal(TOKEN, use, ended + RECONNECT_GRACE) is Reason.TOKEN_EXPIRED


def test_ticket_admits_for_days_by_the_same_rules() -> None:
    late = TICKET.expires_at
    assert check_token(TICKET, TokenUse(), late - SECOND) is TICKET
    assert refusal(TICKET, TokenUse(), late) is Reason.TOKEN_EXPIRED
    assert refusal(TICKET, TokenUse(live=True), late) is None
    assert refusal(replace(TICKET, revoked_at=ISSUED), TokenUse(), ISSUED) is Reason.TOKEN_REVOKED


def test_what_is_published_to_the_user_is_theirs() -> None:
    assert check_published(PUBLISHED, None) is PUBLISHED


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (replace(ANNA, disabled_at=ISSUED), Reason.USER_DISABLED),
        (ANNA, Reason.RESOURCE_NOT_ASSIGNED),
        (None, Reason.RESOURCE_NOT_ASSIGNED),
    ],
)
def test_what_is_not_published_to_the_user_is_refused_and_says_why(user: User | None, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        check_published(None, user)
    assert caught.value.reason is reason


@given(USES, INSTANTS, INSTANTS)
def test_revoked_token_never_admits(use: TokenUse, revoked_at: datetime, now: datetime) -> None:
    assert refusal(replace(TOKEN, revoked_at=revoked_at), use, now) is Reason.TOKEN_REVOKED


@given(USES, INSTANTS)
def test_token_that_is_refused_stays_refused_as_time_passes(use: TokenUse, now: datetime) -> None:
    if refusal(TOKEN, use, now) is not None:
        assert refusal(TOKEN, use, now + SECOND) is Reason.TOKEN_EXPIRED
