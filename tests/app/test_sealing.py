import stat
from pathlib import Path

import pytest

from dialback.app.sealing import FILE_NAME, SealingKeyDamaged, sealing_key


def test_key_is_made_once_and_stays(tmp_path: Path) -> None:
    first = sealing_key(tmp_path)

    assert len(bytes.fromhex(first.reveal())) == 32
    assert sealing_key(tmp_path).reveal() == first.reveal()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert first.reveal() not in repr(first)


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "ab" * 31])
def test_damaged_key_is_named_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)

    with pytest.raises(SealingKeyDamaged, match=r"sealing\.key holds no key; remove it"):
        sealing_key(tmp_path)
    assert (tmp_path / FILE_NAME).read_text() == text
