"""The data folder of a server, as the administrator's commands use it: its settings and its open store.

Whoever has the folder may do everything; what they change is in the audit log under the name of their account
on this machine.
"""

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dialback.app.settings import Settings, default_folder, load_settings, store_url
from dialback.cli.context import Failed
from dialback.domain.audit import Actor, ActorKind, Audit, AuditEntry
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from dialback.store.sql import SqlStore

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


def local_name() -> str:
    """Return who runs the command, as the audit log names them: their account on this machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


@asynccontextmanager
async def opened_store(data: Path | None) -> AsyncIterator[SqlStore]:
    """Open the store of a data folder."""
    folder = folder_of(data)
    store = await open_store(store_url(folder, settings_of(folder)))
    try:
        yield store
    finally:
        await store.close()


async def note(audit: Audit, action: str, subject: str, detail: str = "", tenant: TenantId = MAIN) -> None:
    """Write into the audit log what whoever runs the command has done.

    Raises:
        StoreUnavailable: the log does not take it; what was done stays done.
    """
    actor = Actor(ActorKind.LOCAL, local_name())
    await audit.write(AuditEntry(tenant, datetime.now(UTC), actor, action, subject, detail))
