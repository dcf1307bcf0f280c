"""Which records of connections are wanted, and where a page of them goes on. Pure.

Records stand newest first. A cursor names the last one of a page by instant and id, so that what is opened or
forgotten meanwhile moves no other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from dialback.domain.directory import CursorInvalid, cursor_of, key_at
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, UserName
from dialback.domain.sessions import ConnectionRecord


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """What a record has to be: of one of the users, and so on. What is empty is not asked for."""

    users: frozenset[UserName] = frozenset()
    resource: ResourceName | None = None
    host: HostId | None = None
    reason: Reason | None = None
    is_open: bool = False

    def wants(self, record: ConnectionRecord) -> bool:
        """Say whether the record is wanted."""
        return (
            (not self.users or record.user in self.users)
            and self.resource in (None, record.resource)
            and self.host in (None, record.host_id)
            and self.reason in (None, record.reason)
            and (not self.is_open or record.ended_at is None)
        )


EVERY_RECORD = RecordFilter()


def users_of(*names: UserName | None) -> frozenset[UserName]:
    """Return the names for a filter; None is nobody in particular."""
    return frozenset(name for name in names if name is not None)


def cursor_after(opened_at: datetime, id: str) -> str:
    """Return the cursor of the page that begins after the record of that id, opened at that instant."""
    return cursor_of(f"{opened_at.astimezone(UTC).isoformat()}\n{id}")


def place_of(cursor: str) -> tuple[datetime, ConnectionId]:
    """Return instant and id of the record after which the page begins; raise `CursorInvalid` if none."""
    instant, _, id = key_at(cursor).partition("\n")
    try:
        return datetime.fromisoformat(instant).astimezone(UTC), ConnectionId(id)
    except (ValueError, OverflowError):
        raise CursorInvalid("the cursor is damaged; begin with the first page") from None
