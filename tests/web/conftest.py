"""What the tests of the web application share."""

import pytest

from tests.web.stage import Web


@pytest.fixture
def web() -> Web:
    return Web()
