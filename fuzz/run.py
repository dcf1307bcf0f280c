"""Fuzz one target, or every target in turn: `python fuzz/run.py [TARGET] [--seconds N]`.

A target is a module in `fuzz/targets`: the first line of its docstring is the invariant, and its function
`fuzz(data)` raises if the invariant breaks. Runs start from `tests/corpus/<target>` and leave there nothing
but a finding, as `crash-…`, `oom-…` or `timeout-…`: the input that breaks the invariant. Give it a name that
says what it is, and commit it with the repair; `tests/test_corpus.py` replays it from then on.

Each target runs in a process of its own, since the fuzzing engine ends the process it runs in.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ROOT / "fuzz" / "targets"
CORPUS = ROOT / "tests" / "corpus"

MAX_INPUT_BYTES = 8192


def target_names() -> list[str]:
    """Return the names of all targets."""
    return sorted(path.stem for path in TARGETS.glob("*.py") if path.stem != "__init__")


def fuzz(name: str, seconds: int, new_inputs: str) -> None:
    """Run one target in this process, which ends here; inputs that reach new code go to `new_inputs`."""
    import atheris

    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["dialback", "fuzz"]):
        target = importlib.import_module(f"fuzz.targets.{name}")
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}", "-timeout=10"]
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={corpus}/", new_inputs, str(corpus)], target.fuzz
    )
    atheris.Fuzz()


def run_apart(name: str, seconds: int) -> int:
    """Run one target in a process of its own, and return that process's exit status."""
    with tempfile.TemporaryDirectory() as new_inputs:
        command = [sys.executable, __file__, name, "--seconds", str(seconds), "--new-inputs", new_inputs]
        return subprocess.run(command, check=False).returncode


def main() -> int:
    """Run what the command line asks for; 0 if no target broke its invariant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("target", nargs="?", choices=target_names(), help="default: all in turn")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (default: 60)")
    parser.add_argument("--new-inputs", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.new_inputs:
        fuzz(arguments.target, arguments.seconds, arguments.new_inputs)
    names = [arguments.target] if arguments.target else target_names()
    broken = [name for name in names if run_apart(name, arguments.seconds)]
    if broken:
        sys.stderr.write(f"broken invariants: {', '.join(broken)}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
