"""A host with a consent policy, keys of its tenant, and the orders that a platform gives it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dialback.agent.consent import HostConsent, Visit
from dialback.agent.consent_files import ConsentFiles
from dialback.agent.settings import ConsentSettings
from dialback.domain.consent import ConsentScope, Grant
from dialback.domain.ids import GrantId, HostId, TenantId
from dialback.identity.grants import SignedGrant, build, sign
from dialback.identity.host_keys import HostKey
from dialback.wire.agent.messages import ConsentOrder, Dial

HOST, TARGET = HostId("host-1"), "127.0.0.1:3389"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday, at noon."""
ANNA, BERT, MALLORY = HostKey.generate(), HostKey.generate(), HostKey.generate()
GRANT = Grant(
    id=GrantId("g1"),
    tenant=TenantId("acme"),
    host=HOST,
    staff="tom",
    scopes=frozenset({ConsentScope.DESKTOP}),
    targets=frozenset({TARGET}),
    purpose="the printer",
    begins_at=NOW,
    until=NOW + timedelta(hours=1),
    approved_by="anna",
)


def signed(grant: Grant = GRANT, keys: Sequence[HostKey] = (ANNA,)) -> str:
    """Return the text of the grant, signed by each of the keys."""
    made: SignedGrant | None = None
    for key in keys:
        made = sign(grant, key.public_bytes, key.sign, made)
    assert made is not None
    return build(made)


def order(grant: str | None = None, *, target: str = TARGET, users: bool = False, **claims: Any) -> Dial:
    """Return an order to dial; what it says of the request can be changed."""
    said = {
        "request_id": "r1",
        "tenant": "acme",
        "staff": "tom",
        "role": "technician",
        "scope": "desktop",
        "purpose": "the printer",
        "asked_at": NOW,
        "grant": grant,
    }
    return Dial(
        connection_id="c1",
        gateway="gw:443",
        certificate_sha256="ab" * 32,
        ticket="t1cket",
        target=target,
        user="provider\\tom",
        consent=None if users else ConsentOrder(**{**said, **claims}),
    )


class Agent:
    """One agent's consent, on a folder that outlives it."""

    def __init__(self, folder: Path, settings: ConsentSettings | None) -> None:
        self.folder = folder
        self.settings = settings
        self.now = NOW
        self.clock_s = 0.0
        self.restart()

    def restart(self) -> None:
        self.consent = HostConsent(
            ConsentFiles(self.folder), HOST, self.settings, lambda: self.now, lambda: self.clock_s
        )

    def judge(self, asked: Dial) -> Visit:
        visit = self.consent.judge(asked)
        assert visit is not None
        return visit


def asking(**changes: Any) -> ConsentSettings:
    """Return settings of a host that trusts anna's key and wants a grant."""
    return replace(ConsentSettings(keys=(ANNA.public_bytes.hex(),)), **changes)
