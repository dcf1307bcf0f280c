"""What a run found: rows with their bounds, one table for people, one file for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

COLUMNS = ("figure", "unit", "median", "min", "max", "bound", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `value` is the median over all turns. A row without a bound is a report."""

    name: str
    unit: str
    value: float
    least: float
    most: float
    bound: float | None = None
    ok: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ok", self.bound is None or self.value <= self.bound)


def row(name: str, unit: str, values: Sequence[float], bound: float | None = None) -> Row:
    """Return the row of one figure that was measured in several turns."""
    return Row(name, unit, median(values), min(values), max(values), bound)


def ratio_row(name: str, ours: Sequence[float], theirs: Sequence[float], bound: float | None = None) -> Row:
    """Return the ratio of the two medians; least and most are those of the turns taken one by one."""
    turns = [our / their for our, their in zip(ours, theirs, strict=True)]
    return Row(name, "ratio", median(ours) / median(theirs), min(turns), max(turns), bound)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text."""
    lines = [COLUMNS, *(_cells(each) for each in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the rows for programs."""
    path.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n")


def _cells(each: Row) -> tuple[str, ...]:
    numbers = tuple(_number(value) for value in (each.value, each.least, each.most))
    if each.bound is None:
        return (each.name, each.unit, *numbers, "", "report")
    return (each.name, each.unit, *numbers, f"<= {each.bound:g}", "met" if each.ok else "MISSED")


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}" if value >= 100 else f"{value:.2f}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 2 <= at <= 5 else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
