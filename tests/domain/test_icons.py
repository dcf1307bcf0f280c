"""The id of an icon stands for its bytes."""

import pytest

from dialback.domain.icons import Icon, icon_of
from dialback.domain.ids import TenantId

ACME = TenantId("acme")


def test_same_bytes_have_the_same_id_in_every_tenant() -> None:
    assert icon_of(ACME, b"a").id == icon_of(TenantId("other"), b"a").id
    assert icon_of(ACME, b"a").id != icon_of(ACME, b"b").id


def test_id_that_could_leave_its_path_is_refused() -> None:
    with pytest.raises(ValueError, match="icon"):
        Icon(ACME, "../x", b"")


def test_picture_does_not_show_in_logs() -> None:
    assert "secret" not in repr(icon_of(ACME, b"secret"))
