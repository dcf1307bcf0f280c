from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.sessions import Stage
from dialback.web.portal.timelines import LEAST, NEVER_OPEN, TITLES, WIDTH, bars_of

durations = st.dictionaries(st.sampled_from(list(Stage)), st.floats(0, 1e9))


def test_every_stage_has_a_title() -> None:
    assert set(Stage) <= set(TITLES)


def test_bars_stand_in_the_order_of_stages() -> None:
    bars = bars_of({Stage.DIAL: 3.0, Stage.TLS: 1.0})
    assert [bar.stage for bar in bars] == [Stage.TLS, Stage.DIAL]


def test_time_in_use_is_said_and_not_drawn() -> None:
    bars = bars_of({Stage.FIRST_BYTE: 1.0, Stage.END: 1e7})
    assert [(bar.ms, bar.width) for bar in bars] == [(1.0, WIDTH), (1e7, 0.0)]
    assert bars[-1].title == "In use"


def test_connection_that_was_never_open_was_not_in_use() -> None:
    (_, end) = bars_of({Stage.TLS: 1.0, Stage.END: 24_200.0})
    assert (end.title, end.ms) == (NEVER_OPEN, 24_200.0)


@given(durations)
def test_drawn_bars_fill_the_picture_without_gaps(timeline: dict[Stage, float]) -> None:
    drawn = [bar for bar in bars_of(timeline) if bar.stage is not Stage.END]
    end = 0.0
    for bar in drawn:
        assert abs(bar.begin - end) < 0.1
        assert bar.width >= LEAST
        end = bar.begin + bar.width
    assert not drawn or abs(end - WIDTH) < 0.1
