"""Step-up approval with real FreeRDP clients: parked, approved by the command line, then connected."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dialback.domain.pools import HostPool, StepUp
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from lab.freerdp import Version
from lab.platform import COMMAND, Platform
from lab.process import Failed, run, wait_for
from tests.interop.conftest import running_stage
from tests.interop.stage import Login, Published, Stage, seat

pytestmark = pytest.mark.interop
ADDRESS = ("127.0.0.78", 33978)
PARKED_S = 20


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage of its own, since every pool on it asks for approval."""
    yield from running_stage(tmp_path_factory.mktemp("step-up"))


@pytest.fixture(scope="module")
def careful(stage: Stage) -> tuple[Published, Login]:
    """An NLA host whose pool asks for approval."""
    published, login = stage.nla("careful", ADDRESS)
    asyncio.run(want_approval(stage.platform))
    return published, login


async def want_approval(platform: Platform) -> None:
    store = await open_store(f"sqlite:///{platform.data / 'dialback.sqlite'}")
    for pool in (await store.directory.page(HostPool, MAIN)).items:
        await store.directory.save(replace(pool, step_up=StepUp(wanted=True, timeout_s=600)))
    await store.close()


def waiting(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(stage.platform.run("approve", "--json"))
    return found


def asked_for(stage: Stage) -> list[dict[str, Any]]:
    """Wait until an approval is asked for, and return what waits."""
    found: list[dict[str, Any]] = []

    def asked() -> bool:
        found[:] = waiting(stage)
        return bool(found)

    assert wait_for(asked)
    return found


def approve(stage: Stage, *words: str) -> str:
    """Run `dialback approve`; the id comes last, behind two hyphens, since it may begin with one."""
    *options, id = words
    return run([COMMAND, "approve", "--data", stage.platform.data, *options, "--", id])


def file_and_number(stage: Stage, published: Published, login: Login, version: Version) -> tuple[Path, str]:
    """Make a connection file; return it, and the number that was said with it."""
    path = stage.folder / f"careful-{version}.rdp"
    said = stage.platform.run("connect-file", published.resource, "--user", login.user, "--out", path)
    match = re.search(r"the number to pick is (\d\d)", said)
    assert match, said
    return path, match[1]


@pytest.mark.parametrize("version", [2, 3])
def test_parked_client_connects_once_approved_and_says_who_did(
    stage: Stage, careful: tuple[Published, Login], version: Version
) -> None:
    host, login = careful
    watch = stage.watch()
    file, number = file_and_number(stage, host, login, version)
    with seat(stage, version) as desktop:
        # Much is logged, so that what the client prints leaves its buffer while it runs.
        desktop.client.connect(
            file, user=login.user, password=login.password, pin=host.pin, extra=["/log-level:DEBUG"]
        )
        [approval] = asked_for(stage)
        assert int(number) in approval["numbers"]
        assert not wait_for(lambda: not waiting(stage), PARKED_S, 1.0), desktop.client.log_tail()
        approve(stage, "--number", number, approval["id"])
        desktop.wait_rendered(host.colour)
        assert wait_for(lambda: "Approved by " in desktop.client.log.read_text(errors="replace"))
    record = watch.ended()
    assert record["timeline_ms"]["approve"] > PARKED_S * 1000


@pytest.mark.parametrize("version", [2, 3])
def test_denied_client_ends_by_itself(
    stage: Stage, careful: tuple[Published, Login], version: Version
) -> None:
    host, login = careful
    watch = stage.watch()
    file, _ = file_and_number(stage, host, login, version)
    with seat(stage, version) as desktop:
        desktop.open(file, login, host.pin)
        [approval] = asked_for(stage)
        approve(stage, "--deny", approval["id"])
        desktop.wait_refused()
    assert watch.ended()["reason"] == "approval-denied"


def test_wrong_number_denies(stage: Stage, careful: tuple[Published, Login]) -> None:
    host, login = careful
    watch = stage.watch()
    file, number = file_and_number(stage, host, login, 2)
    with seat(stage, 2) as desktop:
        desktop.open(file, login, host.pin)
        [approval] = asked_for(stage)
        wrong = next(each for each in approval["numbers"] if each != int(number))
        with pytest.raises(Failed):
            approve(stage, "--number", str(wrong), approval["id"])
        desktop.wait_refused()
    assert watch.ended()["reason"] == "approval-denied"
