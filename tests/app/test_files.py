"""Connection files as a server hands them out: signed for real, and open to the clients that read them."""

from pathlib import Path

from dialback.app.files import connection_file, signing_key
from dialback.app.settings import ServerSettings, Settings
from dialback.domain.catalog import Resource
from dialback.domain.ids import HostId, ResourceName, UserName
from dialback.domain.secret import Secret
from dialback.wire import rdpfile, rdpsign
from tests.openssl import cms_verifies

SETTINGS = Settings(ServerSettings(address="gw.example.org:443"))
RESOURCE = Resource(ResourceName("office"), HostId("h" * 16))


def file_of(folder: Path, user: str = "anna") -> bytes:
    key = signing_key(folder, SETTINGS)
    return connection_file(key, "gw.example.org:443", RESOURCE, UserName(user), Secret("tok"))


def test_file_names_gateway_resource_user_and_token(tmp_path: Path) -> None:
    settings = {each.name: each.value for each in rdpfile.parse(rdpfile.decode(file_of(tmp_path)))}
    expected = {
        "full address": "office",
        "alternate full address": "office",
        "gatewayhostname": "gw.example.org:443",
        "gatewaycredentialssource": 5,
        "gatewayaccesstoken": "tok",
        "username": "anna",
        "redirectclipboard": 1,
        "redirectdrives": 0,
    }
    assert {name: settings[name] for name in expected} == expected


def test_signature_of_a_file_is_good_and_covers_where_it_leads(tmp_path: Path) -> None:
    signed = rdpsign.read(rdpfile.parse(rdpfile.decode(file_of(tmp_path, "Zoë"))))
    assert signed is not None
    assert cms_verifies(tmp_path, signed.pkcs7, signed.message, tmp_path / "ca.pem")
    assert {"Full Address", "GatewayHostname", "RedirectDrives"} <= set(signed.scope)


def test_key_is_made_once(tmp_path: Path) -> None:
    assert signing_key(tmp_path, SETTINGS).sha256 == signing_key(tmp_path, SETTINGS).sha256
