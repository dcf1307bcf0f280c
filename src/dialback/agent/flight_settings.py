"""Settings of a host's copies of flight records."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class FlightSettings:
    """Settings of this host's copies of flight records, the table `[flights]`.

    Attributes:
        keep_days: days for which a copy is kept.
        most_mb: megabytes of all copies together; of more, the oldest are removed.
    """

    keep_days: Annotated[int, Field(ge=1, le=36500)] = 365
    most_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 200
