from dialback.agent.backoff import Backoff


def test_ceiling_doubles_up_to_the_most() -> None:
    backoff = Backoff(10, lambda: 1.0)

    assert [backoff.next_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_wait_is_drawn_from_zero_to_the_ceiling() -> None:
    draws = iter([0.0, 0.5, 0.25])
    backoff = Backoff(10, lambda: next(draws))

    assert [backoff.next_s() for _ in range(3)] == [0, 1, 1]


def test_reset_begins_anew() -> None:
    backoff = Backoff(10, lambda: 1.0)
    for _ in range(4):
        backoff.next_s()

    backoff.reset()

    assert backoff.next_s() == 1


def test_most_below_a_second_is_the_first_ceiling() -> None:
    assert Backoff(0.5, lambda: 1.0).next_s() == 0.5
