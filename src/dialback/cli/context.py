"""What every command shares: how work is run, and how failures become sentences."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer

from dialback.cli.output import complain
from dialback.domain.errors import SENTENCES, Problem, Refused
from dialback.wire.errors import WireError

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Failed(Problem):
    """A command cannot do what it was asked; the message is one sentence for the person."""


@contextmanager
def sentences() -> Iterator[None]:
    """Turn the failures that a person can act on into one sentence and exit status 1."""
    try:
        yield
    except (Problem, WireError, ValueError) as error:
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
