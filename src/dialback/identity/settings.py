"""Settings of signing in."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """The `[sign_in]` table of the settings file.

    Attributes:
        browser_hours: hours after which a browser must sign in again, used or not.
        idle_minutes: minutes without a request after which a browser must sign in again.
        feed_hours: hours for which a subscribed client's feed token is good.
        cli_days: days after which the command line must sign in again.
        invitation_hours: hours for which an invitation link is good.
        device_code_minutes: minutes a command line waits to be let in.
        allowed_failures: the wrong password or code in a row that locks a user first.
        lock_minutes: minutes of the first lock; each further failure doubles them.
        longest_lock_minutes: minutes that no lock exceeds.
        address_failures: wrong attempts from one network address within a quarter of an hour after which it
            must wait, whatever users it names; and codes it may begin for command lines in that time.
        passwords_at_once: passwords that are checked at the same time; each takes 64 MiB of memory.
    """

    browser_hours: Annotated[float, Field(gt=0, le=720)] = 12
    idle_minutes: Annotated[float, Field(ge=5, le=43200)] = 60
    feed_hours: Annotated[float, Field(gt=0, le=24)] = 1
    cli_days: Annotated[float, Field(gt=0, le=365)] = 30
    invitation_hours: Annotated[float, Field(gt=0, le=720)] = 72
    device_code_minutes: Annotated[float, Field(ge=1, le=60)] = 15
    allowed_failures: Annotated[int, Field(ge=3, le=100)] = 5
    lock_minutes: Annotated[float, Field(gt=0, le=1440)] = 1
    longest_lock_minutes: Annotated[float, Field(gt=0, le=1440)] = 60
    address_failures: Annotated[int, Field(ge=5, le=100000)] = 100
    passwords_at_once: Annotated[int, Field(ge=1, le=64)] = 2
