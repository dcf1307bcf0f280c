"""What commands print: tables where people look, JSON where programs read, one sentence where it failed.

Every text of a peer is escaped before it reaches a terminal.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from dialback.observe.log import escape

MOST_COLUMNS = 1000
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def shown(value: object) -> str:
    """Return a value as text that is safe on a terminal."""
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape_markup(escape(str(value)))


def instant(text: str | None) -> datetime | None:
    """Return the instant that the API has told, to be shown; None if it told none."""
    return datetime.fromisoformat(text) if text else None


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under their columns, or the sentence `empty` if there are none.

    A row is never cut: what is wider than the terminal is wrapped by it, so that ids and fingerprints can be
    copied.
    """
    table = make_table(columns, rows)
    if not table.row_count:
        out.print(empty)
        return
    wide = Console(highlight=False, soft_wrap=True, emoji=False, width=MOST_COLUMNS)
    wide.print(table, width=wide.measure(table).maximum)


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return rows under their columns, each text made safe."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    return table


def print_json(value: Any) -> None:
    """Print a value as JSON; instants as ISO 8601."""
    print_line(json.dumps(value, default=_plain, indent=2, ensure_ascii=True))


def print_line(text: str) -> None:
    """Print one text as it is, for programs and for copying."""
    out.print(text, markup=False, emoji=False)


def say(sentence: str) -> None:
    """Print one sentence for people."""
    out.print(sentence, markup=False, emoji=False)


def complain(sentence: str) -> None:
    """Print what failed, on stderr."""
    err.print(f"[bold red]error[/]: {escape_markup(escape(sentence, 2000))}")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
