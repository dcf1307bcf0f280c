"""Connection files as a server hands them out: signed for real, and open to the clients that read them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.catalog import ApplicationGroup, ApplicationGroupKind, PublishedResource, RemoteApp
from dialback.domain.directory import Published
from dialback.domain.ids import (
    ApplicationGroupId,
    PoolId,
    ResourceId,
    ResourceName,
    UserId,
    UserName,
)
from dialback.domain.pools import HostPool, Redirection
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authority import Authority
from dialback.identity.signing import SigningKey
from dialback.web.connection_files import ConnectionFiles, app_settings, redirection_settings
from dialback.wire import rdpfile, rdpsettings, rdpsign
from tests.openssl import cms_verifies

USER = User(MAIN, UserId("u1"), UserName("anna"))
POOL = HostPool(MAIN, PoolId("p1"), "Office")
GROUP = ApplicationGroup(MAIN, ApplicationGroupId("a1"), "Desktops", POOL.id)
DESKTOP = PublishedResource(MAIN, ResourceId("r1"), GROUP.id, ResourceName("office"), "Office")
APP = replace(
    DESKTOP,
    title="Editor",
    remote_app=RemoteApp("||notepad", ' "%1" ', "C:\\Users", (".txt", ".log")),
)
PUBLISHED = Published(DESKTOP, GROUP, POOL)
TOKEN = Secret("tok")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def files(folder: Path) -> ConnectionFiles:
    key = SigningKey.open(Authority.open(folder), "gw.example.org")
    return ConnectionFiles(key, "gw.example.org:443")


def settings_of(file: bytes) -> dict[str, object]:
    return {each.name: each.value for each in rdpfile.parse(rdpfile.decode(file))}


def with_pool(**changes: object) -> Published:
    return replace(PUBLISHED, pool=replace(POOL, **changes))  # type: ignore[arg-type]


def test_file_names_gateway_resource_user_and_token(files: ConnectionFiles) -> None:
    settings = settings_of(files.one_click(PUBLISHED, USER, TOKEN))
    expected = {
        "full address": "office",
        "alternate full address": "office",
        "gatewayhostname": "gw.example.org:443",
        "gatewayusagemethod": 1,
        "gatewaycredentialssource": 5,
        "gatewayaccesstoken": "tok",
        "username": "anna",
        "remoteapplicationmode": 0,
    }
    assert {name: settings[name] for name in expected} == expected


def test_unsigned_file_of_the_feed_lacks_ticket_and_signature_alone(files: ConnectionFiles) -> None:
    unsigned = settings_of(files.unsigned(PUBLISHED, USER, "gw.example.org"))
    signed = settings_of(files.feed(PUBLISHED, USER, TOKEN, "gw.example.org"))
    assert {name for name in signed if signed[name] != unsigned.get(name)} == {
        "gatewayaccesstoken",
        "signature",
    }
    assert unsigned.keys() == signed.keys() - {"signature"}


def test_usual_pool_shares_clipboard_and_sound_alone(files: ConnectionFiles) -> None:
    settings = settings_of(files.one_click(PUBLISHED, USER, TOKEN))
    expected = {
        "redirectclipboard": 1,
        "audiomode": 0,
        "drivestoredirect": "",
        "redirectdrives": 0,
        "redirectprinters": 0,
        "camerastoredirect": "",
        "audiocapturemode": 0,
        "redirectsmartcards": 0,
        "redirectwebauthn": 0,
        "redirectcomports": 0,
        "usbdevicestoredirect": "",
        "devicestoredirect": "",
        "redirectlocation": 0,
        "use multimon": 1,
    }
    assert {name: settings[name] for name in expected} == expected


def test_policy_of_the_pool_is_in_the_file(files: ConnectionFiles) -> None:
    published = with_pool(redirections=frozenset(Redirection) - {Redirection.SOUND}, multi_monitor=False)
    settings = settings_of(files.one_click(published, USER, TOKEN))
    expected = {
        "audiomode": 2,
        "drivestoredirect": "*",
        "redirectdrives": 1,
        "usbdevicestoredirect": "*",
        "redirectlocation": 1,
        "use multimon": 0,
    }
    assert {name: settings[name] for name in expected} == expected


@given(st.frozensets(st.sampled_from(Redirection)))
def test_each_redirection_is_said_and_changes_nothing_of_another(allowed: frozenset[Redirection]) -> None:
    settings = redirection_settings(allowed)
    alone = {one: redirection_settings(frozenset({one})) for one in Redirection}
    none, every = redirection_settings(frozenset()), redirection_settings(frozenset(Redirection))
    assert settings.keys() == none.keys()
    for redirection in Redirection:
        own = [name for name in none if alone[redirection][name] != none[name]]
        assert own
        right = every if redirection in allowed else none
        assert all(settings[name] == right[name] for name in own)
    assert rdpsettings.build_settings(settings)


def test_every_redirection_that_is_on_by_default_is_written_as_off() -> None:
    refused = redirection_settings(frozenset())
    redirecting = [
        each for each in rdpsettings.PROPERTIES if each.name.startswith(("redirect", "drivesto", "devicesto"))
    ]
    for each in redirecting:
        if each.default in (1, "*"):
            assert refused[each.name] in (0, "")


def test_app_is_a_remote_app(files: ConnectionFiles) -> None:
    group = replace(GROUP, kind=ApplicationGroupKind.REMOTE_APP)
    settings = settings_of(files.one_click(Published(APP, group, POOL), USER, TOKEN))
    expected = {
        "full address": "office",
        "remoteapplicationmode": 1,
        "remoteapplicationprogram": "||notepad",
        "alternate shell": "||notepad",
        "shell working directory": "C:\\Users",
        "remoteapplicationname": "Editor",
        "remoteapplicationcmdline": '"%1"',
        "remoteapplicationfileextensions": ".txt,.log",
    }
    assert {name: settings[name] for name in expected} == expected


def test_app_without_an_alias_is_named_by_its_path() -> None:
    program = "C:\\Windows\\notepad.exe"
    settings = app_settings(replace(APP, remote_app=RemoteApp(program)))
    assert (settings["remoteapplicationprogram"], settings["alternate shell"]) == (program, program)


def test_desktop_is_no_app() -> None:
    assert app_settings(DESKTOP) == {}


def test_file_of_a_feed_names_its_publisher(files: ConnectionFiles) -> None:
    settings = settings_of(files.feed(PUBLISHED, USER, TOKEN, "w1.gw.example.org"))
    assert (settings["workspace id"], settings["gatewayaccesstoken"]) == ("w1.gw.example.org", "tok")
    assert "workspace id" not in settings_of(files.one_click(PUBLISHED, USER, TOKEN))


@pytest.mark.parametrize("name", ["anna", "Zoë", "𝄞@corp.example", "a:s:b"])
@pytest.mark.parametrize("kind", ["one_click", "feed"])
def test_signature_of_a_file_is_good_and_covers_where_it_leads(
    files: ConnectionFiles, folder: Path, tmp_path: Path, name: str, kind: str
) -> None:
    user = replace(USER, name=UserName(name))
    file = getattr(files, kind)(PUBLISHED, user, TOKEN, *(["gw.example.org"] if kind == "feed" else []))
    signed = rdpsign.read(rdpfile.parse(rdpfile.decode(file)))
    assert signed is not None
    assert cms_verifies(tmp_path, signed.pkcs7, signed.message, folder / "ca.pem")
    assert {"Full Address", "GatewayHostname", "RedirectDrives", "AudioMode"} <= set(signed.scope)
    assert settings_of(file)["username"] == name


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Cf", "Zl", "Zp"]), max_size=30)


@given(TEXTS, TEXTS, TEXTS.map(str.strip).filter(bool))
def test_no_text_of_an_app_adds_a_setting(arguments: str, directory: str, title: str) -> None:
    resource = replace(APP, title=title, remote_app=RemoteApp("||app", arguments, directory))
    settings = rdpsettings.build_settings(app_settings(resource))
    assert {each.name for each in settings} == set(app_settings(APP))
