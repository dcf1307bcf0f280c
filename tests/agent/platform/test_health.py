import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.agent.platform import health
from dialback.agent.platform.health import (
    HostFacts,
    check_host,
    failing_checks,
    free_bytes,
    parse_memory,
    read_linux,
    read_windows,
)
from dialback.agent.settings import AgentSettings

LIMITS = AgentSettings(least_free_disk_mb=500, most_load_per_cpu=8, least_free_memory_percent=5)
MEMORY = "MemTotal:       1000 kB\nMemFree:          10 kB\nMemAvailable:    250 kB\n"


def failed(facts: HostFacts) -> list[tuple[str, str]]:
    return [(each.check, each.detail) for each in failing_checks(facts, LIMITS)]


def test_healthy_host_fails_nothing() -> None:
    assert failed(HostFacts({"/": 500_000_000}, 8.0, 5.0)) == []
    assert failed(HostFacts()) == []


def test_each_check_says_why_it_fails() -> None:
    assert failed(HostFacts({"/": 499_999_999, "/home": 10_000_000, "/big": 10**12})) == [
        ("disk", "/ has 499 MB left, /home has 10 MB left")
    ]
    assert failed(HostFacts(load_per_cpu=8.1, free_memory_percent=4.9)) == [
        ("load", "load of 8.1 per processor, 4.9 percent of memory left")
    ]
    assert failed(HostFacts(free_memory_percent=0)) == [("load", "0.0 percent of memory left")]
    assert failed(HostFacts(restart_due=True)) == [("restart", "the system waits for a restart")]


@given(
    st.dictionaries(st.text(), st.integers()), st.floats() | st.none(), st.floats() | st.none(), st.booleans()
)
def test_whatever_was_read_fits_the_wire(
    free: dict[str, int], load: float | None, memory: float | None, restart: bool
) -> None:
    assert len(failing_checks(HostFacts(free, load, memory, restart), LIMITS)) <= 3


def test_memory_is_read() -> None:
    assert parse_memory(MEMORY) == 25
    assert parse_memory("MemTotal: 0 kB\nMemAvailable: 0 kB\n") is None
    assert parse_memory("") is None


def test_file_system_is_told_once(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    free = free_bytes((str(tmp_path), str(inner), str(tmp_path / "no")))
    assert list(free) == [str(tmp_path)]
    assert free[str(tmp_path)] > 0


def test_facts_of_a_linux_host_are_read(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMORY)
    mark = tmp_path / "reboot-required"
    facts = read_linux(tmp_path / "meminfo", (mark,), (str(tmp_path),))
    assert (facts.free_memory_percent, facts.restart_due) == (25, False)
    assert facts.load_per_cpu is not None
    mark.touch()
    assert read_linux(tmp_path / "no", (mark,), ()).restart_due


def test_host_that_does_not_tell_its_load_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr(os, "getloadavg", refuse)
    assert read_linux(folders=()).load_per_cpu is None


def test_facts_of_a_windows_host_are_read(tmp_path: Path) -> None:
    due = read_windows(lambda key: key.endswith("RebootRequired"), str(tmp_path))
    assert due.restart_due
    assert due.free_bytes[str(tmp_path)] > 0
    none = read_windows(lambda key: False, str(tmp_path / "no"))
    assert (none.restart_due, none.free_bytes) == (False, {})


def test_this_host_is_looked_at() -> None:
    everything = AgentSettings(least_free_disk_mb=10**9)
    assert "disk" in [each.check for each in check_host(everything)]
    assert health.RESTART_MARKS
