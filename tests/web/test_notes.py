from starlette.requests import Request

from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.tenancy import MAIN
from dialback.web.notes import Notes
from tests.broker.stores import NOW
from tests.web.portal.stage import Recorded
from tests.web.test_people import Knows

REQUEST = Request({"type": "http", "client": ("192.0.2.7", 5), "headers": []})


def test_person_is_named_with_their_address() -> None:
    recorded = Recorded()
    Notes(recorded, lambda: NOW).did(REQUEST, Knows().person, "user.invite", "user:u2", "ben")
    actor = Actor(ActorKind.USER, "anna", "192.0.2.7")
    assert recorded.entries == [AuditEntry(MAIN, NOW, actor, "user.invite", "user:u2", "ben")]


def test_refusal_is_noted_as_one() -> None:
    recorded = Recorded()
    Notes(recorded, lambda: NOW).note(REQUEST, MAIN, "eve", "sign-in.refused", allowed=False)
    assert [entry.allowed for entry in recorded.entries] == [False]
