"""What people do on pages, noted in the audit log under their name and address."""

from collections.abc import Callable
from datetime import datetime

from fastapi import Request

from dialback.domain.accounts import Person
from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.ids import TenantId, UserName
from dialback.web.origin import peer_of


class Notes:
    """Writes what somebody at a browser did, or was refused."""

    def __init__(self, recorder: Recorder, now: Callable[[], datetime]) -> None:
        self._recorder = recorder
        self._now = now

    def did(self, request: Request, person: Person, action: str, subject: str = "", detail: str = "") -> None:
        """Note what a person did."""
        user = person.user
        self.note(request, user.tenant, user.name, action, subject, detail)

    def note(
        self,
        request: Request,
        tenant: TenantId,
        name: UserName | str,
        action: str,
        subject: str = "",
        detail: str = "",
        *,
        allowed: bool = True,
    ) -> None:
        """Note what somebody of that name did, or was not allowed to."""
        actor = Actor(ActorKind.USER, name, peer_of(request))
        self._recorder.note(AuditEntry(tenant, self._now(), actor, action, subject, detail, allowed))
