"""Check that every module has its test file: `src/dialback/a/b.py` is tested by `tests/a/test_b.py`.

A module without functions and classes of its own (a package that only says what it holds) needs none.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "dialback"
TESTS = ROOT / "tests"
LEFT_OUT = ("store/migrations",)
"""Alembic runs these; `tests/store` compares their outcome with the models."""


def has_code(path: Path) -> bool:
    """Say whether the module defines anything that can be tested."""
    tree = ast.parse(path.read_text())
    testable = ast.FunctionDef | ast.AsyncFunctionDef
    return any(isinstance(node, testable) for node in ast.walk(tree))


def missing() -> list[tuple[Path, Path]]:
    """Return the modules without a test file, each with the file it wants."""
    lacking = []
    for module in sorted(SOURCE.rglob("*.py")):
        relative = module.relative_to(SOURCE)
        if str(relative).startswith(LEFT_OUT) or not has_code(module):
            continue
        wanted = TESTS / relative.parent / f"test_{relative.name}"
        if not wanted.exists():
            lacking.append((module, wanted))
    return lacking


def main() -> int:
    """Name each module that lacks its test file."""
    lacking = missing()
    for module, wanted in lacking:
        print(f"{module.relative_to(ROOT)} has no {wanted.relative_to(ROOT)}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
