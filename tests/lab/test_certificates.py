"""Host certificates are RSA, carry DNS names, and are signed by the lab's authority."""

import hashlib
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.certificates import Authority


def test_host_certificate_names_its_host_and_is_signed_by_the_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("host1.lab.test", "localhost")
    leaf, issuer = x509.load_pem_x509_certificates(issued.chain.read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert issuer == x509.load_pem_x509_certificate(authority.pem.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["host1.lab.test", "localhost"]
    assert isinstance(leaf.public_key(), rsa.RSAPublicKey)


def test_pin_is_the_digest_of_the_certificate(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("host1.lab.test")
    pem = issued.chain.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    assert issued.sha256 == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_key_fits_the_certificate_and_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("host1.lab.test")
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(issued.chain, issued.key)
    assert issued.key.stat().st_mode & 0o777 == 0o600
