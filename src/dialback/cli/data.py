"""The data folder of a server, as the administrator's commands use it: its settings and its open store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.settings import Settings, default_folder, load_settings, store_url
from dialback.cli.context import Failed
from dialback.domain.contracts import Store
from dialback.store.open import open_store

Data = Annotated[
    Path | None, typer.Option("--data", envvar="DIALBACK_DATA", help="Data folder of the server.")
]


def folder_of(data: Path | None) -> Path:
    """Return the data folder meant."""
    return data if data is not None else default_folder()


def settings_of(folder: Path) -> Settings:
    """Return the settings of a data folder that a server has used; `Failed` if it is none."""
    if not folder.is_dir():
        raise Failed(
            f"There is no data folder {folder}; start `dialback serve` first, or name the folder with --data."
        )
    return load_settings(folder)


@asynccontextmanager
async def opened_store(data: Path | None) -> AsyncIterator[Store]:
    """Open the store of a data folder."""
    folder = folder_of(data)
    store = await open_store(store_url(folder, settings_of(folder)))
    try:
        yield store
    finally:
        await store.close()
