"""Settings of the broker role."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The `[broker]` table of the settings file.

    Attributes:
        heartbeat_s: seconds between an agent's heartbeats, below 30.
        hello_deadline_s: seconds an agent has to answer the challenge.
        dial_deadline_s: seconds an agent has to answer an order to dial.
        keep_records_days: days for which the record of an ended connection is kept.
    """

    heartbeat_s: int = 20
    hello_deadline_s: float = 10
    dial_deadline_s: float = 15
    keep_records_days: int = 90
