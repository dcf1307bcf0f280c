import asyncio
from pathlib import Path

import pytest

from dialback.app.settings import DATABASE_NAME
from dialback.cli.context import Failed
from dialback.cli.data import folder_of, opened_store, settings_of
from dialback.settings.file import SettingsProblem


def test_folder_is_the_one_named_or_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALBACK_DATA", str(tmp_path / "default"))

    assert folder_of(tmp_path) == tmp_path
    assert folder_of(None) == tmp_path / "default"


def test_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="There is no data folder"):
        settings_of(tmp_path / "none")

    assert not (tmp_path / "none").exists()


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    (tmp_path / "dialback.toml").write_text("[server]\nport = 1\n")

    with pytest.raises(SettingsProblem, match=r"server\.port"):
        settings_of(tmp_path)


def test_store_is_opened_and_closed(tmp_path: Path) -> None:
    (tmp_path / "dialback.toml").write_text('[server]\naddress = "gw:443"\n')

    async def look() -> int:
        async with opened_store(tmp_path) as store:
            return len(await store.hosts())

    assert asyncio.run(look()) == 0
    assert (tmp_path / DATABASE_NAME).exists()
