"""Tickets: reused while they are good, renewed at half their life, and dead when revoked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.access import TokenKind
from dialback.domain.ids import ResourceName, TokenHash, UserId
from dialback.web.feed.tickets import LIFE, Tickets
from tests.web.feed.nouns import ANNA, DESKTOP, OTHER
from tests.web.feed.stage import Feed

OFFICE = DESKTOP.name


@pytest.fixture
def tickets(feed: Feed) -> Tickets:
    return Tickets(feed.store, feed.clock, feed.recorder)


async def test_new_ticket_is_on_record_once(feed: Feed, tickets: Tickets) -> None:
    before = len(feed.recorder.entries)
    await tickets.issue(ANNA, OFFICE, "192.0.2.7")
    await tickets.issue(ANNA, OFFICE, "192.0.2.7")

    (entry,) = feed.recorder.entries[before:]
    assert (entry.action, entry.subject) == ("ticket.make", f"resource:{OFFICE}")
    assert (entry.actor.name, entry.actor.address) == ("anna", "192.0.2.7")


async def test_ticket_is_kept_as_a_hash_with_its_user_and_resource(feed: Feed, tickets: Tickets) -> None:
    ticket = await tickets.issue(ANNA, OFFICE)

    token, _ = await feed.store.token(ticket.hash)

    assert token
    assert (token.tenant, token.user_id, token.user, token.resource) == (ANNA.tenant, "u1", "anna", OFFICE)
    assert (token.kind, token.expires_at - token.issued_at) == (TokenKind.TICKET, timedelta(days=14))
    assert ticket.secret.reveal() not in repr(token)


async def test_ticket_is_the_same_until_half_its_life_is_over(feed: Feed, tickets: Tickets) -> None:
    first = await tickets.issue(ANNA, OFFICE)
    feed.clock.move(days=6.9)
    assert await tickets.issue(ANNA, OFFICE) == first
    feed.clock.move(days=0.1)
    second = await tickets.issue(ANNA, OFFICE)
    assert second != first
    assert await tickets.is_good(second.hash, ANNA, OFFICE)


async def test_old_ticket_lives_on_for_clients_that_did_not_refresh(feed: Feed, tickets: Tickets) -> None:
    first = await tickets.issue(ANNA, OFFICE)
    feed.clock.move(days=8)
    await tickets.issue(ANNA, OFFICE)
    token, _ = await feed.store.token(first.hash)
    assert token
    assert feed.clock() < token.expires_at == token.issued_at + LIFE


async def test_revoked_ticket_is_replaced(feed: Feed, tickets: Tickets) -> None:
    first = await tickets.issue(ANNA, OFFICE)
    await feed.store.revoke_token(first.hash, feed.clock())
    assert not await tickets.is_good(first.hash, ANNA, OFFICE)
    assert await tickets.issue(ANNA, OFFICE) != first


async def test_each_user_and_resource_has_a_ticket_of_its_own(tickets: Tickets) -> None:
    others = (replace(ANNA, id=UserId("u2")), replace(ANNA, tenant=OTHER))
    issued = {(await tickets.issue(user, OFFICE)).hash for user in (ANNA, *others)}
    issued.add((await tickets.issue(ANNA, ResourceName("editor"))).hash)
    assert len(issued) == 4


async def test_ticket_is_good_for_its_own_user_and_resource_alone(tickets: Tickets) -> None:
    ticket = await tickets.issue(ANNA, OFFICE)
    assert await tickets.is_good(ticket.hash, ANNA, OFFICE)
    assert not await tickets.is_good(ticket.hash, replace(ANNA, tenant=OTHER), OFFICE)
    assert not await tickets.is_good(ticket.hash, replace(ANNA, id=UserId("u2")), OFFICE)
    assert not await tickets.is_good(ticket.hash, ANNA, ResourceName("editor"))
    assert not await tickets.is_good(TokenHash("0" * 64), ANNA, OFFICE)


async def test_connection_token_is_no_ticket(feed: Feed, tickets: Tickets) -> None:
    ticket = await tickets.issue(ANNA, OFFICE)
    token, _ = await feed.store.token(ticket.hash)
    assert token
    other = replace(token, hash=TokenHash("1" * 64), kind=TokenKind.CONNECTION)
    await feed.store.save_token(other)
    assert not await tickets.is_good(other.hash, ANNA, OFFICE)


async def test_node_that_was_restarted_knows_a_ticket_by_its_hash(feed: Feed, tickets: Tickets) -> None:
    ticket = await tickets.issue(ANNA, OFFICE)
    assert await Tickets(feed.store, feed.clock, feed.recorder).is_good(ticket.hash, ANNA, OFFICE)
