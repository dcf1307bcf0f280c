"""The key that signs connection files."""

from pathlib import Path

from dialback.app.files import signing_key
from dialback.app.settings import ServerSettings, Settings

SETTINGS = Settings(ServerSettings(address="gw.example.org:443"))


def test_key_is_made_once_for_the_servers_name(tmp_path: Path) -> None:
    key = signing_key(tmp_path, SETTINGS)
    assert signing_key(tmp_path, SETTINGS).sha256 == key.sha256
    assert "gw.example.org" in key.facts.subject
