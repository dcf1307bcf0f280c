"""The second opinion on connection files: it accepts what the signer made, and nothing that was changed."""

from pathlib import Path

import pytest

from dialback.wire import rdpfile, rdpsign
from lab.process import Failed
from lab.signature import settings_of, value_of, verify
from tests.web.portal.stage import signing_key

TEXT = "full address:s:office\r\ngatewayhostname:s:gw.example.org:443\r\nredirectclipboard:i:1\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signer")


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    unsigned = rdpsign.prepare(rdpfile.parse(TEXT))
    pkcs7 = signing_key(folder).sign(unsigned.message)
    return rdpfile.build(rdpsign.attach(unsigned, pkcs7))


def written(folder: Path, text: str, encoding: str = "ascii") -> Path:
    file = folder / "office.rdp"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_file_is_accepted_in_either_encoding(folder: Path, text: str, encoding: str) -> None:
    scope = verify(written(folder, text, encoding), folder / "ca.pem")
    assert scope == ["Full Address", "Alternate Full Address", "GatewayHostname", "RedirectClipboard"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("gw.example.org", "gw.evil.test"), ("GatewayHostname,", ""), ("clipboard:i:1", "clipboard:i:0")],
)
def test_file_that_was_changed_is_refused(folder: Path, text: str, old: str, new: str) -> None:
    assert old in text
    with pytest.raises(Failed, match="ended with"):
        verify(written(folder, text.replace(old, new)), folder / "ca.pem")


def test_file_of_another_signer_is_refused(folder: Path, text: str, tmp_path: Path) -> None:
    signing_key(tmp_path)
    with pytest.raises(Failed, match="ended with"):
        verify(written(folder, text), tmp_path / "ca.pem")


def test_file_without_a_signature_is_refused(folder: Path) -> None:
    with pytest.raises(Failed, match="expected the setting signscope"):
        verify(written(folder, TEXT), folder / "ca.pem")


def test_value_may_hold_colons(folder: Path) -> None:
    file = written(folder, TEXT)
    assert value_of(file, "GatewayHostname") == "gw.example.org:443"
    assert list(settings_of(file)) == ["full address", "gatewayhostname", "redirectclipboard"]
