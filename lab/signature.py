"""Connection files as Windows judges them: the signed text is put together anew, and OpenSSL verifies it.

A second opinion, which shares no code with the signer. Source: `docs/protocols/rdp-signature.md`, and what
[MS-RDWR] 4.2 shows.
"""

import base64
import codecs
import tempfile
from pathlib import Path

from lab.process import Failed, run

HEADER_BYTES = 12
"""Version, type and length stand before the PKCS#7, each a double word."""


def settings_of(file: Path) -> dict[str, str]:
    """Return the lines of a connection file by the name of their setting, in small letters."""
    data = file.read_bytes()
    encoding = "utf-16" if data.startswith(codecs.BOM_UTF16_LE) else "utf-8-sig"
    lines = [line for line in data.decode(encoding).splitlines() if line]
    return {line.partition(":")[0].lower(): line for line in lines}


def value_of(file: Path, name: str) -> str:
    """Return the value of a setting; raise `Failed` when the file has none of that name."""
    line = settings_of(file).get(name.lower())
    if line is None:
        raise Failed(f"{file.name}: expected the setting {name}, got none")
    return line.split(":", 2)[2]


def verify(file: Path, root: Path) -> list[str]:
    """Have OpenSSL verify the file's signature up to `root` (PEM); return the names of what is signed.

    Raises:
        Failed: the file is not signed, was changed, or was signed by somebody else.
    """
    lines = settings_of(file)
    scope = value_of(file, "signscope").split(",")
    signed = [lines.get(name.lower(), "") for name in [*scope, "signscope"]]
    message = "".join(f"{line}\r\n" for line in signed) + "\0"
    with tempfile.TemporaryDirectory(prefix="dialback-signature-") as folder:
        content, signature = Path(folder) / "content", Path(folder) / "signature"
        content.write_bytes(message.encode("utf-16-le"))
        signature.write_bytes(base64.b64decode(value_of(file, "signature"))[HEADER_BYTES:])
        command: list[str | Path] = ["openssl", "cms", "-verify", "-inform", "DER", "-in", signature]
        command += ["-content", content, "-binary", "-out", "/dev/null"]
        # Certificates for signing code are none for mail, which is what openssl looks for by itself.
        run([*command, "-CAfile", root, "-no-CApath", "-purpose", "any"])
    return scope
