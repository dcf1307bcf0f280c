import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dialback.agent.platform import processes
from dialback.agent.platform.processes import Process, parse_stat, parse_tcp, parse_uid, parse_unix
from tests.agent.platform.fake_proc import TCP_HEAD, UNIX_HEAD, FakeProc, held, listening

REST = " ".join(["0"] * 17)


def test_stat_is_read_whatever_the_name_holds() -> None:
    for name in ("Xorg", "a b", "x) S 1 (y", "line\nbreak", ""):
        assert parse_stat(f"7 ({name}) S 3 {REST} 4711 0") == Process(7, name, 3, 4711)


def test_broken_stat_is_no_process() -> None:
    for text in ("", "7", "7 (x) S", "7 (x) S 3", f"7 (x) S 3 {REST}", f"7 (x) S 3 {REST} -1"):
        assert parse_stat(text) is None


def test_uid_is_the_real_one() -> None:
    assert parse_uid("Name:\tx\nUid:\t1000\t0\t0\t0\n") == 1000
    assert parse_uid("Name:\tx\n") is None


def test_unix_sockets_are_read_with_their_state() -> None:
    table = UNIX_HEAD + listening("/run/a b") + held("/run/c") + "0: 2 0 0 0001 03 17\n"
    assert list(parse_unix(table)) == [("/run/a b", False), ("/run/c", True)]


def test_ports_of_established_connections_are_read() -> None:
    table = (
        TCP_HEAD
        + "   0: 0100007F:1770 00000000:0000 0A 0 0 0 1 0 1\n"
        + "   1: 0100007F:1771 0100007F:C000 01 0 0 0 1 0 1\n"
        + "   2: 00000000000000000000000001000000:1772 0:0 01 0 0 0 1 0 1\n"
        + "   3: broken:zz 0:0 01\n   4:\n"
    )
    assert parse_tcp(table) == {6001, 6002}


@given(st.text())
def test_any_text_is_read_without_failing(text: str) -> None:
    parse_stat(text)
    parse_uid(text)
    list(parse_unix(text))
    parse_tcp(text)


def test_processes_of_a_folder_are_found(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.process(5, "Xorg", 4, uid=1000, words="Xorg :10")
    (tmp_path / "6").mkdir()  # it ends while it is looked at

    assert processes.processes(tmp_path) == {5: Process(5, "Xorg", 4, 100)}
    assert processes.uid_of(5, tmp_path) == 1000
    assert processes.words_of(5, tmp_path) == ("Xorg", ":10")
    assert processes.booted_at(tmp_path) == 1_700_000_000
    assert (processes.uid_of(6, tmp_path), processes.words_of(6, tmp_path)) == (None, ())


def test_this_process_is_among_those_of_the_machine() -> None:
    me = processes.processes()[os.getpid()]
    assert me.parent == os.getppid()
    assert processes.uid_of(me.pid) == os.getuid()
    assert processes.booted_at() > 0
