"""What every command shares: the data folder, the open store, and how failures become sentences."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from dialback.agent.problems import AgentProblem
from dialback.app.lock import AlreadyServing
from dialback.app.settings import Settings, default_folder, load_settings, store_url
from dialback.cli.output import complain
from dialback.domain.contracts import Store, StoreUnavailable
from dialback.domain.errors import SENTENCES, Refused
from dialback.identity.certificates import CertificateProblem
from dialback.identity.host_keys import HostKeyProblem
from dialback.settings.file import SettingsProblem
from dialback.store.open import open_store
from dialback.transport.listen import PortTaken
from dialback.transport.tls import CertificateUnreadable
from dialback.wire.errors import WireError

T = TypeVar("T")
Data = Annotated[
    Path | None, typer.Option("--data", envvar="DIALBACK_DATA", help="Data folder of the server.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

KNOWN_PROBLEMS = (
    AlreadyServing,
    CertificateProblem,
    CertificateUnreadable,
    HostKeyProblem,
    AgentProblem,
    PortTaken,
    SettingsProblem,
    StoreUnavailable,
    WireError,
    ValueError,
)


class Failed(Exception):
    """A command cannot do what it was asked; the message is one sentence for the person."""


@contextmanager
def sentences() -> Iterator[None]:
    """Turn the failures that a person can act on into one sentence and exit status 1."""
    try:
        yield
    except (Failed, *KNOWN_PROBLEMS) as error:
        complain(str(error))
        raise typer.Exit(1) from error
    except Refused as refused:
        complain(" ".join(part for part in (SENTENCES[refused.reason], refused.detail) if part))
        raise typer.Exit(1) from refused
    except OSError as error:
        complain(f"{error.filename or 'the system'}: {error.strerror or error}")
        raise typer.Exit(1) from error


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop where there is one."""
    with sentences(), asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)
    raise AssertionError("sentences() swallows nothing")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed, else None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


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
