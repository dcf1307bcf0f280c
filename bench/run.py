"""Run every figure, print one table, write `results.json`.

Exit status 1 when a bound is missed, 2 when not all was measured.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.children import ChildFailed
from bench.console import console_rows
from bench.haproxy import HaproxyMissing, find_haproxy
from bench.memory import memory_rows
from bench.relaying import relay_rows
from bench.rows import Row, table, write_json
from bench.setup import setup_rows
from bench.workspace import workspace_rows

RESULTS = Path(__file__).parent / "results.json"
TURNS = 5
QUICK_TURNS = 2
MEMORY_TURNS = 3
SCALE_TURNS = 3
OPEN_FILES = 4096
MOST_S = 900

Figures = Callable[[Path, int], Awaitable[list[Row]]]
PARTS: dict[str, tuple[Figures, int]] = {
    "relay": (relay_rows, TURNS),
    "memory": (memory_rows, MEMORY_TURNS),
    "setup": (setup_rows, TURNS),
    "workspace": (workspace_rows, SCALE_TURNS),
    "console": (console_rows, SCALE_TURNS),
}


def main() -> None:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--only", choices=PARTS, help="one part; results.json stays as it is")
    options = parser.parse_args()
    rows: list[Row] = []
    try:
        find_haproxy()
        parts = list(PARTS) if options.only is None else [options.only]
        asyncio.run(measure(parts, options.quick, rows))
    except HaproxyMissing as missing:
        print(missing, file=sys.stderr)
        sys.exit(2)
    except (ChildFailed, TimeoutError) as failure:
        print(str(failure) or f"not done within {MOST_S} s", file=sys.stderr)
        print(table(rows))
        sys.exit(2)
    print(table(rows))
    if options.only is None:
        write_json(rows, RESULTS)
    sys.exit(0 if all(each.ok for each in rows) else 1)


async def measure(parts: list[str], quick: bool, rows: list[Row]) -> None:
    """Run the parts one after the other and add their rows: what was measured is shown if the next fails."""
    _allow_open_files()
    async with asyncio.timeout(MOST_S):
        for part in parts:
            figures, turns = PARTS[part]
            print(f"measuring: {part}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="dialback-bench-") as folder:
                rows += await figures(Path(folder), min(turns, QUICK_TURNS) if quick else turns)


def _allow_open_files() -> None:
    """Let this process and its children hold some hundred connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
