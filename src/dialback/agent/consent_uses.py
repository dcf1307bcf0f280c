"""One use of a grant is one visit: the legs of a request for as long as they follow one another.

RDP clients open several tunnels for one action: a look at the certificate, a credential prompt, a reconnect.
So the first leg of a request takes a use, and further legs of the very same request take none while one of
them stands, or within `REST_S` after the last has ended. Only grants of limited uses are kept here.

What goes on is known in memory alone, by a clock that nobody sets: after a restart of the agent nothing goes
on any more, and the uses that were taken, which are on the disk, stay taken.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from dialback.domain.consent import ConsentRequest, Grant
from dialback.domain.ids import GrantId

REST_S = 30.0
"""How long after its last leg a visit may go on without a new use."""
Key = tuple[GrantId, ConsentRequest]


@dataclass(slots=True)
class _Going:
    """A visit that goes on: its legs, and, while there are none, since when."""

    legs: int = 0
    ended_at: float = 0.0


class GoingVisits:
    """The visits that have taken a use which they may go on with; `clock` is in monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._going: dict[Key, _Going] = {}

    def goes_on(self, grant: Grant, request: ConsentRequest) -> bool:
        """Say whether the request has taken a use of the grant that it may go on with."""
        going = self._going.get((grant.id, request))
        return going is not None and self._holds(going)

    def begin(self, grant: Grant, request: ConsentRequest) -> None:
        """Note a leg of the request, whose use is taken."""
        self._going = {key: going for key, going in self._going.items() if self._holds(going)}
        if grant.uses:
            self._going.setdefault((grant.id, request), _Going()).legs += 1

    def end(self, grant: Grant, request: ConsentRequest) -> None:
        """Note the end of a leg that has begun."""
        going = self._going.get((grant.id, request))
        if going is not None:
            going.legs -= 1
            going.ended_at = self._clock()

    def _holds(self, going: _Going) -> bool:
        return going.legs > 0 or self._clock() < going.ended_at + REST_S
