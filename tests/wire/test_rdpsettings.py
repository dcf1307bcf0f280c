"""The table of settings: what gets into a file, what does not, and what real clients make of it."""

import contextlib
import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire import rdpfile
from dialback.wire.rdpfile import Setting
from dialback.wire.rdpsettings import (
    PROPERTIES,
    Kind,
    Property,
    Value,
    build_settings,
    complete,
    find,
    gateway,
    remote_app,
)
from dialback.wire.rdpsign import SECURE_SETTINGS, attach, prepare
from lab.display import Display
from lab.freerdp import FreeRdp, Version

DOC = Path(__file__).parents[2] / "docs" / "protocols" / "rdp-file.md"

EXPLICIT = """
alternate full address, audiomode, authentication level, autoreconnection enabled, alternate shell,
devicestoredirect, disableconnectionsharing, drivestoredirect, enablecredsspsupport, full address,
gatewaycredentialssource, gatewayhostname, gatewayprofileusagemethod, gatewayusagemethod,
kdcproxyname, loadbalanceinfo, negotiate security layer, prompt for credentials,
promptcredentialonce, rdgiskdcproxy, redirectclipboard, redirectcomports, redirectdirectx,
redirectdrives, redirectposdevices, redirectprinters, redirectsmartcards, remoteapplicationmode,
remoteapplicationprogram, require pre-authentication, server port, shell working directory, support
url, use redirection server name
"""


def row(each: Property) -> str:
    """Return the setting's row in the table of the documentation."""

    def shown(value: Value | None) -> str:
        return "none" if value is None else "empty" if value == "" else str(value).replace("|", "\\|")

    allowed = each.allowed
    if isinstance(allowed, range):
        words = f"{allowed.start} to {allowed.stop - 1}"
    elif isinstance(allowed, tuple):
        words = ", ".join(map(str, allowed))
    else:
        words = "" if allowed is None else "checked form"
    cells = [f"`{each.name}`", each.kind.value, words, shown(each.default), shown(each.explicit)]
    return "| " + " | ".join([*cells, "yes" if each.secure else "no", each.meaning]) + " |"


@pytest.mark.parametrize("each", PROPERTIES, ids=lambda each: each.name)
def test_each_setting_is_documented_as_it_is(each: Property) -> None:
    assert row(each) in DOC.read_text(encoding="utf-8")


@pytest.mark.parametrize("each", PROPERTIES, ids=lambda each: each.name)
def test_each_setting_accepts_what_clients_assume_and_what_we_write(each: Property) -> None:
    for value in (each.default, each.explicit):
        if value is not None:
            assert build_settings({each.name: value}) == (Setting(each.name, value),)


def test_every_secure_setting_is_in_the_table() -> None:
    assert [find(name).secure for name in SECURE_SETTINGS] == [True] * len(SECURE_SETTINGS)
    assert sum(each.secure for each in PROPERTIES) == len(SECURE_SETTINGS)


def test_names_are_unique_and_lower_case_as_remmina_wants_them() -> None:
    names = [each.name for each in PROPERTIES]
    assert len(set(names)) == len(names)
    assert [name for name in names if name != name.lower()] == []


def test_settings_stand_in_the_table_s_order_and_spelling() -> None:
    settings = build_settings({"RedirectClipboard": 1, "Full Address": "desk"})
    assert settings == (Setting("full address", "desk"), Setting("redirectclipboard", 1))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"no such": 1}, "no such"),
        ({"a\nfull address": "x"}, "full address"),
        ({"username": 1}, "username"),
        ({"username": b"x"}, "username"),
        ({"server port": "3389"}, "server port"),
        ({"redirectclipboard": True}, "redirectclipboard"),
        ({"password 51": "01"}, "password 51"),
        ({"redirectclipboard": 2}, "redirectclipboard"),
        ({"server port": 0}, "server port"),
        ({"gatewayusagemethod": -1}, "gatewayusagemethod"),
        ({"desktopscalefactor": 110}, "desktopscalefactor"),
        ({"full address": ""}, "full address"),
        ({"full address": "a b"}, "full address"),
        ({"full address": "a/b"}, "full address"),
        ({"gatewayhostname": "a:b"}, "gatewayhostname"),
        ({"remoteapplicationfileextensions": "txt"}, "remoteapplicationfileextensions"),
        ({"allowed security protocols": "TLS,RDSTLS"}, "allowed security protocols"),
        ({"username": "a "}, "username"),
        ({"username": "a\u202eb"}, "username"),
        ({"Username": "a", "username": "a"}, "username"),
        ({"username": "a" * 65536}, "username"),
    ],
)
def test_value_that_does_not_fit_is_refused_by_its_name(values: dict[str, Value], name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(name)):
        build_settings(values)


def test_refused_value_is_not_shown() -> None:
    with pytest.raises(ValueError, match="gatewayaccesstoken") as caught:
        build_settings({"gatewayaccesstoken": "hunter2\n"})
    assert "hunter2" not in str(caught.value)


def built(values: dict[str, Value]) -> tuple[tuple[Setting, ...], str]:
    """Return the settings, or none and the words in which they are refused."""
    try:
        return build_settings(values), ""
    except ValueError as error:
        return (), str(error)


_TEXTS = st.text() | st.text("a:\\\r\n\0 \u200f\u202e/|🖥ё", max_size=12)
_VALUES = _TEXTS | st.integers() | st.binary(max_size=8)
_NAMES = st.sampled_from([each.name for each in PROPERTIES])


@given(st.dictionaries(_NAMES, _VALUES, max_size=6))
def test_what_goes_in_comes_out_or_is_refused_by_its_name(values: dict[str, Value]) -> None:
    settings, refusal = built(values)
    if refusal:
        assert any(repr(name) in refusal for name in values)
        return
    read = rdpfile.parse(rdpfile.decode(rdpfile.encode(rdpfile.build(settings))))
    assert {each.name: each.value for each in read} == values


@given(st.sampled_from([each for each in PROPERTIES if each.kind is Kind.TEXT]), _TEXTS)
def test_no_text_adds_a_line(each: Property, text: str) -> None:
    settings, refusal = built({each.name: text})
    if refusal:
        assert repr(each.name) in refusal
        return
    assert rdpfile.build(settings) == f"{each.name}:s:{text}\r\n"
    assert len(rdpfile.build(settings).splitlines()) == 1


@given(st.text())
def test_no_text_is_a_name_by_mistake(name: str) -> None:
    with contextlib.suppress(ValueError):
        assert find(name) in PROPERTIES


def test_secure_settings_are_explicit_and_ask_for_nothing() -> None:
    values = complete({"full address": "desk"})
    assert {name for name in values if find(name).secure} == set(" ".join(EXPLICIT.split()).split(", "))
    redirections = {value for name, value in values.items() if "redirect" in name}
    assert redirections == {0, ""}


def test_what_was_asked_for_wins_over_the_explicit_value() -> None:
    assert complete({"full address": "desk", "RedirectClipboard": 1})["redirectclipboard"] == 1


@pytest.mark.parametrize(
    ("address", "port"), [("a", 3389), ("a:1", 1), ("[::1]", 3389), ("[::1]:65535", 65535)]
)
def test_address_gives_the_port_and_the_alternate_address(address: str, port: int) -> None:
    values = complete({"full address": address})
    assert (values["server port"], values["alternate full address"]) == (port, address)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "full address"),
        ({"full address": "a:0"}, "full address"),
        ({"full address": "a:65536"}, "full address"),
        ({"full address": "a:1", "server port": 2}, "server port"),
        ({"full address": "a", "alternate full address": "b"}, "alternate full address"),
        ({"full address": "a", "remoteapplicationmode": 1}, "remoteapplicationprogram"),
    ],
)
def test_contradiction_is_refused_by_its_name(values: dict[str, Value], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        complete(values)


def test_gateway_takes_a_token_or_asks_for_a_password() -> None:
    with_token, without = gateway("gw:443", "t"), gateway("gw")
    assert (with_token["gatewaycredentialssource"], with_token["promptcredentialonce"]) == (5, 0)
    assert (without["gatewaycredentialssource"], without["promptcredentialonce"]) == (0, 1)
    assert with_token["gatewayaccesstoken"] == "t"
    assert "gatewayaccesstoken" not in without


def test_app_is_named_by_its_alias_everywhere() -> None:
    app = remote_app("notepad", "Notepad", extensions=[".txt", ".log"])
    values = complete({"full address": "desk", **app})
    assert values["remoteapplicationprogram"] == values["alternate shell"] == "||notepad"
    assert values["remoteapplicationfileextensions"] == ".txt,.log"
    assert values["remoteapplicationcmdline"] == ""


def test_app_needs_an_alias() -> None:
    with pytest.raises(ValueError, match="remoteapplicationprogram"):
        remote_app("", "Notepad")


@pytest.mark.interop
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    "extra", [{}, {"username": "Zoë", "loadbalanceinfo": "tsv://x"}], ids=["ascii", "utf16"]
)
def test_freerdp_dials_what_a_signed_file_says(
    tmp_path: Path, version: Version, extra: dict[str, Value]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Display(tmp_path) as display:
        server.settimeout(15)
        values = complete({"full address": f"127.0.0.1:{server.getsockname()[1]}", **extra})
        file = tmp_path / "desk.rdp"
        signed = attach(prepare(build_settings(values)), bytes(3000))
        file.write_bytes(rdpfile.encode(rdpfile.build(signed)))
        with FreeRdp(display, tmp_path, version=version) as client:
            client.connect(file, user=None if extra else "alice", password="x")
            connection, _ = server.accept()
            with connection:
                request = connection.recv(400)
    assert (b"tsv://x\r\n" if extra else b"Cookie: mstshash=alice\r\n") in request
