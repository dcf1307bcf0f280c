"""Fixtures of the interop tests: the stage most share, people, and the proof that all is gone after."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.accounts import Account
from lab.listening import descendants
from lab.platform import Platform
from lab.ports import free_port
from lab.process import run
from tests.interop.stage import PREFIX, Login, Published, Stage, login_of
from tests.interop.worker import WORKER

PEOPLE = (f"interopanna{WORKER}", f"interopben{WORKER}")
NLA_ADDRESS = "127.0.0.9"


@pytest.fixture(scope="session", autouse=True)
def machine() -> Iterator[None]:
    """Check after a worker's tests that nothing of theirs is left: processes, networks, folders, logons."""
    others = descendants(os.getpid())
    yield
    assert set(descendants(os.getpid())) <= family(others)
    assert PREFIX not in run(["ip", "netns", "list"]) + run(["ip", "link"])
    assert [path for path in Path(tempfile.gettempdir()).iterdir() if f"-{PREFIX}" in path.name] == []
    assert [name for name in PEOPLE if Account(name).processes()] == []


def family(pids: list[int]) -> set[int]:
    """Return the processes and all that descend from them now."""
    return {*pids, *(child for pid in pids for child in descendants(pid))}


@pytest.fixture(scope="session")
def anna(machine: None) -> Iterator[Login]:
    with Account(PEOPLE[0]) as account:
        yield login_of(account)


@pytest.fixture(scope="session")
def ben(machine: None) -> Iterator[Login]:
    with Account(PEOPLE[1]) as account:
        yield login_of(account)


def running_stage(folder: Path) -> Iterator[Stage]:
    """Run a platform, and whatever is put on the stage, until the fixture that asked for it ends."""
    stage = Stage(folder, Platform(folder).start())
    try:
        yield stage
    finally:
        stage.close()


@pytest.fixture(scope="session")
def people(anna: Login, ben: Login) -> None:
    """Everybody with an account, who outlives all hosts: a session ends with its host alone."""


@pytest.fixture(scope="session")
def stage(people: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage of all tests that leave server and agents alone."""
    yield from running_stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="session")
def blue(stage: Stage, anna: Login, ben: Login) -> Published:
    """An xrdp host, published to both people."""
    return stage.xrdp("blue", anna.user, ben.user)


@pytest.fixture(scope="session")
def nla(stage: Stage) -> tuple[Published, Login]:
    """An NLA host and its login."""
    return stage.nla("nla", (NLA_ADDRESS, free_port(NLA_ADDRESS)))


@pytest.fixture
def own_stage(people: None, tmp_path: Path) -> Iterator[Stage]:
    """A stage for one test that stops or kills parts of it."""
    yield from running_stage(tmp_path)


@pytest.fixture
def desk(own_stage: Stage, anna: Login) -> Published:
    """An xrdp host on the test's own stage, published to Anna."""
    return own_stage.xrdp("desk", anna.user)
