import asyncio

import pytest
import typer
import uvloop

from dialback.cli.context import Failed, loop_factory, run, sentences
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.wire.errors import WireError


async def work() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_work_is_run_to_its_end_on_uvloop() -> None:
    assert run(work()).startswith("uvloop")
    assert loop_factory() is uvloop.new_event_loop


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Failed("no such thing"), "error: no such thing"),
        (StoreUnavailable("the disk is full"), "error: the disk is full"),
        (WireError("expected a, got b"), "error: expected a, got b"),
        (ValueError("expected a\nline"), "error: expected a\\nline"),
        (Refused(Reason.HOST_OFFLINE, "desk"), f"error: {SENTENCES[Reason.HOST_OFFLINE]} desk"),
        (Refused(Reason.HOST_OFFLINE), f"error: {SENTENCES[Reason.HOST_OFFLINE]}"),
        (PermissionError(13, "Permission denied", "/x"), "error: /x: Permission denied"),
        (OSError("odd"), "error: the system: odd"),
    ],
)
def test_failure_becomes_one_sentence_and_status_1(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, sentences():
        raise error

    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == said + "\n"


def test_bug_is_not_hidden() -> None:
    with pytest.raises(KeyError), sentences():
        raise KeyError("bug")
