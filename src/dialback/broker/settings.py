"""Settings of the broker role."""

from dataclasses import dataclass
from typing import Annotated

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
    """

    heartbeat_s: Annotated[int, Field(ge=1, lt=30)] = 20
    hello_deadline_s: Seconds = 10
    dial_deadline_s: Seconds = 15
    keep_records_days: Annotated[int, Field(ge=1, le=36500)] = 90
