"""Who this host is: its key, the server it belongs to, and the authority by which it knows that server.

Three files in the agent's folder. `identity.json` is written last and removed first, so that a host that has
it has the others as well.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dialback.agent.problems import IdentityProblem
from dialback.domain.ids import HostId
from dialback.identity.files import PRIVATE, PUBLIC, write_file
from dialback.identity.host_keys import HostKey, HostKeyProblem

KEY_NAME = "host.key"
CA_NAME = "ca.pem"
IDENTITY_NAME = "identity.json"
PLATFORM_KEY_NAME = "platform.pub"
NAMES = (KEY_NAME, CA_NAME, IDENTITY_NAME)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an enrolment gave: the server as `name:port`, and the id and name the host has there."""

    server: str
    host_id: HostId
    host_name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled host: what the server calls it, its key, and the server's authority in PEM."""

    enrolled: Enrolled
    key: HostKey
    ca_pem: str


_ENROLLED = TypeAdapter(Enrolled)


def is_enrolled(folder: Path) -> bool:
    """Say whether the folder holds an identity."""
    return (folder / IDENTITY_NAME).exists()


def load_identity(folder: Path) -> Identity:
    """Read the identity of this host.

    Raises:
        IdentityProblem: the host is not enrolled, or a file is unreadable or damaged.
    """
    if not is_enrolled(folder):
        raise IdentityProblem(
            f"this host is not enrolled in {folder}; run `dialback agent join` with a join code"
        )
    try:
        enrolled = _ENROLLED.validate_json((folder / IDENTITY_NAME).read_bytes())
        return Identity(enrolled, HostKey.load(folder / KEY_NAME), (folder / CA_NAME).read_text("ascii"))
    except HostKeyProblem as error:
        raise IdentityProblem(str(error)) from error
    except OSError as error:
        raise IdentityProblem(
            f"cannot read {error.filename}: {error.strerror}; run the agent as the owner of {folder}"
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise IdentityProblem(f"the identity in {folder} is damaged; enrol this host again") from error


def save_identity(folder: Path, identity: Identity) -> None:
    """Write the three files into a folder that has none of them.

    Raises:
        OSError, HostKeyProblem: a file cannot be written.
    """
    identity.key.save(folder / KEY_NAME)
    write_file(folder / CA_NAME, identity.ca_pem.encode("ascii"), PUBLIC, replace=False)
    text = _ENROLLED.dump_json(identity.enrolled, indent=2) + b"\n"
    write_file(folder / IDENTITY_NAME, text, PRIVATE, replace=False)


def move_identity(source: Path, folder: Path) -> None:
    """Move the files from one folder into another of the same file system, in place of what is there.

    Raises:
        OSError: a file cannot be moved.
    """
    (folder / IDENTITY_NAME).unlink(missing_ok=True)
    # What was pinned of the former platform is no more true of this one.
    (folder / PLATFORM_KEY_NAME).unlink(missing_ok=True)
    for name in NAMES:
        (source / name).replace(folder / name)
