"""Events are values."""

from dialback.console.connecting import Step
from tests.console.window.things import visit


def test_visit_has_ended_when_nothing_of_it_runs() -> None:
    assert visit(step=Step.ENDED).has_ended
    assert not visit(step=Step.CONNECTED).has_ended
    assert visit() == visit()
