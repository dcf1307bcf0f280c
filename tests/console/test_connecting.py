"""The whole way from *connect* to the client's end, with a client of a few lines in place of FreeRDP's."""

import asyncio
import os
import ssl
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.console.announced import NOTHING
from dialback.console.clients import Client, Program
from dialback.console.connecting import Access, ClientNotStarted, Connecting, Step
from dialback.console.proof import Proof, Proven
from dialback.console.saved import Saved
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, TenantId
from dialback.domain.secret import Secret
from dialback.identity.authority import Authority
from dialback.identity.host_keys import HostKey
from tests.console.announcements import TARGET, announce
from tests.console.gateway_stub import CONFIRM_CLASSIC, GatewayStub
from tests.console.rdp_client import REACH
from tests.wire.first_flights import server

CLIENT = f"""#!{{python}}
import pathlib
{REACH}
with reach() as sock:
    sock.sendall(b"x" * 100)
    heard = 0
    while heard < 100 and (data := sock.recv(100)):
        heard += len(data)
pathlib.Path(sys.argv[0]).with_name("told").write_text(" ".join(sys.argv[1:]) + " heard=%d" % heard)
{{more}}
"""


class Technician:
    """Somebody at a console, and what they were told."""

    def __init__(self, stub: GatewayStub, folder: Path) -> None:
        self.stub = stub
        self.folder = folder
        self.saved = Saved(folder / "saved")
        self.told: list[Step] = []
        self.key = HostKey.generate()
        self.access = Access(
            TenantId("acme"),
            HostId("h1"),
            "acme/files",
            "r1",
            Secret("t"),
            self.key.public_bytes.hex(),
            TARGET,
            announce(self.key, "h1", stub.certificate_sha256),
        )

    def program(self, more: str = "") -> Program:
        path = self.folder / "client"
        path.write_text(CLIENT.format(python=sys.executable, more=more))
        path.chmod(0o700)
        return Program(Client.FREERDP_2, str(path))

    @property
    def connecting(self) -> Connecting:
        return Connecting(self.stub.gateway, self.program(), self.saved, 0)

    async def ask(self) -> Access:
        return self.access

    def tell(self, step: Step, detail: str) -> None:
        self.told.append(step)

    @property
    def heard(self) -> str:
        return (self.folder / "told").read_text()


@pytest.fixture
def technician(stub: GatewayStub, tmp_path: Path) -> Technician:
    return Technician(stub, tmp_path)


async def test_client_reaches_the_host_with_its_certificate_pinned(technician: Technician) -> None:
    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert (visit.status, visit.proof.proven) == (0, Proven.YES)
    assert visit.traffic.to_host_bytes > 100
    assert technician.told == list(Step)
    assert technician.heard.endswith("heard=100")
    assert "/cert:deny,fingerprint:sha256:" in technician.heard
    assert Secret("t").reveal() not in technician.heard.split()


async def test_proof_is_told_before_the_client_starts(technician: Technician) -> None:
    said: list[str] = []

    def tell(step: Step, detail: str) -> None:
        assert not (technician.folder / "told").exists() or step is Step.ENDED
        if step is Step.PROVEN:
            said.append(detail)

    visit = await technician.connecting.connect(technician.ask, tell)

    assert said == [visit.proof.sentence]
    assert said[0].startswith("Proven:")


async def test_client_is_pinned_to_nothing_only_where_nothing_was_announced(technician: Technician) -> None:
    technician.access = replace(technician.access, announced=NOTHING)

    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert visit.proof.proven is Proven.UNANNOUNCED
    assert "/cert:" not in technician.heard


async def test_platform_that_lies_about_the_certificate_proves_nothing(technician: Technician) -> None:
    """It stands in between, with a certificate of its own, and says that this was announced."""
    liar = announce(HostKey.generate(), "h1", technician.stub.certificate_sha256)
    technician.access = replace(technician.access, announced=liar)

    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert visit.proof.proven is Proven.UNANNOUNCED
    assert visit.proof.sentence.endswith("for this host and target: it was changed.")
    assert "/cert:" not in technician.heard


async def test_key_that_is_known_of_the_host_is_what_verifies(technician: Technician) -> None:
    """A platform cannot swap the key along with the signature, except at the first connection."""
    await technician.connecting.connect(technician.ask, technician.tell)
    other = HostKey.generate()
    technician.access = replace(
        technician.access,
        host_key=other.public_bytes.hex(),
        announced=announce(other, "h1", technician.stub.certificate_sha256),
    )

    with pytest.raises(Refused) as refused:
        await technician.connecting.connect(technician.ask, technician.tell)

    assert refused.value.reason is Reason.HOST_KEY_OTHER


async def test_announcement_of_another_target_proves_nothing(technician: Technician) -> None:
    technician.access = replace(technician.access, target="127.0.0.1:3390")

    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert visit.proof.proven is Proven.UNANNOUNCED


async def test_announcement_of_long_ago_proves_nothing(technician: Technician) -> None:
    connecting = Connecting(
        technician.stub.gateway,
        technician.program(),
        technician.saved,
        0,
        lambda: datetime.now(UTC) + timedelta(hours=3),
    )

    visit = await connecting.connect(technician.ask, technician.tell)

    assert "look at the clocks here and on the host" in visit.proof.sentence


async def test_no_client_starts_when_plain_rdp_comes_in_place_of_the_certificate(
    technician: Technician,
) -> None:
    technician.stub.confirm = CONFIRM_CLASSIC

    with pytest.raises(Refused, match="shown is none, announced was ") as refused:
        await technician.connecting.connect(technician.ask, technician.tell)

    assert refused.value.reason is Reason.HOST_CERTIFICATE_OTHER
    assert technician.told == [Step.ASKING, Step.REACHING, Step.PROVING]
    assert not (technician.folder / "told").exists()


async def test_certificate_that_changes_once_the_client_connects_cuts_its_leg(
    technician: Technician, tmp_path: Path
) -> None:
    """Somebody in between lets the console look at the host, and takes the client for themselves."""
    (tmp_path / "other").mkdir()
    certificate, key = Authority.open(tmp_path / "other").ensure_server_certificate(["localhost"])

    def tell(step: Step, detail: str) -> None:
        if step is Step.CONNECTED:
            technician.stub.desktop = server(certificate, key, ssl.TLSVersion.TLSv1_2)

    async def report(proof: Proof) -> None:
        told.append(proof.proven)

    told: list[Proven] = []
    technician.access = replace(technician.access, report=report)
    visit = await technician.connecting.connect(technician.ask, tell)

    assert told == [Proven.YES, Proven.OTHER]
    assert visit.status != 0
    assert visit.traffic.refused is not None
    assert visit.traffic.refused.reason is Reason.HOST_CERTIFICATE_OTHER
    assert not (technician.folder / "told").exists()


async def test_host_with_another_key_is_not_even_dialled(technician: Technician) -> None:
    technician.saved.check_key(TenantId("acme"), HostId("h1"), "bb")

    with pytest.raises(Refused) as refused:
        await technician.connecting.connect(technician.ask, technician.tell)

    assert refused.value.reason is Reason.HOST_KEY_OTHER
    assert technician.stub.heads == []


async def test_refused_technician_is_told_before_any_client_starts(technician: Technician) -> None:
    technician.stub.refusal = Reason.CONSENT_FORBIDDEN

    with pytest.raises(Refused) as refused:
        await technician.connecting.connect(technician.ask, technician.tell)

    assert refused.value.reason is Reason.CONSENT_FORBIDDEN
    assert technician.told == [Step.ASKING, Step.REACHING]
    assert not (technician.folder / "told").exists()


async def test_client_that_cannot_be_started_is_named(technician: Technician) -> None:
    missing = Program(Client.FREERDP_3, str(technician.folder / "nothing"))
    connecting = Connecting(technician.stub.gateway, missing, technician.saved, 0)

    with pytest.raises(ClientNotStarted, match="nothing cannot be started: No such file"):
        await connecting.connect(technician.ask, technician.tell)


async def test_client_that_crashes_ends_the_visit_with_its_status(technician: Technician) -> None:
    connecting = Connecting(
        technician.stub.gateway, technician.program("import os; os.abort()"), technician.saved, 0
    )

    visit = await connecting.connect(technician.ask, technician.tell)

    assert visit.status == -6
    assert visit.problem == "The RDP client ended with status -6; its own messages say why."


@pytest.mark.parametrize("status", [0, 1, 2, 12])
async def test_client_that_ends_as_sessions_do_is_no_problem(technician: Technician, status: int) -> None:
    program = technician.program(f"sys.exit({status})")
    connecting = Connecting(technician.stub.gateway, program, technician.saved, 0)

    visit = await connecting.connect(technician.ask, technician.tell)

    assert (visit.status, visit.problem) == (status, "")


@pytest.mark.parametrize("status", [0, 1, 131])
async def test_client_that_ends_before_it_connected_is_named_so(technician: Technician, status: int) -> None:
    path = technician.folder / "client"
    path.write_text(f"#!{sys.executable}\nraise SystemExit({status})\n")
    path.chmod(0o700)
    program = Program(Client.FREERDP_3, str(path))
    connecting = Connecting(technician.stub.gateway, program, technician.saved, 0)

    visit = await connecting.connect(technician.ask, technician.tell)

    said = f"The RDP client ended before it connected, with status {status}; its own messages say why."
    assert (visit.status, visit.problem) == (status, said)


async def test_cancelled_visit_leaves_no_client_behind(technician: Technician) -> None:
    program = technician.program("import time; time.sleep(600)")
    connecting = Connecting(technician.stub.gateway, program, technician.saved, 0)
    connected = asyncio.Event()

    def tell(step: Step, detail: str) -> None:
        if step is Step.CONNECTED:
            connected.set()

    visiting = asyncio.create_task(connecting.connect(technician.ask, tell))
    async with asyncio.timeout(10):
        await connected.wait()
    visiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visiting

    running = [
        each for each in Path("/proc").iterdir() if each.name.isdecimal() and _is_run_by(each, program)
    ]
    assert running == []


def _is_run_by(process: Path, program: Program) -> bool:
    try:
        return os.fsencode(program.path) in (process / "cmdline").read_bytes()
    except OSError:
        return False


async def test_client_that_wants_a_file_gets_one_that_is_removed(technician: Technician) -> None:
    path = technician.folder / "client"
    path.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "text = pathlib.Path(sys.argv[-1]).read_bytes().decode()\n"
        "pathlib.Path(sys.argv[0]).with_name('told').write_text(sys.argv[-1] + '\\n' + text)\n"
    )
    path.chmod(0o700)
    connecting = Connecting(technician.stub.gateway, Program(Client.REMMINA, str(path)), technician.saved, 0)

    await connecting.connect(technician.ask, technician.tell)

    name, _, text = technician.heard.partition("\n")
    assert "server=127." in text
    assert Path(name).name.startswith("dialback-acme-files-")
    assert name.endswith(".remmina")
    assert not Path(name).exists()


async def test_platform_is_told_what_was_seen_while_the_leg_stands(technician: Technician) -> None:
    told: list[Proof] = []

    async def report(proof: Proof) -> None:
        told.append(proof)

    technician.access = replace(technician.access, report=report)
    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert told == [visit.proof]


async def test_platform_is_told_of_another_certificate_before_it_is_refused(technician: Technician) -> None:
    told: list[Proof] = []

    async def report(proof: Proof) -> None:
        told.append(proof)

    other = announce(technician.key, "h1", "ab" * 32)
    technician.access = replace(technician.access, announced=other, report=report)
    with pytest.raises(Refused) as refused:
        await technician.connecting.connect(technician.ask, technician.tell)

    assert refused.value.reason is Reason.HOST_CERTIFICATE_OTHER
    assert told == [Proof(Proven.OTHER, technician.stub.certificate_sha256, "ab" * 32)]


async def test_platform_that_cannot_be_told_is_no_reason_not_to_connect(technician: Technician) -> None:
    async def report(proof: Proof) -> None:
        raise OSError("the network is down")

    technician.access = replace(technician.access, report=report)
    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert visit.status == 0


async def test_visit_that_was_cut_says_why(technician: Technician) -> None:
    async def read_end() -> dict[str, str]:
        return {"reason": "tenant-suspended", "detail": "since noon"}

    technician.access = replace(technician.access, read_end=read_end)
    visit = await technician.connecting.connect(technician.ask, technician.tell)

    assert visit.refused is not None
    assert (visit.refused.reason, visit.refused.detail) == (Reason.TENANT_SUSPENDED, "since noon")
    assert technician.told[-1] is Step.ENDED
