"""A machine without the real parts skips their tests, and fails them in CI."""

import pytest

from tests import requirements

SENTENCE = "interop tests need xrdp: run tools/packages.sh test"


def test_missing_programs_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda program: None if program == "xrdp" else program)
    assert requirements.lacking() == SENTENCE


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "run them with sudo" in requirements.lacking()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_lack_skips_on_a_laptop_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(requirements, "lacking", lambda: SENTENCE)
    with pytest.raises(outcome, match="xrdp"):
        requirements.require()
