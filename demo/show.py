"""How the demonstration speaks: headings, facts and what commands printed."""

from rich.console import Console

_out = Console(highlight=False, soft_wrap=True)


def heading(text: str) -> None:
    """Say which step begins."""
    _out.print(f"\n[bold]{text}[/]")


def fact(name: str, value: str) -> None:
    """Say one thing that was seen."""
    _out.print(f"  {name}: ", end="")
    _out.print(value, markup=False)


def note(text: str) -> None:
    """Say something in passing."""
    _out.print(f"\n{text}")


def verbatim(text: str) -> None:
    """Show what a command printed, or a command to copy."""
    for line in text.rstrip().splitlines():
        _out.print(f"  {line}", markup=False)


def problem(text: str) -> None:
    """Say why the demonstration cannot go on."""
    Console(stderr=True).print(f"error: {text}", style="bold red", markup=False)
