"""How long nobody may try another password: nothing for the first mistakes, then twice as long each time."""

from datetime import timedelta


def locked_for(failures: int, allowed: int, shortest: timedelta, longest: timedelta) -> timedelta:
    """Return how long to refuse every attempt after this many in a row have failed; zero for not at all.

    Args:
        allowed: the failure that locks first.
    """
    if failures < allowed:
        return timedelta(0)
    # Bounded before it is raised: the count of an attacked name grows without end.
    doublings = min(failures - allowed, 20)
    return min(shortest * (1 << doublings), longest)
