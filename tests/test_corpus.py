"""Every fuzz target holds on its whole corpus: seeds, cut cases, and whatever fuzzing once found."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TARGETS = sorted(path.stem for path in (ROOT / "fuzz" / "targets").glob("*.py") if path.stem != "__init__")


def corpus_of(target):
    return sorted(path for path in (ROOT / "tests" / "corpus" / target).glob("*") if path.is_file())


@pytest.mark.parametrize("target", TARGETS)
def test_target_states_its_invariant_and_has_a_corpus(target):
    module = importlib.import_module(f"fuzz.targets.{target}")
    assert (module.__doc__ or "").splitlines()[0].endswith(".")
    assert corpus_of(target), f"expected seeds in tests/corpus/{target}, got none"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        pytest.param(target, path, id=f"{target}-{path.name}")
        for target in TARGETS
        for path in corpus_of(target)
    ],
)
def test_target_holds_on_its_corpus(target, path):
    assert importlib.import_module(f"fuzz.targets.{target}").fuzz(path.read_bytes()) is None


def test_every_corpus_belongs_to_a_target():
    assert {path.name for path in (ROOT / "tests" / "corpus").iterdir() if path.is_dir()} <= set(TARGETS)
