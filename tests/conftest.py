"""Rules for all tests."""

import pytest

from tests.requirements import require


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a test of real parts, see that the machine has them; before its fixtures need them."""
    if item.get_closest_marker("interop"):
        require()
