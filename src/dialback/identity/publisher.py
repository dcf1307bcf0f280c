"""How Windows is told to trust who signs connection files: a registry file, or the same by group policy.

Windows keeps the thumbprints of trusted publishers in one value. The certificate's own authority has to be
trusted on the machine too.
"""

from typing import Final

POLICY: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
GROUP_POLICY: Final = (
    "Computer Configuration",
    "Administrative Templates",
    "Windows Components",
    "Remote Desktop Services",
    "Remote Desktop Connection Client",
    "Specify SHA1 thumbprints of certificates representing trusted .rdp publishers",
)
"""Where the group policy editor has the same setting, from the root down."""


def registry_file(sha1: str) -> str:
    """Return a .reg file that makes Windows trust the publisher with this SHA-1 thumbprint.

    It replaces the list of trusted publishers; where there is one already, the thumbprint is added by hand,
    after a comma. The CA certificate (`ca.pem`) has to be trusted on the machine too.
    """
    return f'Windows Registry Editor Version 5.00\n\n[{POLICY}]\n"TrustedCertThumbprints"="{sha1}"\n'
