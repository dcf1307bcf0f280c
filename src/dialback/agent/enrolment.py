"""Enrolling a host: one join code becomes a key, an identity and a server that is known from then on.

Two connections. The first trusts nothing, says nothing secret, and fetches the authority's certificate, which
must be the one the code names. The second is verified by it and carries the secret. Files are made beside
their place and moved there at the end, so that a failure leaves the folder as it was; that they can be
written is known before the code is used up.
"""

import asyncio
import contextlib
import json
import shutil
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from dialback import __version__
from dialback.agent import settings as settings_file
from dialback.agent.exchange import Answer, ask
from dialback.agent.identity_file import Enrolled, Identity, is_enrolled, move_identity, save_identity
from dialback.agent.outbound import dial_platform
from dialback.agent.platform.facts import host_name, system_text
from dialback.agent.problems import JoinFailed
from dialback.agent.settings import AgentSettings
from dialback.domain.errors import SENTENCES, Reason
from dialback.identity.certificates import CertificateProblem, fingerprint, parse_certificate
from dialback.identity.files import PRIVATE, write_file
from dialback.identity.host_keys import HostKey, HostKeyProblem, host_id_of
from dialback.transport.dial import DialFailed
from dialback.transport.tls import client_context, looking_context
from dialback.wire.agent import joincode
from dialback.wire.agent.joincode import JoinCode
from dialback.wire.agent.link import ENROL_PATH
from dialback.wire.agent.messages import (
    EnrolAnswer,
    EnrolRequest,
    clip,
    decode_enrol_answer,
    encode,
    encode_base64url,
)
from dialback.wire.errors import WireError

CA_PATH = "/ca.pem"


async def join(
    code_text: str, folder: Path, *, targets: Sequence[str] = (), proxy: str = "", replace: bool = False
) -> Enrolled:
    """Enrol this host with a join code and write its identity into `folder`, which is made if missing.

    Args:
        targets: what the agent may dial, written into a new `agent.toml`; empty for the default.
        proxy: URL of the HTTP proxy, written there too; empty for the environment's.
        replace: whether an identity that is there gives way to the new one.

    Raises:
        JoinFailed: the host is not enrolled, and the folder is as it was.
        SettingsProblem: `agent.toml`, or what was given for it, cannot be used.
    """
    try:
        code = joincode.parse(code_text)
    except WireError as error:
        raise JoinFailed(f"the join code cannot be used: {error}") from error
    if is_enrolled(folder) and not replace:
        raise JoinFailed(
            f"this host is enrolled already, see {folder}; for another provider name a second folder with "
            "--folder, or say --replace to give up the identity that is there for a new one"
        )
    text = _settings_text(folder, targets, proxy)
    settings = settings_file.parse_settings(text, settings_file.FILE_NAME) if text else _settings(folder)
    with _staging(folder) as staging:
        if text:
            write_file(staging / settings_file.FILE_NAME, text.encode(), PRIVATE, replace=False)
        identity = await _enrol(code, settings)
        save_identity(staging, identity)
        _publish(staging, folder)
    return identity.enrolled


def _settings(folder: Path) -> AgentSettings:
    return settings_file.load_settings(folder)


def _settings_text(folder: Path, targets: Sequence[str], proxy: str) -> str:
    """Return the text of a new settings file; empty if there is one, which is the administrator's."""
    path = folder / settings_file.FILE_NAME
    if not path.exists():
        return settings_file.build_settings(targets, proxy)
    if targets or proxy:
        raise JoinFailed(f"{path} is there already; set targets and proxy in it, not on the command line")
    return ""


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Make a folder inside `folder` for files to come; if the block fails, leave nothing behind."""
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".joining-", dir=folder))
    except OSError as error:
        raise JoinFailed(f"cannot write into {folder}: {error.strerror}; choose a folder you own") from error
    try:
        yield staging
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError | HostKeyProblem):
            raise JoinFailed(f"cannot write into {folder}: {error}") from error
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _publish(staging: Path, folder: Path) -> None:
    settings = staging / settings_file.FILE_NAME
    if settings.exists():
        settings.replace(folder / settings_file.FILE_NAME)
    move_identity(staging, folder)


async def _enrol(code: JoinCode, settings: AgentSettings) -> Identity:
    ca_pem = await _fetch_authority(code, settings)
    key = HostKey.generate()
    request = EnrolRequest(
        join_secret=code.secret,
        public_key=encode_base64url(key.public_bytes),
        host_name=clip(host_name()),
        system=clip(system_text()),
        agent_version=__version__,
    )
    context = client_context(ca_pem)
    answer = await _ask(code.server, context, settings, "POST", ENROL_PATH, encode(request).encode())
    granted, own = _read_answer(code.server, answer), host_id_of(key.public_bytes)
    if granted.host_id != own:
        # Under the id of another key, this host would be taken in by what was signed for that one.
        raise JoinFailed(
            f"{code.server} gave this host an id that is not that of its key; it is an older server, to be "
            "updated first, or it is not to be trusted"
        )
    return Identity(Enrolled(code.server, own, granted.host_name), key, ca_pem)


async def _fetch_authority(code: JoinCode, settings: AgentSettings) -> str:
    """Return the authority's certificate in PEM: that one alone, whatever else was sent along with it."""
    answer = await _ask(code.server, looking_context(), settings, "GET", CA_PATH)
    if answer.status != 200:
        raise JoinFailed(f"{code.server} is no Dialback server: it answers {CA_PATH} with {answer.status}")
    try:
        found = fingerprint(answer.body)
        certificate = parse_certificate(answer.body, CA_PATH)
    except CertificateProblem as error:
        raise JoinFailed(f"{code.server} is no Dialback server: {error}") from error
    if found != code.ca_sha256:
        raise JoinFailed(
            f"{code.server} is not the server the join code was made by: its authority has the fingerprint "
            f"{found}, the code says {code.ca_sha256}; somebody may be in between"
        )
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


async def _ask(
    server: str, context: ssl.SSLContext, settings: AgentSettings, method: str, path: str, body: bytes = b""
) -> Answer:
    try:
        leg = await dial_platform(server, context, settings)
    except DialFailed as error:
        raise JoinFailed(str(error)) from error
    try:
        async with asyncio.timeout(settings.dial_timeout_s):
            return await ask(leg, method, path, server, body)
    except TimeoutError as error:
        raise JoinFailed(f"{server} did not answer within {settings.dial_timeout_s:g} s") from error
    except (OSError, WireError) as error:
        raise JoinFailed(f"{server} gave no proper answer: {error}") from error
    finally:
        await leg.close()


def _read_answer(server: str, answer: Answer) -> EnrolAnswer:
    if answer.status != 200:
        raise JoinFailed(_sentence(server, answer))
    try:
        return decode_enrol_answer(answer.body)
    except WireError as error:
        raise JoinFailed(f"{server} gave no proper answer: {error}") from error


def _sentence(server: str, answer: Answer) -> str:
    """Return the server's refusal in words: ours for a reason we know, else its own."""
    try:
        told = json.loads(answer.body)
        reason, sentence = str(told["reason"]), str(told["sentence"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"{server} refused the enrolment with status {answer.status}"
    if reason in set(Reason):
        return SENTENCES[Reason(reason)]
    return clip(sentence) or f"{server} refused the enrolment: {clip(reason, 80)}"
