"""Choosing a version."""

import pytest

from dialback.wire.agent.version import VersionRange, choose_version


@pytest.mark.parametrize(
    ("ours", "theirs", "version"),
    [
        ((1, 1), (1, 1), 1),
        ((1, 3), (2, 5), 3),
        ((2, 4), (1, 9), 4),
        ((1, 2), (3, 4), None),
        ((5, 5), (5, 7), 5),
    ],
)
def test_highest_common_version_is_chosen_by_both_sides(ours, theirs, version):
    assert choose_version(VersionRange(*ours), VersionRange(*theirs)) == version
    assert choose_version(VersionRange(*theirs), VersionRange(*ours)) == version


@pytest.mark.parametrize("ends", [(0, 1), (2, 1), (-1, -1)])
def test_empty_range_is_refused(ends):
    with pytest.raises(ValueError, match="lowest <= highest"):
        VersionRange(*ends)


def test_range_says_its_ends():
    assert str(VersionRange(1, 3)) == "1-3"
    assert 4 not in VersionRange(1, 3)
