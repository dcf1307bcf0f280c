"""People have a home of their own, and what their client is told by hand is told by a program before it."""

import shutil
import sys
from pathlib import Path

import pytest

from lab.person import Person
from lab.process import Failed, run

PYTHON = (sys.executable, "-c")
SAY_HOME = "import os; print(os.environ['HOME'])"
COMPLAIN = "import sys; print('said'); print('complained', file=sys.stderr); sys.exit(3)"


def test_command_runs_in_the_persons_own_home(tmp_path: Path) -> None:
    anna, ben = Person("anna", tmp_path), Person("ben", tmp_path)
    assert anna.run(SAY_HOME, program=PYTHON) == f"{anna.home}\n"
    assert ben.run(SAY_HOME, program=PYTHON) == f"{ben.home}\n"


def test_refusal_is_what_was_printed_and_complained(tmp_path: Path) -> None:
    anna = Person("anna", tmp_path)
    assert {*anna.refused(COMPLAIN, program=PYTHON, status=3).split()} == {"said", "complained"}
    with pytest.raises(Failed, match="ended with 3"):
        anna.refused(COMPLAIN, program=PYTHON)


def test_login_says_by_itself_why_it_cannot_be_let_in(tmp_path: Path) -> None:
    anna = Person("anna", tmp_path)
    (tmp_path / "none.pem").write_text("no certificate")
    signing_in = anna.sign_in("localhost:1", tmp_path / "none.pem")
    with pytest.raises(Failed, match="The CA file holds no certificate"):
        signing_in.link()


def test_client_is_given_the_password_behind_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = shutil.which("echo")
    monkeypatch.setattr("lab.person.shutil.which", lambda name: echo)
    anna = Person("anna", tmp_path)
    client = anna.keep_password("a-b_c1")
    assert run(anna.command("/v:desk", program=(client,))) == "/v:desk /p:a-b_c1\n"


def test_machine_without_a_client_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.person.shutil.which", lambda name: None)
    with pytest.raises(Failed, match="xfreerdp"):
        Person("anna", tmp_path).keep_password("x")
