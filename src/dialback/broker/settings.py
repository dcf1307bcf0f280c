"""Settings of the broker role."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dialback.settings.file import Seconds


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The `[broker]` table of the settings file.

    Attributes:
        heartbeat_s: seconds between an agent's heartbeats, below 30 because middleboxes forget idle
            connections; after two and a half of them a silent agent's link is ended.
        hello_deadline_s: seconds an agent has to answer the challenge.
        dial_deadline_s: seconds an agent has to answer an order to dial.
        keep_records_days: days for which the record of an ended connection is kept.
        keep_audit_days: days for which the audit log, consent that is over and flight records are kept.
        ticket_sign_in_hours: hours for which a sign-in from the client's address is enough for a resource
            ticket; after them the connection waits for the user's approval.
        approvals_per_user: connections of a user that may wait for approval; of more, the oldest is refused.
        consent_timeout_s: seconds for which a visit of the provider waits for its tenant's consent.
        disabled_user: whether open connections of a user who was disabled or removed are cut or kept.
        record_flights: whose connections have a flight record: those of the provider's staff, or all.
        wake_tenants: tenants whose start-on-connect hooks may run commands here, or call the loopback.
    """

    heartbeat_s: Annotated[int, Field(ge=1, lt=30)] = 20
    hello_deadline_s: Seconds = 10
    dial_deadline_s: Seconds = 15
    keep_records_days: Annotated[int, Field(ge=1, le=36500)] = 90
    keep_audit_days: Annotated[int, Field(ge=1, le=36500)] = 365
    ticket_sign_in_hours: Annotated[float, Field(ge=0, le=8760, allow_inf_nan=False)] = 24
    approvals_per_user: Annotated[int, Field(ge=1, le=1000)] = 20
    consent_timeout_s: Seconds = 600
    disabled_user: Literal["cut", "keep"] = "cut"
    record_flights: Literal["provider", "all"] = "provider"
    wake_tenants: tuple[str, ...] = ("main",)
