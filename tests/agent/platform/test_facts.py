import platform

import pytest

from dialback.agent.platform.facts import host_name, system_text


def test_host_has_a_name() -> None:
    assert host_name()


def test_system_is_named_with_its_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"PRETTY_NAME": "Debian 12"})
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    assert system_text() == "Debian 12, x86_64"


def test_system_without_a_release_file_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> dict[str, str]:
        raise FileNotFoundError

    monkeypatch.setattr(platform, "freedesktop_os_release", missing)
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setattr(platform, "release", lambda: "11")

    assert system_text().startswith("Windows 11, ")
