"""A recorder that keeps what it is told."""

from dialback.domain.audit import AuditEntry, Recorder


class KeptEntries(Recorder):
    """What was noted, in order."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    @property
    def actions(self) -> list[str]:
        return [entry.action for entry in self.entries]
