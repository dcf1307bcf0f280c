"""What the tests of the feed share."""

import pytest

from tests.web.feed.stage import Feed


@pytest.fixture
async def feed() -> Feed:
    made = Feed()
    await made.fill()
    return made
