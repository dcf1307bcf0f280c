"""Flight records on one agent link: who waits for the agent's answers about them."""

import asyncio
from collections.abc import Callable

from dialback.broker.countersign import FlightAnswer, LinkGone
from dialback.domain.ids import ConnectionId

ANSWER_S = 15.0


class FlightWaiters:
    """Those who have told entries over a link, and wait for what the agent says to them."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[FlightAnswer]] = {}

    async def ask(
        self, id: ConnectionId, send: Callable[[], None], deadline_s: float = ANSWER_S
    ) -> FlightAnswer:
        """Send, and return the agent's answer about the connection.

        Raises:
            LinkGone: there is no answer in time, or the link has ended.
        """
        answer: asyncio.Future[FlightAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[id] = answer
        try:
            send()
            async with asyncio.timeout(deadline_s):
                return await answer
        except TimeoutError as error:
            raise LinkGone(f"the agent did not answer within {deadline_s:g} s") from error
        finally:
            del self._waiting[id]

    def answer(self, answer: FlightAnswer) -> None:
        """Give the agent's answer to whoever waits for it; one that nobody waits for is dropped."""
        waiter = self._waiting.get(answer.connection_id)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def fail_all(self) -> None:
        """Tell everybody that the link has ended."""
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(LinkGone("the agent link was lost"))
