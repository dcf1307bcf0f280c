"""Doctor: what could keep this server from working, each with what to do.

Each check is a function from facts to findings; `examine` fetches the facts. Nothing is changed but what a
start of the server would change too: a certificate near its end is renewed, an old schema brought up to date.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from dialback.app.certificates import Certificates, server_certificates
from dialback.app.files import signing_key
from dialback.app.settings import FILE_NAME, Settings, load_settings, public_address, split_address, store_url
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.hosts import Host
from dialback.identity.certificates import WARN_DAYS, CertificateFacts, CertificateProblem, certificate_facts
from dialback.identity.oidc.settings import OidcSettings
from dialback.settings.file import SettingsProblem
from dialback.store.open import open_store
from dialback.transport.dial import DialFailed, dial_tls
from dialback.transport.tls import client_context
from dialback.web.feed.addresses import host_of, txt_record
from dialback.web.signin_providers import callback_of
from dialback.wire.errors import WireError
from dialback.wire.head import ResponseHead, ResponseReader, build_request

DIAL_S = 5
MOST_CLOCK_OFF_S = 120
MEND = "Mend what is named, then run this again."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `ok`, what was seen, and what to do if it is not well."""

    check: str
    ok: bool
    seen: str
    advice: str = ""


async def examine(folder: Path) -> list[Finding]:
    """Look at everything and return what was found, in the order in which it should be mended."""
    if not (folder / FILE_NAME).exists():
        advice = "Start `dialback serve` first, or name its data folder with --data."
        return [Finding("data folder", False, f"no server was ever started in {folder}", advice)]
    try:
        settings = load_settings(folder)
    except SettingsProblem as error:
        return [
            Finding(
                "settings", False, str(error), "Correct the settings file; docs/settings.md has every key."
            )
        ]
    findings = [Finding("settings", True, f"{folder}")]
    findings += check_discovery(public_address(settings))
    findings += check_providers(public_address(settings), settings.oidc)
    certificates = None
    try:
        certificates = server_certificates(folder, settings)
        name, _ = split_address(public_address(settings))
        findings += check_certificate(certificate_facts(certificates.certificate), name, datetime.now(UTC))
        findings.append(check_publisher(signing_key(folder, settings).facts, datetime.now(UTC)))
    except CertificateProblem as error:
        findings.append(Finding("certificate", False, str(error), MEND))
    if certificates is not None:
        findings += await _check_port(settings, certificates)
    findings += await _check_store(folder, settings)
    return findings


def check_certificate(facts: CertificateFacts, name: str, now: datetime) -> Iterator[Finding]:
    """Check that the certificate carries the public name and lives for a while."""
    listed = ", ".join(facts.names)
    yield Finding(
        "certificate name",
        name_matches(name, facts.names),
        f"{name} is to be among {listed}",
        f"Use a certificate with {name} as subject alternative name, or change server.address.",
    )
    days = facts.days_left(now)
    yield Finding(
        "certificate life",
        days >= WARN_DAYS,
        f"{days} days left",
        "Restart the server to renew its own certificate, or put a new one in place.",
    )


def check_publisher(facts: CertificateFacts, now: datetime) -> Finding:
    """Check that the certificate connection files are signed with lives for a while."""
    days = facts.days_left(now)
    return Finding(
        "publisher certificate life",
        days >= WARN_DAYS,
        f"{days} days left",
        "Plan its renewal, `dialback publisher --renew`: policies on Windows clients list its thumbprint.",
    )


def check_discovery(address: str) -> Iterator[Finding]:
    """Spell out the DNS record by which clients find the feed from an e-mail address.

    Nothing is asked of DNS: whose mail domain it is that people have, this server does not know. The one that
    is named is the server's own name without its first label.
    """
    domain = host_of(address).partition(".")[2]
    with contextlib.suppress(ValueError):
        # The last label of a name is never all digits; that of an IPv4 address is.
        if domain and ":" not in domain and not domain.rpartition(".")[2].isdigit():
            yield Finding("e-mail discovery", True, f"optional DNS record: {txt_record(address, domain)}")


def check_providers(address: str, providers: Sequence[OidcSettings]) -> Iterator[Finding]:
    """Spell out what is to be registered at each OpenID provider; none of them is asked."""
    for provider in providers:
        redirect = callback_of(address, provider.name)
        yield Finding(f"sign-in provider {provider.name}", True, f"redirect address to register: {redirect}")


def name_matches(name: str, names: Sequence[str]) -> bool:
    """Say whether a name is covered by a certificate's names; a wildcard covers one label."""
    wanted = name.casefold()
    wildcard = "*." + wanted.partition(".")[2]
    return any(each.casefold() in (wanted, wildcard) for each in names)


def check_clock(server: datetime, here: datetime) -> Finding:
    """Check that the server's answer and this machine agree on the time."""
    off_s = abs((server - here).total_seconds())
    return Finding(
        "clock",
        off_s <= MOST_CLOCK_OFF_S,
        f"{off_s:.0f} s off",
        "Set the clock by NTP: tokens and certificates live by it.",
    )


def check_hosts(hosts: Sequence[Host]) -> Iterator[Finding]:
    """Check that every enrolled host has its link, and that its RDP server answers over TLS."""
    standing = [host for host in hosts if host.revoked_at is None]
    if not standing:
        yield Finding("hosts", True, "none enrolled yet")
    for host in standing:
        yield Finding(
            f"host {host.name}",
            host.link_up,
            "agent link up" if host.link_up else "agent link down",
            "Start `dialback agent run` on it, and check that it can reach the server's address.",
        )
        for server in host.report.rdp_servers if host.link_up and host.report else ():
            secure = server.answers and server.security != "rdp"
            yield Finding(
                f"host {host.name}, {server.target}",
                secure,
                f"{server.security} {server.tls_version}" if server.answers else server.problem,
                "Start the RDP server, or set it to TLS or NLA.",
            )


async def _check_port(settings: Settings, certificates: Certificates) -> list[Finding]:
    address = public_address(settings)
    name, port = split_address(address)
    try:
        answer = await _ask(name, port, certificates)
    except (DialFailed, WireError, OSError) as error:
        return [
            Finding(
                "port",
                False,
                str(error) or f"no answer within {DIAL_S} s",
                f"Start `dialback serve`; clients and agents must reach {address} by name.",
            )
        ]
    findings = [Finding("port", answer.status == 200, f"{address} answers with status {answer.status}")]
    with contextlib.suppress(TypeError, ValueError):
        findings.append(check_clock(parsedate_to_datetime(answer.header("date") or ""), datetime.now(UTC)))
    return findings


async def _ask(name: str, port: int, certificates: Certificates) -> ResponseHead:
    leg = await dial_tls(name, port, client_context(certificates.ca_pem), timeout_s=DIAL_S)
    try:
        leg.send(build_request("GET", "/health", [("Host", name), ("Connection", "close")]))
        reader = ResponseReader()
        async with asyncio.timeout(DIAL_S):
            while data := await leg.receive():
                if (answer := reader.feed(data)) is not None:
                    return answer
    finally:
        leg.abort()
    raise WireError("expected an answer to /health, got none")


async def _check_store(folder: Path, settings: Settings) -> list[Finding]:
    try:
        store = await open_store(store_url(folder, settings))
    except StoreUnavailable as error:
        return [Finding("database", False, str(error), MEND)]
    try:
        revision = await store.check()
        return [Finding("database", True, f"schema {revision}"), *check_hosts(await store.all_hosts())]
    except StoreUnavailable as error:
        return [Finding("database", False, str(error), MEND)]
    finally:
        await store.close()
