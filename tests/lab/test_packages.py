"""The package script: what its groups hold, where backports come from, and what it says."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "packages.sh"

DEB822 = """\
# main archive
Types: deb deb-src
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
Enabled: no
URIs: http://disabled.test/debian
Suites: bookworm-backports
Components: main
"""

ONE_LINE = """\
# deb http://commented.test/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/archive.gpg] http://mirror.test/debian bookworm main contrib
deb-src http://source.test/debian bookworm main
"""


def call(function: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f'source {SCRIPT}; {function} "$@"', "test", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "text"), [("debian.sources", DEB822), ("sources.list", ONE_LINE)])
def test_backports_come_from_the_mirror_of_the_machine(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert call("backports_source", "bookworm", tmp_path / name).stdout == (
        "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/archive.gpg\n"
    )


def test_disabled_and_commented_sources_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list").write_text(ONE_LINE)
    suites = call("suites", tmp_path / "debian.sources", tmp_path / "sources.list").stdout.splitlines()
    assert [line.split("\t")[0] for line in suites] == ["bookworm", "bookworm-updates", "bookworm"]


def test_missing_suite_is_said(tmp_path: Path) -> None:
    (tmp_path / "debian.sources").write_text(DEB822)
    answer = call("backports_source", "trixie", tmp_path / "debian.sources")
    assert answer.returncode == 1
    assert "no source for trixie" in answer.stderr


def test_freerdp_3_is_a_backport_on_debian_12_alone() -> None:
    assert call("from_backports", "freerdp3-x11", "bookworm").returncode == 0
    assert call("from_backports", "freerdp3-x11", "trixie").returncode == 1
    assert call("from_backports", "xrdp", "bookworm").returncode == 1


@pytest.mark.parametrize("codename", ["bookworm", "trixie"])
def test_test_group_holds_the_demo_group(codename: str) -> None:
    groups = {name: set(call("packages_of", name, codename).stdout.split()) for name in ("demo", "test")}
    assert groups["demo"] < groups["test"]
    assert {"freerdp3-x11", "nftables"} <= groups["test"]


@pytest.mark.parametrize(("codename", "glib"), [("bookworm", "libglib2.0-0"), ("trixie", "libglib2.0-0t64")])
def test_qt_finds_the_libraries_of_the_system(codename: str, glib: str) -> None:
    packages = call("packages_of", "test", codename).stdout.split()
    assert {"libegl1", "libxcb-cursor0", "libxcb-icccm4", "libxkbcommon-x11-0", glib} <= set(packages)


@pytest.mark.parametrize("codename", ["bookworm", "trixie"])
def test_no_service_of_a_package_is_left_to_start_at_boot(codename: str) -> None:
    packages = call("packages_of", "test", codename).stdout.split()
    (server,) = [package for package in packages if package.startswith("postgresql")]
    assert call("units_of", server).stdout == "postgresql.service\n"
    assert "xrdp.service" in call("units_of", "xrdp").stdout


def test_package_that_another_one_provides_is_there() -> None:
    lines = r"installed, nodejs-dev, npm (= 10.8),\nconfig-files, lost,\n"
    query = f"dpkg-query() {{ [[ $# -gt 2 ]] || printf '{lines}'; }}"
    assert call(f"{query}; installed", "npm").returncode == 0
    assert call(f"{query}; installed", "pm").returncode == 1
    assert call(f"{query}; installed", "lost").returncode == 1


def test_unknown_group_is_refused() -> None:
    done = subprocess.run(["bash", SCRIPT, "everything"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr
