"""Rules for all tests."""

import pytest
from hypothesis import HealthCheck, settings

from tests.requirements import require

# How fast a machine is says nothing about what is right: no property fails because its examples took long.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a test of real parts, see that the machine has them; before its fixtures need them."""
    if item.get_closest_marker("interop"):
        require()
