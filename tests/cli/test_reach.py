"""The console in the terminal, against answers of the API as its schema has them."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dialback.cli.api import Api
from dialback.cli.context import Failed
from dialback.cli.reach import _display, _tell, _visit, ask_access, find_served
from dialback.console.announced import Announced
from dialback.console.clients import Display
from dialback.console.connecting import Access, Ask, Step, Tell, Visit
from dialback.console.ended import why_ended
from dialback.console.legs import Gateway, open_leg
from dialback.console.proof import Proof, Proven
from dialback.console.redirector import Traffic
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, TenantId
from dialback.transport.dial import Proxy
from dialback.transport.tls import client_context
from tests.cli.conftest import Terminal
from tests.console import rdp_client
from tests.console.gateway_stub import running
from tests.console.window.platform_stub import TOKEN, PlatformStub, stocked
from tests.transport.test_dial import serving, tunnelling

HOSTS = [
    {"id": "h1", "name": "Files"},
    {"id": "h2", "name": "mail"},
    {"id": "h3", "name": "MAIL"},
]
REACH = {
    "request": "r1",
    "token": "s3cret",
    "alias": "r1",
    "address": "gw.example.org:443",
    "host_name": "Files",
    "host_key": "aa",
    "target": "127.0.0.1:3389",
    "certificates": {"127.0.0.1:3389": "bb", "127.0.0.1:3390": "cc"},
    "signatures": {"127.0.0.1:3389": {"signed_at": "2026-05-04T08:00:07Z", "signature": "c2ln"}},
}


class Platform:
    """What the API answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self.queries: list[str] = []
        self.context = client_context()
        self.reach: dict[str, object] = REACH

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((f"{request.method} {request.url.path}", body))
        self.queries.append(request.url.query.decode())
        if request.url.path.endswith("/r1/end"):
            return httpx.Response(200, json={"reason": "tenant-suspended", "detail": "since noon"})
        if request.method == "POST":
            return httpx.Response(201, json=self.reach)
        if "/tenants/birch/" in request.url.path:
            return httpx.Response(404, json={"reason": "not-found", "title": "There is no such thing."})
        return httpx.Response(200, json={"items": HOSTS, "after": ""})

    def api(self) -> Api:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="https://gw")
        return Api(client, "gw", "gw", self.context)


async def way_of(platform: Platform, target: str = "") -> tuple[Access, Gateway]:
    return await ask_access(
        platform.api(), TenantId("acme"), HostId("h1"), "printer", ConsentScope.DESKTOP, target=target
    )


async def asked_of(platform: Platform, target: str = "") -> Access:
    access, _ = await way_of(platform, target)
    return access


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy of this machine count."""
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.mark.parametrize("where", ["acme/h1", "acme/files", "acme/FILES"])
async def test_host_is_found_by_id_or_name(platform: Platform, where: str) -> None:
    assert await find_served(platform.api(), where) == (TenantId("acme"), HostId("h1"), None)
    assert platform.asked == [("GET /api/v1/provider/tenants/acme/hosts", None)]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("files", "Expected TENANT/HOST"),
        ("acme/", "Expected TENANT/HOST"),
        ("acme/web", "no host 'web'"),
        ("acme/Mail", "several hosts 'Mail'"),
        ("birch/files", "You serve no tenant 'birch'"),
    ],
)
async def test_host_that_is_not_one_is_named(platform: Platform, where: str, said: str) -> None:
    with pytest.raises(Failed, match=said):
        await find_served(platform.api(), where)


async def test_access_is_asked_with_its_purpose(platform: Platform) -> None:
    access, gateway = await ask_access(
        platform.api(),
        TenantId("acme"),
        HostId("h1"),
        "printer is stuck",
        ConsentScope.DESKTOP,
        ticket_number="4711",
    )

    asked = {
        "tenant": "acme",
        "host": "h1",
        "purpose": "printer is stuck",
        "scope": "desktop",
        "target": "",
        "ticket_number": "4711",
    }
    assert platform.asked == [("POST /api/v1/provider/connections", asked)]
    assert (access.name, access.alias, access.target) == ("acme/Files", "r1", "127.0.0.1:3389")
    assert access.announced == Announced("bb", "2026-05-04T08:00:07Z", "c2ln")
    assert (gateway.name, gateway.port) == ("gw.example.org", 443)
    assert "s3cret" not in repr(access)


async def test_older_platforms_and_older_agents_are_told_apart(platform: Platform) -> None:
    """The agent behind port 3390 signs nothing; a platform without the field hands nothing over."""
    platform.reach = {**REACH, "target": "127.0.0.1:3390"}
    access = await asked_of(platform)
    assert access.announced == Announced("cc")

    platform.reach = {name: value for name, value in REACH.items() if name != "signatures"}
    access = await asked_of(platform)
    assert access.announced == Announced("bb", signs=False)


async def test_legs_go_through_the_proxy_of_the_environment(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "gateway") as stub, serving(tunnelling(stub.port)) as port:
        platform.reach = {**REACH, "address": "localhost:7"}
        platform.context = stub.client
        monkeypatch.setenv("HTTPS_PROXY", f"http://anna:secret@127.0.0.1:{port}")

        access, gateway = await way_of(platform)
        leg = await open_leg(gateway, access.alias, access.token)
        await leg.close()

        assert stub.heads[0].startswith("GET /stream/r1 ")
        assert "secret" not in repr(gateway)


async def test_gateway_that_is_excepted_is_dialled_straight(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    _, gateway = await way_of(platform)
    assert gateway.proxy == Proxy("proxy.example.org", 3128)

    monkeypatch.setenv("NO_PROXY", "example.org")
    _, gateway = await way_of(platform)
    assert gateway.proxy is None


async def test_way_to_another_target_than_asked_is_refused(platform: Platform) -> None:
    with pytest.raises(Failed, match=r"Asked for the target '127\.0\.0\.1:3390'"):
        await asked_of(platform, target="127.0.0.1:3390")


async def test_platform_is_told_what_was_seen_of_the_certificate(platform: Platform) -> None:
    access, _ = await ask_access(
        platform.api(), TenantId("acme"), HostId("h1"), "printer", ConsentScope.DESKTOP
    )
    assert access.report is not None
    await access.report(Proof(Proven.OTHER, "aa", "bb"))

    body = {"proven": "other", "shown": "aa", "announced": "bb"}
    assert platform.asked[1] == ("POST /api/v1/provider/connections/r1/proof", body)
    assert platform.queries[1] == "tenant=acme"


async def test_platform_is_asked_why_a_visit_ended_by_the_visits_own_token(platform: Platform) -> None:
    access, _ = await ask_access(
        platform.api(), TenantId("acme"), HostId("h1"), "printer", ConsentScope.DESKTOP
    )
    refused = await why_ended(access.read_end)

    assert refused is not None
    assert (refused.reason, refused.detail) == (Reason.TENANT_SUSPENDED, "since noon")
    assert platform.asked[1] == ("POST /api/v1/provider/connections/r1/end", {"token": "s3cret"})


def visit(**changes: Any) -> Visit:
    return replace(Visit(Proof(Proven.YES), Traffic(to_host_bytes=1, to_client_bytes=2), 131), **changes)


def test_visit_that_was_cut_is_told_by_its_reason_and_not_by_the_clients_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = Refused(Reason.TENANT_SUSPENDED, "since noon")
    with pytest.raises(Refused) as raised:
        _tell(visit(refused=refused))
    assert raised.value is refused
    assert "status 131" not in capsys.readouterr().out
    _tell(visit())
    assert "status 131" in capsys.readouterr().out


ALL = Display(1024, 768, full_screen=True, multi_monitor=True, clipboard=False, sound=True, user="ben")
UNSAID = dict.fromkeys(("full_screen", "multi_monitor", "clipboard", "sound"))


def test_display_is_what_was_remembered_and_what_was_said_now() -> None:
    assert _display(ALL, None, None, UNSAID) == ALL
    changed = _display(Display(), "anna", "1280X800", {**UNSAID, "full_screen": True, "clipboard": False})
    assert changed == Display(1280, 800, full_screen=True, clipboard=False, user="anna")


def test_all_of_a_display_can_be_undone() -> None:
    flags = {"full_screen": False, "multi_monitor": False, "clipboard": True, "sound": False}
    assert _display(ALL, "", "", flags) == Display()


@pytest.mark.parametrize("size", ["big", "1280", "1280x", "ax5", "1280x\u0663", "1x" + "1" * 5000])
def test_size_that_is_none_is_named(size: str) -> None:
    with pytest.raises(Failed, match="WIDTHxHEIGHT"):
        _display(Display(), None, size, UNSAID)


@pytest.mark.parametrize(("user", "size"), [("a\nb", None), (None, "9000x9000"), (None, "0x5")])
def test_display_that_cannot_be_is_said(user: str | None, size: str | None) -> None:
    with pytest.raises(Failed, match="cannot be shown so"):
        _display(Display(), user, size, UNSAID)


class Going:
    """Connects as far as it is told to, and then fails."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.shown: Display | None = None

    async def connect(self, ask: Ask, tell: Tell, display: Display) -> Visit:
        self.shown = display
        for step in self.steps:
            tell(step, "acme/files")
        raise Refused(Reason.CONSENT_DENIED)


@pytest.mark.parametrize(
    ("steps", "kept"), [([Step.ASKING, Step.REACHING], []), ([Step.REACHING, Step.CONNECTED], [ALL])]
)
async def test_display_is_kept_once_the_host_was_connected(
    platform: Platform, steps: list[Step], kept: list[Display]
) -> None:
    access, _ = await ask_access(
        platform.api(), TenantId("acme"), HostId("h1"), "printer", ConsentScope.DESKTOP
    )
    going, found = Going(*steps), list[Display]()
    with pytest.raises(Refused):
        await _visit(going, access, ALL, lambda: found.append(ALL))  # type: ignore[arg-type]
    assert going.shown == ALL
    assert found == kept


@pytest.fixture
def platform_stub(tmp_path: Path) -> Iterator[PlatformStub]:
    folder = tmp_path / "platform"
    folder.mkdir()
    with stocked(PlatformStub(folder)).running() as stub:
        yield stub


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("reach()", 0, "Ended: "),
        ("reach(); sys.exit(12)", 0, "Ended: "),
        ("reach(); sys.exit(131)", 1, "The RDP client ended with status 131; its own messages say why."),
        ("sys.exit(1)", 1, "The RDP client ended before it connected, with status 1; its own messages say"),
        ("sys.exit(0)", 1, "The RDP client ended before it connected, with status 0; its own messages say"),
    ],
)
def test_command_ends_as_the_client_did(
    platform_stub: PlatformStub,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
    said: str,
) -> None:
    client = terminal.folder / "xfreerdp3"
    client.write_text(f"#!{sys.executable}\n{rdp_client.REACH}\n{code}\n")
    client.chmod(0o700)
    monkeypatch.setenv("PATH", str(terminal.folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(terminal.folder))
    where = ("--server", platform_stub.address, "--token", TOKEN, "--ca", platform_stub.ca)

    result = terminal.run("connect", "acme/files", "--purpose", "printer", "--port", "0", *where)

    assert result.exit_code == status, result.output
    assert "Proven: the host shows the certificate that its agent announced." in result.output
    assert said in result.output
