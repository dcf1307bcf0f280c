"""How the demonstration speaks: steps with their time, facts, and what commands printed."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console

_out = Console(highlight=False, soft_wrap=True)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Say which step begins, and at its end how long it took."""
    _out.print(f"\n[bold]{text}[/]")
    began = time.monotonic()
    yield
    _out.print(f"  [dim]{time.monotonic() - began:.1f} s[/]")


def heading(text: str) -> None:
    """Head what follows and is no step."""
    _out.print(f"\n[bold]{text}[/]")


def fact(name: str, value: object) -> None:
    """Say one thing that was seen."""
    _out.print(f"  {name}: ", end="")
    _out.print(str(value), markup=False)


def note(text: str) -> None:
    """Say something in passing."""
    _out.print(f"\n{text}", markup=False)


def ran(command: str, printed: str, whose: str = "") -> None:
    """Show a command, of whose command line it is, and what it printed."""
    prompt = f"{whose} $" if whose else "$"
    _out.print(f"  [bold]{prompt}[/] [cyan]{command}[/]")
    verbatim(printed)


def verbatim(text: str) -> None:
    """Show what a command printed, or a command to copy."""
    for line in text.rstrip().splitlines():
        _out.print(f"  {line.rstrip()}", markup=False)


def problem(text: str) -> None:
    """Say why the demonstration cannot go on."""
    Console(stderr=True).print(f"error: {text}", style="bold red", markup=False)
