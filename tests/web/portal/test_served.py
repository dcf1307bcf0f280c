"""Tenants, their hosts and links, as staff of the provider see them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.console.window.links import MAX_LINK_CHARS, Link, parse_link
from dialback.domain.consent import ConsentRequest, ConsentScope, ConsentState
from dialback.domain.hosts import DEFAULT_TARGET, Host
from dialback.domain.ids import HostId, TenantId, UserId
from dialback.domain.provider import Staff, StaffRole, Terms
from dialback.domain.tenancy import Tenant
from dialback.web.consents import Known
from dialback.web.portal.served import TenantShown, console_link, search, tenant_shown, with_asked
from tests.web.portal.stage import HOSTILE, NOW

ACME = TenantId("acme")
TECHNICIAN = Staff(UserId("tess"), StaffRole.TECHNICIAN, frozenset({ACME}))


def host(id: str, name: str = "blue", **more: object) -> Host:
    made = Host(HostId(id), name, b"k" * 32, NOW, tenant=ACME)
    return replace(made, **more)  # type: ignore[arg-type]


def shown(*hosts: Host, staff: Staff = TECHNICIAN, terms: Terms | None = None) -> TenantShown:
    return tenant_shown(Tenant(ACME, "Acme AG"), terms or Terms(ACME), hosts, staff, NOW)


@pytest.mark.parametrize("id", ["h1", "a/b?c=d#e&f", "100%41", HOSTILE, "\x1b[2J", "a b+c", "../.."])
def test_link_is_read_by_the_console_as_it_was_meant(id: str) -> None:
    link = console_link(ACME, HostId(id))
    assert link.isascii()
    assert not set('"<>& \x1b') & set(link)
    if id.isprintable():
        assert parse_link(link) == Link(f"acme/{id}")


def test_hosts_of_one_name_have_links_of_their_own_whatever_the_name_is() -> None:
    hosts = [host("h1", HOSTILE), host("h2", HOSTILE), host("h3", "\U0001f5a5" * 253)]
    links = [each.link for each in shown(*hosts).hosts]
    assert [parse_link(link).where for link in links] == ["acme/h1", "acme/h2", "acme/h3"]
    assert all(len(link) < MAX_LINK_CHARS for link in links)


def test_hosts_are_the_tenants_own_that_are_not_revoked_by_name() -> None:
    hosts = [
        host("h1", "Zinc"),
        host("h2", "amber"),
        host("h3", revoked_at=NOW),
        host("h4", tenant=TenantId("main")),
    ]
    assert [each.name for each in shown(*hosts).hosts] == ["amber", "Zinc"]


@pytest.mark.parametrize(
    ("staff", "terms", "why"),
    [
        (replace(TECHNICIAN, role=StaffRole.AUDITOR), Terms(ACME), "An auditor reaches no host."),
        (Staff(UserId("pia"), StaffRole.ADMINISTRATOR), Terms(ACME), "You are not assigned"),
        (TECHNICIAN, Terms(ACME, suspended_at=NOW), "The tenant is suspended"),
        (TECHNICIAN, Terms(ACME, ends_at=NOW), "it ended 2026-03-01"),
    ],
)
def test_whoever_may_not_reach_a_host_is_told_why_and_given_no_link(
    staff: Staff, terms: Terms, why: str
) -> None:
    found = shown(host("h1"), staff=staff, terms=terms)
    assert why in found.refusal
    assert [each.link for each in found.hosts] == [""]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["blue-01", "red-01"]),
        ("ACME", ["blue-01", "red-01"]),
        ("acme blue", ["blue-01"]),
        ("h2", ["red-01"]),
        ("green", []),
    ],
)
def test_search_finds_tenants_with_all_hosts_and_single_hosts(query: str, names: list[str]) -> None:
    tenants = [shown(host("h1", "blue-01"), host("h2", "red-01"))]
    assert [each.name for tenant in search(tenants, query) for each in tenant.hosts] == names


def known(id: str, state: ConsentState, **more: object) -> Known:
    scope, target = ConsentScope.DESKTOP, DEFAULT_TARGET
    request = ConsentRequest(id, ACME, HostId("h1"), "tess", "technician", scope, target, "printer", NOW, "")
    return Known(replace(request, **more), state, None, None)  # type: ignore[arg-type]


def test_newest_of_what_was_asked_of_a_host_is_shown() -> None:
    asked = [known("r2", ConsentState.WAITING), known("r1", ConsentState.DENIED, purpose="disk")]
    (found,) = with_asked(shown(host("h1")), asked, NOW).hosts
    assert found.asked is not None
    assert (found.asked.state, found.asked.purpose) == (ConsentState.WAITING, "printer")


@pytest.mark.parametrize(
    ("state", "is_shown"),
    [(ConsentState.GRANTED, True), (ConsentState.REVOKED, False), (ConsentState.DENIED, False)],
)
def test_answer_of_days_ago_is_shown_while_it_lets_somebody_in(state: ConsentState, is_shown: bool) -> None:
    asked = [known("r1", state, asked_at=NOW - timedelta(days=3))]
    (found,) = with_asked(shown(host("h1")), asked, NOW).hosts
    assert (found.asked is not None) is is_shown
