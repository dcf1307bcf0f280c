import json
import stat
from pathlib import Path

import pytest

from dialback.agent.enrolment import join
from dialback.agent.identity_file import Enrolled, load_identity
from dialback.agent.problems import JoinFailed
from dialback.agent.settings import load_settings
from dialback.domain.errors import SENTENCES, Reason
from dialback.identity.authority import Authority
from dialback.identity.host_keys import HostKey, host_id_of
from dialback.settings.file import SettingsProblem
from dialback.wire.agent.messages import encode_base64url
from tests.agent.platform_stub import Platform


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_join_enrols_and_writes_a_private_folder(platform: Platform, folder: Path) -> None:
    enrolled = await join(platform.code(), folder)

    identity = load_identity(folder)
    assert enrolled == Enrolled(platform.address, host_id_of(identity.key.public_bytes), "desk")
    assert sorted(path.name for path in folder.iterdir()) == [
        "agent.toml",
        "ca.pem",
        "host.key",
        "identity.json",
    ]
    assert [mode_of(folder), mode_of(folder / "host.key"), mode_of(folder / "agent.toml")] == [
        0o700,
        0o600,
        0o600,
    ]
    assert identity.enrolled == enrolled
    assert platform.enrolled[0].public_key == encode_base64url(identity.key.public_bytes)
    assert platform.enrolled[0].join_secret == "s3cret"


async def test_join_writes_targets_and_proxy_into_new_settings(platform: Platform, folder: Path) -> None:
    await join(platform.code(), folder, targets=["unix:/run/rdp.sock", "10.0.0.7:3389"])

    assert load_settings(folder).targets == ("unix:/run/rdp.sock", "10.0.0.7:3389")


async def test_join_keeps_settings_that_are_there(platform: Platform, folder: Path) -> None:
    folder.mkdir()
    (folder / "agent.toml").write_text('targets = ["10.0.0.7:3389"]\n')

    await join(platform.code(), folder)

    assert (folder / "agent.toml").read_text() == 'targets = ["10.0.0.7:3389"]\n'


async def test_join_does_not_mix_settings_of_two_sources(platform: Platform, folder: Path) -> None:
    folder.mkdir()
    (folder / "agent.toml").write_text("")

    with pytest.raises(JoinFailed, match="is there already"):
        await join(platform.code(), folder, targets=["10.0.0.7:3389"])


async def test_join_refuses_a_target_that_is_none(platform: Platform, folder: Path) -> None:
    with pytest.raises(SettingsProblem, match="targets"):
        await join(platform.code(), folder, targets=["10.0.0.7"])
    assert not folder.exists()
    assert platform.requests == []


async def test_wrong_fingerprint_sends_nothing_secret_and_leaves_nothing(
    platform: Platform, folder: Path
) -> None:
    with pytest.raises(JoinFailed, match="is not the server the join code was made by"):
        await join(platform.code(ca_sha256="0" * 64), folder)
    assert platform.requests == ["GET /ca.pem"]
    assert not folder.exists()


async def test_authorities_sent_along_are_not_trusted(
    platform: Platform, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    platform.ca_body += Authority.open(other).certificate_path.read_bytes()

    await join(platform.code(), folder)

    assert load_identity(folder).ca_pem.count("BEGIN CERTIFICATE") == 1


async def test_server_under_another_authority_gets_no_secret(
    platform: Platform, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    authority = Authority.open(other)
    platform.ca_body = authority.certificate_path.read_bytes()

    with pytest.raises(JoinFailed, match="is not trusted"):
        await join(platform.code(ca_sha256=authority.fingerprint), folder)
    assert platform.enrolled == []


async def test_used_code_is_told_in_words(platform: Platform, folder: Path) -> None:
    platform.enrol_status = 409
    platform.enrol_body = json.dumps({"reason": "join-code-used", "sentence": "x"}).encode()

    with pytest.raises(JoinFailed) as failed:
        await join(platform.code(), folder)
    assert str(failed.value) == SENTENCES[Reason.JOIN_CODE_USED]
    assert not folder.exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"reason": "moon-phase", "sentence": "Wait\\u001bfor it."}', "Wait for it."),
        (b'{"reason": "moon-phase", "sentence": ""}', "refused the enrolment: moon-phase"),
        (b"no json", "refused the enrolment with status 422"),
        (b'["reason"]', "refused the enrolment with status 422"),
    ],
)
async def test_other_refusals_are_told_in_the_servers_words(
    platform: Platform, folder: Path, body: bytes, said: str
) -> None:
    platform.enrol_status, platform.enrol_body = 422, body

    with pytest.raises(JoinFailed, match=said):
        await join(platform.code(), folder)


async def test_answer_that_is_none_is_a_failure(platform: Platform, folder: Path) -> None:
    platform.enrol_body = b"{}"

    with pytest.raises(JoinFailed, match="no proper answer: expected a valid host_id"):
        await join(platform.code(), folder)


async def test_id_of_another_key_is_not_taken(platform: Platform, folder: Path) -> None:
    platform.host_id = host_id_of(HostKey.generate().public_bytes)

    with pytest.raises(JoinFailed, match="an id that is not that of its key"):
        await join(platform.code(), folder)
    assert not folder.exists()


async def test_something_else_at_the_address_is_no_server(platform: Platform, folder: Path) -> None:
    platform.ca_body = b"<html>"

    with pytest.raises(JoinFailed, match="is no Dialback server"):
        await join(platform.code(), folder)


async def test_server_that_is_down_is_told_with_its_address(
    platform: Platform, folder: Path, unused: int
) -> None:
    platform.port = unused

    with pytest.raises(JoinFailed, match=f"127.0.0.1:{platform.port} cannot be reached"):
        await join(platform.code(), folder)
    assert not folder.exists()


async def test_damaged_code_is_refused_before_anything_is_dialled(platform: Platform, folder: Path) -> None:
    with pytest.raises(JoinFailed, match="whole join code"):
        await join(platform.code()[:-3], folder)
    assert platform.requests == []


async def test_enrolled_folder_is_not_overwritten(platform: Platform, folder: Path) -> None:
    await join(platform.code(), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(JoinFailed, match=r"enrolled already.* second folder with --folder.* --replace"):
        await join(platform.code(), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


async def test_failed_replacement_keeps_the_old_identity(platform: Platform, folder: Path) -> None:
    await join(platform.code(), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    platform.enrol_status = 403

    with pytest.raises(JoinFailed):
        await join(platform.code(), folder, replace=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


async def test_replacement_makes_a_new_key(platform: Platform, folder: Path) -> None:
    await join(platform.code(), folder)
    before = (folder / "host.key").read_bytes()

    await join(platform.code(), folder, replace=True)

    assert (folder / "host.key").read_bytes() != before


async def test_folder_that_cannot_be_made_is_told_before_the_code_is_used(
    platform: Platform, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JoinFailed, match="cannot write into"):
        await join(platform.code(), tmp_path / "file" / "agent")
    assert platform.requests == []
