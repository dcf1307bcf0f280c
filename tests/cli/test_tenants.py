"""`dialback tenants`: the table, and what it says of changes."""

import asyncio
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live

from dialback.cli.api import ApiRefused
from dialback.cli.context import Failed
from dialback.cli.tenants import Changes, Picture, changes, follow, rows_of, states_of, watch_tenants
from tests.cli.conftest import HOSTILE


def tenant(*hosts: dict[str, Any], suspended: bool = False) -> dict[str, Any]:
    return {"id": "acme", "suspended": suspended, "hosts": list(hosts)}


def host(**changed: object) -> dict[str, Any]:
    usual = {
        "id": "h1",
        "name": "Files",
        "link_up": True,
        "sessions": 2,
        "failed": ["disk", "load"],
        "agent_version": "0.1.0",
        "report": {"system": "Linux"},
    }
    return {**usual, **changed}


class Readings:
    """Gives one reading after the other, raises those that are failures, and then waits for ever."""

    def __init__(self, *found: Sequence[Any] | Exception) -> None:
        self.left = list(found)
        self.done = asyncio.Event()

    async def __call__(self) -> Sequence[Any]:
        if not self.left:
            self.done.set()
            await asyncio.Event().wait()
        next_one = self.left.pop(0)
        if isinstance(next_one, Exception):
            raise next_one
        return next_one


def test_row_shows_a_host_as_it_is_now() -> None:
    assert list(rows_of([tenant(host())])) == [("acme/h1", "Files", "up", 2, "disk, load", "Linux", "0.1.0")]
    ((*_, link, _, _, system, _),) = rows_of([tenant(host(link_up=False, report=None))])
    assert (link, system) == ("down", "")
    ((_, _, link, *_),) = rows_of([tenant(host(), suspended=True)])
    assert link == "suspended"
    assert next(rows_of([tenant()]))[:2] == ("acme", "no host")


def test_change_tells_what_was_and_what_is_and_time_alone_is_none() -> None:
    before, now = states_of([tenant(host(reported_at="1"))]), states_of([tenant(host(reported_at="2"))])
    assert list(changes(before, now)) == []
    (down,) = changes(now, states_of([tenant(host(link_up=False))]))
    assert (down["tenant"], down["host"]) == ("acme", "h1")
    assert (down["was"]["link"], down["now"]["link"]) == ("up", "down")
    (gone,) = changes(now, {})
    assert gone["now"] is None


def test_each_change_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Changes()
    shown.show([tenant(host(name=HOSTILE))], "")
    shown.show([tenant(host(name=HOSTILE))], "")
    shown.show(None, "the platform is away")
    shown.show(None, "the platform is away")
    shown.show([tenant(host(name=HOSTILE, sessions=3))], "")
    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    assert "\x1b" not in printed
    assert lines[0]["was"] is None
    assert lines[1]["problem"] == "the platform is away"
    assert [line["now"]["sessions"] for line in (lines[0], lines[2])] == [2, 3]
    assert len(lines) == 3


def test_table_is_renewed_in_its_place_and_stays_while_nothing_can_be_read() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with Live(console=console, auto_refresh=False) as live:
        picture = Picture(live)
        picture.show([tenant(host(name=HOSTILE))], "")
        assert "Ctrl-C ends this." in screen.getvalue()
        begun = len(screen.getvalue())
        picture.show(None, f"away {HOSTILE}")
        renewed = screen.getvalue()[begun:]
    assert "\x1b[1A" in renewed
    assert "acme/h1" in renewed
    assert "Not read any more: away" in renewed
    assert "\x1b[2J" not in screen.getvalue()


async def test_platform_that_is_away_is_read_again_and_one_that_refuses_is_not() -> None:
    told: list[tuple[int | None, str]] = []
    readings = Readings([1], Failed("away"), [1, 2], ApiRefused(401, "token", "sign in"))
    with pytest.raises(ApiRefused):
        await follow(readings, lambda found, why: told.append((found and len(found), why)), 0.0)
    assert told == [(1, ""), (None, "away"), (2, "")]


async def test_ctrl_c_ends_it_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    readings = Readings([tenant(host())])
    watching = asyncio.create_task(watch_tenants(readings, as_json=True))
    await asyncio.sleep(0)
    watching.cancel()
    async with asyncio.timeout(10):
        assert await watching is None
    assert "acme" in capsys.readouterr().out


async def test_table_wants_a_terminal() -> None:
    with pytest.raises(Failed, match="take `--json` for programs"):
        await watch_tenants(Readings([]), as_json=False)
