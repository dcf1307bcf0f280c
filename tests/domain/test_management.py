"""What an agent announces of its management."""

import pytest

from dialback.domain.management import ManagementOffer


@pytest.mark.parametrize("versions", [(0, 1), (2, 1)])
def test_range_that_is_none_is_refused(versions: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected a range of versions"):
        ManagementOffer(*versions)
