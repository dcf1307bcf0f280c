"""OpenSSL's command as a second opinion on signatures and certificates."""

import subprocess
from pathlib import Path


def cms_verifies(folder: Path, pkcs7: bytes, message: bytes, root: Path | None = None) -> bool:
    """Say whether `openssl cms -verify` accepts a detached signature over the message.

    Args:
        folder: where the two may be written.
        root: the certificate the chain must lead to; None leaves the chain out.
    """
    (folder / "signature.der").write_bytes(pkcs7)
    (folder / "message.bin").write_bytes(message)
    trust = ["-noverify"] if root is None else ["-CAfile", str(root), "-no-CApath", "-purpose", "any"]
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", str(folder / "signature.der"), "-binary"]
    command += ["-content", str(folder / "message.bin"), "-out", "/dev/null", *trust]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def cms_text(folder: Path, pkcs7: bytes) -> str:
    """Return how OpenSSL prints the parts of a PKCS#7."""
    (folder / "signature.der").write_bytes(pkcs7)
    command = ["openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER"]
    command += ["-in", str(folder / "signature.der")]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def thumbprint(certificate_path: Path, digest: str) -> str:
    """Return the certificate's thumbprint (`sha1`, `sha256`) in upper-case hexadecimal."""
    command = ["openssl", "x509", "-noout", "-fingerprint", f"-{digest}", "-in", str(certificate_path)]
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return shown.partition("=")[2].strip().replace(":", "")
