import pytest

from dialback.wire.agent.version import VersionRange
from dialback.wire.management.version import SUPPORTED, shown_versions


@pytest.mark.parametrize(("versions", "shown"), [(VersionRange(2, 2), "2"), (VersionRange(1, 3), "1 to 3")])
def test_range_is_shown_as_people_read_it(versions: VersionRange, shown: str) -> None:
    assert shown_versions(versions) == shown


def test_this_code_speaks_something() -> None:
    assert SUPPORTED.highest in SUPPORTED
