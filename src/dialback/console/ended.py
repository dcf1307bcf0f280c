"""Why a visit ended, which its RDP client does not know: to it a connection closed, and no more.

The platform is asked for what it has written of the newest connection. It may write a moment after the client
has gone, so it is asked again for a short time. Ends that a person has made for themselves, by closing the
client or logging off, are nothing to tell; and that nobody could be asked is no reason to fail.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dialback.domain.errors import Reason, Refused
from dialback.observe.log import get_logger

ASK_S = 5.0
"""For how long the platform is asked at most."""
AGAIN_S = 0.25
DETAIL_CHARS = 400
_ORDINARY = {Reason.CLIENT_ENDED, Reason.CLIENT_LEFT, Reason.CLIENT_LOST, Reason.HOST_ENDED}
_log = get_logger(__name__)

ReadEnd = Callable[[], Awaitable[Any]]
"""Asks the platform; returns what `POST /provider/connections/{id}/end` answers."""


async def why_ended(read_end: ReadEnd | None) -> Refused | None:
    """Return why the newest connection of a visit was refused or cut; None if it ended by itself."""
    if read_end is None:
        return None
    try:
        async with asyncio.timeout(ASK_S):
            refused = await _told(read_end)
    except Exception as error:
        _log.info("nobody said why the visit ended", why=str(error) or type(error).__name__)
        return None
    return None if refused.reason in _ORDINARY else refused


async def _told(read_end: ReadEnd) -> Refused:
    while True:
        told = await read_end()
        if told["reason"]:
            return Refused(Reason(told["reason"]), str(told.get("detail", ""))[:DETAIL_CHARS])
        await asyncio.sleep(AGAIN_S)
