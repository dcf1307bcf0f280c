from datetime import timedelta

import pytest

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.web.second_step import LIFE, seal, unseal
from tests.broker.stores import NOW

KEY = b"k" * 32


def test_name_and_password_come_back() -> None:
    sealed = seal("acme\\anna \U0001f5a5", Secret("geheim"), KEY, NOW)
    assert unseal(sealed, KEY, NOW + LIFE) == ("acme\\anna \U0001f5a5", Secret("geheim"))


def test_nothing_is_read_from_outside() -> None:
    assert "geheim" not in seal("anna", Secret("geheim"), KEY, NOW)
    assert seal("anna", Secret("geheim"), KEY, NOW) != seal("anna", Secret("geheim"), KEY, NOW)


@pytest.mark.parametrize(
    "change", [lambda text: "", lambda text: text[:-4], lambda text: "x" * 9000, lambda text: "\u00e9"]
)
def test_what_was_not_sealed_here_is_refused(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused) as refused:
        unseal(change(seal("anna", Secret("geheim"), KEY, NOW)), KEY, NOW)
    assert refused.value.reason is Reason.SIGN_IN_ENDED


def test_another_key_and_another_time_open_nothing() -> None:
    sealed = seal("anna", Secret("geheim"), KEY, NOW)
    for key, now in ((b"x" * 32, NOW), (KEY, NOW + LIFE + timedelta(seconds=1))):
        with pytest.raises(Refused):
            unseal(sealed, key, now)
