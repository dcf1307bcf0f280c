from dialback.domain.sessions import Stage
from dialback.observe.timeline import Timeline


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_stage_lasts_from_the_end_of_the_one_before() -> None:
    clock = Clock()
    timeline = Timeline(clock, 99.0)
    timeline.mark(Stage.TLS, 99.5)
    timeline.mark(Stage.HEAD)
    clock.now = 102.0
    timeline.mark(Stage.ADMIT)
    assert timeline.durations_ms() == {Stage.TLS: 500, Stage.HEAD: 500, Stage.ADMIT: 2000}
    assert list(timeline.durations_ms()) == [Stage.TLS, Stage.HEAD, Stage.ADMIT]


def test_stage_marked_twice_adds_up() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    clock.now = 101.0
    timeline.mark(Stage.HANDSHAKE)
    timeline.mark(Stage.ADMIT)
    clock.now = 103.0
    timeline.mark(Stage.HANDSHAKE)
    assert timeline.durations_ms() == {Stage.HANDSHAKE: 3000, Stage.ADMIT: 0}


def test_no_duration_is_negative_and_the_answer_is_a_copy() -> None:
    timeline = Timeline(Clock())
    timeline.mark(Stage.TLS, 50.0)
    timeline.durations_ms().clear()
    assert timeline.durations_ms() == {Stage.TLS: 0}
