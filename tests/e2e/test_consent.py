"""The provider at a tenant's host: let in by the host's own word, and sent away by it."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from dialback.agent.consent_files import ConsentFiles
from dialback.agent.consent_local import LocalConsent
from dialback.domain.accounts import SignInKind
from dialback.domain.consent import ConsentScope, Grant
from dialback.domain.errors import Reason
from dialback.domain.ids import HostId, UserId, UserName
from dialback.domain.provider import Terms, month_of
from dialback.domain.sessions import Stage as Step
from dialback.domain.tenancy import MAIN, Role, User
from dialback.identity.grants import build, sign
from dialback.store.models import connection_tokens
from dialback.store.provider_models import consent_requests, grants
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.people import COOKIE
from dialback.wire.tsgu.client import TunnelRefused
from tests.e2e.console import sign_in
from tests.e2e.stage import Client, until
from tests.e2e.visitor import ANNA, BERT, MALLORY, TOM, Visitor, Way, table

pytestmark = pytest.mark.e2e
CUT_S = 2.0


async def parked(visitor: Visitor) -> str:
    """Wait until the host has something to answer; return its id."""
    files = ConsentFiles(visitor.stage.agent_folder)

    async def waits() -> bool:
        return bool(files.asked())

    await until(waits)
    return files.asked()[-1].request.id


async def gone(visitor: Visitor) -> None:
    """Wait until nothing is left running: neither at the desktop nor as an open record."""

    async def nothing() -> bool:
        open_records = [each for each in await visitor.stage.all_records() if each.reason is None]
        return visitor.stage.desktop.sessions == 0 and not open_records

    await until(nothing)


async def refused(visitor: Visitor, way: Way) -> str:
    """Connect and return why it was refused; nothing is left running."""
    await visitor.connect(way)
    assert way.wire is None
    await gone(visitor)
    assert visitor.stage.desktop.sessions == 0
    return way.refusal["reason"]


async def test_technician_is_parked_until_the_tenant_has_signed(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask(ticket_number="4711")
    connecting = visitor.connecting(way)
    assert await parked(visitor) == way.request.id
    await visitor.keep(way.request, visitor.grant(way.request))
    await connecting
    assert await way.echoes(b"hello")
    assert way.wire is not None
    await way.wire.close()
    [record] = await visitor.stage.records()
    assert (record.user, record.transport, record.because) == ("provider\\tom", "stream", "asked-for")
    assert record.timeline[Step.CONSENT] > 0


async def test_grant_of_the_platforms_own_making_opens_nothing(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request), [MALLORY])
    assert await refused(visitor, way) == "grant-unsigned"


def edited(grant: Grant) -> str:
    """Return a grant that was signed for an hour and changed to thirty days."""
    signed = sign(grant, ANNA.public_bytes, ANNA.sign)
    longer = replace(grant, until=grant.begins_at + timedelta(days=30))
    plain = json.loads(build(sign(longer, ANNA.public_bytes, ANNA.sign)))
    plain["signatures"] = json.loads(build(signed))["signatures"]
    assert urlsafe_b64decode(plain["grant"] + "==") != signed.body
    return json.dumps(plain)


async def test_edited_grant_opens_nothing(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    grant = visitor.grant(way.request)
    await visitor.keep_text(way.request, grant, edited(grant))
    assert await refused(visitor, way) == "grant-unsigned"


async def test_damaged_grant_opens_nothing(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    nothing = urlsafe_b64encode(b"{}").decode()
    text = json.dumps({"grant": nothing, "signatures": {}})
    await visitor.keep_text(way.request, visitor.grant(way.request), text)
    # The platform shows what answers the request, whatever it is.
    assert await refused(visitor, way) == "grant-invalid"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host": HostId("another")}, "grant-other"),
        ({"staff": "eve"}, "grant-other"),
        ({"scopes": frozenset({ConsentScope.FACTS})}, "grant-other"),
        ({"targets": frozenset({"127.0.0.1:22"})}, "grant-other"),
        (
            {
                "begins_at": datetime.now(UTC) - timedelta(hours=2),
                "until": datetime.now(UTC) - timedelta(hours=1),
            },
            "grant-expired",
        ),
    ],
)
async def test_grant_for_something_else_opens_nothing(
    visitor: Visitor, changes: dict[str, object], reason: str
) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request, **changes))
    assert await refused(visitor, way) == reason


@pytest.mark.parametrize(("minutes", "reason"), [(-10, "grant-early"), (10, "grant-expired")])
async def test_clock_of_the_host_that_is_off_is_named(visitor: Visitor, minutes: int, reason: str) -> None:
    def now() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=minutes)

    await visitor.begin(table(), now=now)
    way = await visitor.ask()
    short = {"until": datetime.now(UTC) + timedelta(minutes=5)}
    await visitor.keep(way.request, visitor.grant(way.request, **short))
    assert await refused(visitor, way) == reason
    assert "the host's clock says" in way.refusal["detail"]


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        ("", "consent-forbidden"),
        (table(mode="never"), "consent-forbidden"),
        (table(mode="always", staff=["eve"]), "consent-forbidden"),
        (table(mode="always", scopes=["facts"]), "consent-forbidden"),
    ],
)
async def test_hosts_policy_forbids_even_what_the_tenant_granted(
    visitor: Visitor, consent: str, reason: str
) -> None:
    await visitor.begin(consent)
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request))
    assert await refused(visitor, way) == reason


async def test_window_lets_in_without_a_grant(visitor: Visitor) -> None:
    await visitor.begin(table(mode="window", windows=["00:00-24:00"]))
    way = await visitor.connect(await visitor.ask())
    assert await way.echoes(b"hello")


async def test_two_pairs_of_eyes_are_waited_for(visitor: Visitor) -> None:
    await visitor.begin(table(ANNA, BERT, approvers=2))
    way = await visitor.ask()
    grant = visitor.grant(way.request)
    connecting = visitor.connecting(way)
    await parked(visitor)
    await visitor.keep(way.request, grant, [ANNA])
    files = ConsentFiles(visitor.stage.agent_folder)

    async def shown() -> bool:
        return any(each.grant for each in files.asked())

    await until(shown)
    assert not connecting.done()
    await visitor.keep(way.request, grant, [ANNA, BERT])
    await connecting
    assert await way.echoes(b"hello")


async def test_person_at_the_host_approves_and_takes_it_back(visitor: Visitor) -> None:
    await visitor.begin(table())
    local = LocalConsent(visitor.stage.agent_folder)
    way = await visitor.ask()
    connecting = visitor.connecting(way)
    grant = local.approve(await parked(visitor), "olga", timedelta(hours=1))
    await connecting
    assert await way.echoes(b"hello")

    revoked_at = asyncio.get_running_loop().time()
    local.revoke(grant.id)
    assert await way.end() - revoked_at < CUT_S
    [record] = await visitor.stage.records()
    assert (record.reason, record.detail) == (Reason.GRANT_REVOKED, grant.id)
    await gone(visitor)


async def test_revoking_cuts_the_session_and_the_grant_opens_nothing_more(visitor: Visitor) -> None:
    await visitor.begin(table())
    way, grant = await visitor.open()
    revoked_at = asyncio.get_running_loop().time()
    await visitor.provider.revoke_grant(MAIN, grant.id, datetime.now(UTC))
    assert await way.end() - revoked_at < CUT_S
    [record] = await visitor.stage.records()
    assert (record.reason, record.detail) == (Reason.GRANT_REVOKED, grant.id)
    await gone(visitor)
    assert await refused(visitor, Way(way.request, way.token)) == "grant-revoked"


async def test_button_of_the_portal_cuts_the_session(visitor: Visitor) -> None:
    await visitor.begin(table())
    stage, anna = visitor.stage, User(MAIN, UserId("anna"), UserName("anna"), role=Role.ADMINISTRATOR)
    await stage.store.directory.save(anna)
    cookie = f"{COOKIE}={await sign_in(stage, MAIN, anna.id, SignInKind.BROWSER)}"
    headers = [("Cookie", cookie), ("Sec-Fetch-Site", "same-origin"), ("Connection", "close")]
    way, grant = await visitor.open()

    page = await stage.wire()
    await page.ask("GET", "/admin/consent", headers)
    action = f"/admin/consent/grants/{grant.id}/revoke"
    assert f'action="{action}"' in (await page.rest()).decode()

    button = await stage.wire()
    pressed_at = asyncio.get_running_loop().time()
    answer = await button.ask("POST", action, headers)
    assert (answer.status, answer.header("location")) == (303, "/admin/consent?said=revoked")
    assert await way.end() - pressed_at < CUT_S
    [record] = await stage.records()
    assert (record.reason, record.detail) == (Reason.GRANT_REVOKED, grant.id)
    await gone(visitor)


async def test_host_was_told_so_that_a_platform_that_forgets_cannot_replay(visitor: Visitor) -> None:
    await visitor.begin(table())
    _way, grant = await visitor.open()
    await visitor.provider.revoke_grant(MAIN, grant.id, datetime.now(UTC))
    await visitor.stage.records()
    files = ConsentFiles(visitor.stage.agent_folder)

    async def known() -> bool:
        seen = files.state().grants.get(grant.id)
        return seen is not None and seen.revoked

    await until(known)
    async with visitor.stage.store._transaction() as connection:
        await connection.execute(update(grants).values(revoked_at=None))
    again = await visitor.ask()
    assert await refused(visitor, again) == "grant-revoked"


async def test_token_that_was_carried_off_is_refused_outside_of_the_providers_networks(
    visitor: Visitor,
) -> None:
    visitor.stage.provider = ProviderSettings(networks=("192.0.2.0/24",))
    await visitor.begin(table())
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request))
    assert await refused(visitor, way) == "console-outside"
    assert way.refusal["detail"] == "127.0.0.1"
    [record] = await visitor.stage.records()
    assert (record.reason, record.host_id) == (Reason.CONSOLE_OUTSIDE, None)


async def test_providers_setting_lets_consoles_in_from_outside(visitor: Visitor) -> None:
    visitor.stage.provider = ProviderSettings(outside=True, networks=("192.0.2.0/24",))
    await visitor.begin(table())
    await visitor.open()


async def test_session_is_over_with_its_grant(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    end = datetime.now(UTC) + timedelta(seconds=3)
    await visitor.keep(way.request, visitor.grant(way.request, until=end))
    await visitor.connect(way)
    assert await way.echoes(b"hello")
    await way.end()
    assert datetime.now(UTC) >= end
    [record] = await visitor.stage.records()
    assert record.reason is Reason.GRANT_EXPIRED


@pytest.mark.parametrize("what", ["staff", "suspended", "lease", "month", "token", "token-expired"])
async def test_what_the_platform_takes_away_cuts_the_session(visitor: Visitor, what: str) -> None:
    await visitor.begin(table())
    provider, now = visitor.provider, datetime.now(UTC)
    way = await visitor.ask()
    await visitor.keep(way.request, visitor.grant(way.request))
    if what == "token-expired":
        way.token = await visitor.token(way.request, timedelta(seconds=3))
    await visitor.connect(way)
    assert await way.echoes(b"hello")
    taken_at = asyncio.get_running_loop().time()
    if what == "staff":
        await provider.remove_staff(TOM)
    elif what == "suspended":
        await provider.save_terms(Terms(MAIN, suspended_at=now))
    elif what == "lease":
        await provider.save_terms(Terms(MAIN, ends_at=now))
    elif what == "month":
        await provider.save_terms(Terms(MAIN, most_bytes_month=1000))
        await provider.add_bytes(MAIN, month_of(now), 1000)
    elif what == "token":
        await visitor.stage.revoke(way.token)
    else:
        taken_at += 3
    assert await way.end() - taken_at < CUT_S
    reasons = {
        "staff": Reason.STAFF_NOT_ASSIGNED,
        "suspended": Reason.TENANT_SUSPENDED,
        "lease": Reason.TENANT_LEASE_OVER,
        "month": Reason.TENANT_LIMIT,
        "token": Reason.TOKEN_REVOKED,
        "token-expired": Reason.TOKEN_EXPIRED,
    }
    [record] = await visitor.stage.records()
    assert record.reason is reasons[what]
    await gone(visitor)


async def test_limit_of_the_month_is_noticed_while_bytes_are_moved(visitor: Visitor) -> None:
    await visitor.begin(table())
    await visitor.provider.save_terms(Terms(MAIN, most_bytes_month=1000))
    way, _ = await visitor.open()
    moved_at = asyncio.get_running_loop().time()
    assert await way.echoes(b"x" * 500)
    assert await way.end() - moved_at < CUT_S
    [record] = await visitor.stage.records()
    assert (record.reason, record.detail) == (Reason.TENANT_LIMIT, "1000 bytes a month")


async def test_moved_bytes_are_summed_for_the_tenant(visitor: Visitor) -> None:
    await visitor.begin(table())
    way, _ = await visitor.open()
    assert way.wire is not None
    await way.wire.close()
    [record] = await visitor.stage.records()

    async def summed() -> bool:
        moved = await visitor.provider.bytes_in(MAIN, month_of(datetime.now(UTC)))
        return moved == record.totals.to_client_bytes + record.totals.to_host_bytes > 0

    await until(summed)


async def test_tenants_limit_of_connections_holds(visitor: Visitor) -> None:
    await visitor.begin(table())
    await visitor.open()
    await visitor.provider.save_terms(Terms(MAIN, most_connections=1))
    way = await visitor.connect(await visitor.ask())
    assert way.refusal["reason"] == "tenant-limit"


async def test_tenant_that_denies_is_named(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    connecting = visitor.connecting(way)
    await parked(visitor)
    await visitor.provider.deny_consent(MAIN, way.request.id, "anna", datetime.now(UTC))
    await connecting
    assert way.refusal == {"reason": "consent-denied", "detail": "anna"}
    await gone(visitor)


async def test_nobody_answers(visitor: Visitor) -> None:
    visitor.stage.broker = replace(visitor.stage.broker, consent_timeout_s=1.5)
    await visitor.begin(table())
    way = await visitor.ask()
    assert await refused(visitor, way) == "consent-timed-out"
    [record] = await visitor.stage.records()
    assert record.timeline[Step.CONSENT] > 0


async def test_client_that_leaves_while_parked_leaves_nothing(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    connecting = visitor.connecting(way)
    await parked(visitor)
    connecting.cancel()
    await asyncio.gather(*(wire.close() for wire in visitor.stage._wires))
    [record] = await visitor.stage.records()
    assert record.reason is Reason.CLIENT_LEFT
    await gone(visitor)


@pytest.mark.parametrize("purpose", ["a\x1b[31mb", "a\nb", "a\u202eb", "", " "])
async def test_purpose_that_steers_a_terminal_is_never_asked(visitor: Visitor, purpose: str) -> None:
    await visitor.begin(table())
    with pytest.raises(ValueError, match="purpose"):
        await visitor.ask(purpose=purpose)


async def test_database_changed_by_hand_cannot_make_the_host_dial(visitor: Visitor) -> None:
    """Whoever owns the platform's database owns every row of it, and none of the tenant's keys."""
    stage, now = visitor.stage, datetime.now(UTC)
    stage.broker = replace(stage.broker, consent_timeout_s=1.5)
    await visitor.begin(table())
    provider = visitor.provider

    # Everything the platform itself has a say in is in order: staff, terms, a request, a token.
    way = await visitor.ask()
    grant = visitor.grant(way.request)

    # A consent key of the platform's making, registered by hand, and a grant that it has signed.
    forged = build(sign(grant, MALLORY.public_bytes, MALLORY.sign))
    async with stage.store._transaction() as connection:
        await connection.execute(
            insert(grants).values(
                tenant=MAIN,
                id=grant.id,
                request=way.request.id,
                text=forged,
                until=grant.until,
                signatures=9,
            )
        )
    assert await refused(visitor, way) == "grant-unsigned"

    # A good grant for something else, made to answer this request by hand.
    other = visitor.grant(way.request, targets=frozenset({"127.0.0.1:22"}))
    signed = build(sign(other, ANNA.public_bytes, ANNA.sign))
    async with stage.store._transaction() as connection:
        await connection.execute(update(grants).values(text=signed))
    assert await refused(visitor, way) == "grant-other"

    # A good grant for somebody else, and a request whose row says that it is theirs: the host still wants
    # the target, the scope and the time that were granted.
    theirs = visitor.grant(way.request, staff="eve", scopes=frozenset({ConsentScope.FACTS}))
    async with stage.store._transaction() as connection:
        await connection.execute(
            update(grants).values(text=build(sign(theirs, ANNA.public_bytes, ANNA.sign)))
        )
        await connection.execute(update(consent_requests).values(staff="eve"))
        await connection.execute(update(connection_tokens).values(user="eve"))
    assert await refused(visitor, way) == "grant-other"

    # No grant at all, and a request that says it was approved.
    async with stage.store._transaction() as connection:
        await connection.execute(grants.delete())
        await connection.execute(update(consent_requests).values(staff="tom", role="provider-administrator"))
        await connection.execute(update(connection_tokens).values(user="tom"))
    assert await refused(visitor, way) == "consent-timed-out"

    # The visit dressed up as a user's: a resource, an assignment and a token, all made by hand.
    await stage.publish()
    assert stage.desktop.sessions == 0
    with pytest.raises(TunnelRefused):
        await Client.connect(await stage.wire(), await stage.token(), "office")
    reasons = [record.reason for record in await stage.records(5)]
    assert Reason.AGENT_REFUSED in reasons
    assert stage.desktop.sessions == 0
    assert await provider.bytes_in(MAIN, month_of(now)) == 0


async def test_host_that_was_away_hears_what_was_revoked_meanwhile(visitor: Visitor) -> None:
    await visitor.begin(table())
    way = await visitor.ask()
    grant = await visitor.keep(way.request, visitor.grant(way.request))
    await visitor.stage.stop_agent()
    await visitor.provider.revoke_grant(MAIN, grant.id, datetime.now(UTC))
    await visitor.stage.start_agent()
    files = ConsentFiles(visitor.stage.agent_folder)

    async def known() -> bool:
        return grant.id in files.state().revoked

    await until(known)
