"""A cache whose values together stay below a size; what was used longest ago goes first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Keeps values by key; `weigh` says what each counts, and together they count `most` at most."""

    def __init__(self, most: int, weigh: Callable[[V], int]) -> None:
        self._most = most
        self._weigh = weigh
        self._kept: OrderedDict[K, V] = OrderedDict()
        self.weight = 0

    def get(self, key: K) -> V | None:
        """Return what is kept under the key."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def put(self, key: K, value: V) -> None:
        """Keep the value in place of an older one of the key; one that is too heavy alone is not kept."""
        self.drop(key)
        weight = self._weigh(value)
        if weight > self._most:
            return
        self._kept[key] = value
        self.weight += weight
        while self.weight > self._most:
            _, oldest = self._kept.popitem(last=False)
            self.weight -= self._weigh(oldest)

    def drop(self, key: K) -> None:
        """Forget what is kept under the key."""
        if key in self._kept:
            self.weight -= self._weigh(self._kept.pop(key))
