"""Texts of the window: steps and failures as sentences, and how texts of others are made harmless.

Whatever came from a tenant or its host goes through `safe` on its way to the screen: controls and direction
marks are escaped. Widgets that could take a text for HTML are told that it is none; where that is not
possible (the hints that pop up), such texts are not used.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dialback.console.connecting import Step
from dialback.console.window.tree import State
from dialback.domain.consent import MAX_PURPOSE_CHARS
from dialback.domain.errors import SENTENCES, Refused
from dialback.domain.names import check_name, check_text
from dialback.observe.log import escape
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.version import shown_versions

TEXT_CHARS = 400
_UNITS = ("bytes", "kB", "MB", "GB", "TB")

STEPS = {
    Step.ASKING: "Asking for access",
    Step.REACHING: "Waiting for the host and its tenant's consent",
    Step.PROVING: "Looking at the host's certificate",
    Step.PROVEN: "Starting the RDP client",
    Step.CONNECTED: "Connected",
    Step.ENDED: "Ended",
}
STATES = {
    State.UP: "Up",
    State.FAILING: "Up, with failing checks",
    State.DOWN: "No agent link",
    State.SUSPENDED: "Tenant suspended",
    State.EMPTY: "No hosts",
}


def safe(text: str, limit: int = TEXT_CHARS) -> str:
    """Return a text of somebody else for a widget that shows plain text."""
    return escape(text, limit)


def in_menu(text: str, limit: int = 80) -> str:
    """Return it for a menu or a button, where `&` would mark a key."""
    return safe(text, limit).replace("&", "&&")


def in_title(text: str) -> str:
    """Return it for a window's title, where `[*]` would mark what is not saved."""
    return safe(text, 120).replace("[*]", "[*][*]")


def sentence_of(error: BaseException) -> str:
    """Return what failed as a sentence for the technician."""
    if isinstance(error, Refused):
        parts = (SENTENCES[error.reason], error.detail)
        return safe(" ".join(part for part in parts if part), 1000)
    if isinstance(error, OSError) and error.strerror:
        return safe(f"{error.strerror}.", 1000)
    return safe(str(error) or type(error).__name__, 1000)


def versions_differ(place: str, console: VersionRange, agent: VersionRange) -> str:
    """Return the warning about a host that this console cannot manage."""
    return (
        f"This console speaks protocol {shown_versions(console)}, the agent on {safe(place)} speaks protocol "
        f"{shown_versions(agent)}. They cannot manage each other; update whichever is older. "
        "A remote desktop needs no equal versions."
    )


def bytes_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} bytes" if not unit else f"{value:.1f} {_UNITS[unit]}"


def instant_text(at: datetime | None) -> str:
    """Return an instant in this machine's time, seconds included; a dash for none."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def value_text(value: object) -> str:
    """Return any value for a widget that shows plain text."""
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, timedelta):
        return str(value)
    return safe(str(value))


def pairs(fingerprint: str) -> str:
    """Return a fingerprint in capital pairs, as certificate windows show it, sixteen on a line."""
    capital = safe(fingerprint, 128).upper()
    found = [capital[at : at + 2] for at in range(0, len(capital), 2)]
    return "\n".join(":".join(found[at : at + 16]) for at in range(0, len(found), 16))


def listed(words: Sequence[str], empty: str = "none") -> str:
    """Return words as a list for people."""
    return safe(", ".join(words)) or empty


def purpose_problem(purpose: str, ticket_number: str) -> str:
    """Return why the platform would not take them; empty if it does."""
    if not purpose.strip():
        return "Say why: the tenant reads it before consenting, and it is kept."
    try:
        check_name(purpose.strip(), "purpose", MAX_PURPOSE_CHARS)
        check_text(ticket_number.strip(), "ticket number", 100)
    except ValueError as error:
        return safe(str(error))
    return ""
