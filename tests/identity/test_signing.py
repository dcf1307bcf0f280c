"""The key that signs connection files: made once, kept, and accepted by OpenSSL."""

import contextlib
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialback.identity.authority import Authority, CertificateProblem
from dialback.identity.signing import FILE_NAME, RDP_SIGNING, SIGNING_LIFE, SigningKey
from dialback.wire import rdpfile
from dialback.wire.errors import WireError
from dialback.wire.rdpfile import Setting
from dialback.wire.rdpsettings import Value, build_settings, complete, find, gateway, remote_app
from dialback.wire.rdpsign import attach, prepare, read
from tests.openssl import cms_text, cms_verifies, thumbprint

NOW = datetime.now(UTC).replace(microsecond=0)
MESSAGE = "full address:s:desk\r\n\0".encode("utf-16-le")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority and its signing key, which tests leave as they are."""
    folder = tmp_path_factory.mktemp("identity")
    SigningKey.open(Authority.open(folder, now=NOW), "Example Ltd", now=NOW)
    return folder


@pytest.fixture(scope="module")
def key(folder: Path) -> SigningKey:
    return SigningKey.open(Authority.open(folder, now=NOW), "Example Ltd", now=NOW)


def test_certificate_is_rsa_and_names_the_publisher(key: SigningKey) -> None:
    leaf = key.chain[0]
    public_key = leaf.public_key()
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert isinstance(public_key, rsa.RSAPublicKey)
    assert public_key.key_size == 2048
    assert key.facts.subject == "CN=Example Ltd"
    assert list(usages) == [ExtendedKeyUsageOID.CODE_SIGNING, RDP_SIGNING]
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == SIGNING_LIFE


def test_chain_ends_with_the_authority(folder: Path, key: SigningKey) -> None:
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    assert key.chain[1:] == (root,)
    key.chain[0].verify_directly_issued_by(root)


def test_thumbprints_are_those_of_openssl(folder: Path, key: SigningKey) -> None:
    assert key.sha1 == thumbprint(folder / FILE_NAME, "sha1")
    assert key.sha256 == thumbprint(folder / FILE_NAME, "sha256")


def test_key_file_is_for_the_owner_alone(folder: Path) -> None:
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600


def test_openssl_accepts_the_signature_and_the_chain(tmp_path: Path, folder: Path, key: SigningKey) -> None:
    signature = key.sign(MESSAGE)
    assert cms_verifies(tmp_path, signature, MESSAGE, folder / "ca.pem")
    assert not cms_verifies(tmp_path, signature, MESSAGE + b"x", folder / "ca.pem")


def test_signature_has_the_parts_that_windows_writes(tmp_path: Path, key: SigningKey) -> None:
    text = " ".join(cms_text(tmp_path, key.sign(MESSAGE)).split())
    signer = text[text.index("signerInfos:") :]
    assert "version: 1 " in text[:200]
    assert text.count("d.certificate:") == 2
    assert "eContent: <ABSENT>" in text
    assert "issuerAndSerialNumber" in signer
    assert "sha256 (2.16.840.1.101.3.4.2.1) parameter: NULL" in signer
    assert "rsaEncryption (1.2.840.113549.1.1.1) parameter: NULL" in signer
    assert signer.count("<ABSENT>") == 2  # neither signed nor unsigned attributes


def test_signature_is_over_the_message_itself(key: SigningKey) -> None:
    public_key = key.chain[0].public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)
    public_key.verify(key.sign(MESSAGE)[-256:], MESSAGE, padding.PKCS1v15(), hashes.SHA256())


SECURE: dict[str, Value] = {
    "full address": "desk-42",
    "gatewayhostname": "gw.example:443",
    "gatewayusagemethod": 1,
    "redirectclipboard": 0,
    "drivestoredirect": "",
    "loadbalanceinfo": "Zoë 🖥",
    "screen mode id": 2,
}


def signed_file(key: SigningKey, values: dict[str, Value]) -> bytes:
    unsigned = prepare(build_settings(values))
    return rdpfile.encode(rdpfile.build(attach(unsigned, key.sign(unsigned.message))))


def holds(folder: Path, root: Path, file: bytes) -> bool:
    signed = read(rdpfile.parse(rdpfile.decode(file)))
    assert signed is not None
    return cms_verifies(folder, signed.pkcs7, signed.message, root)


KINDS: dict[str, dict[str, Value]] = {
    "desktop": complete({"full address": "desk-42:3390"}),
    "gateway": complete({"full address": "desk-42", "username": "Zoë", **gateway("gw.example:443", "token")}),
    "app": complete({"full address": "desk-42", **gateway("gw.example"), **remote_app("word", "Wörd 🖥")}),
    "least": {"full address": "a"},
}


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_every_kind_of_file_holds(
    tmp_path: Path, folder: Path, key: SigningKey, values: dict[str, Value]
) -> None:
    assert holds(tmp_path, folder / "ca.pem", signed_file(key, values))


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_each_setting_of_the_scope_counts_and_no_other(key: SigningKey, values: dict[str, Value]) -> None:
    public_key = key.chain[0].public_key()
    file = rdpfile.parse(rdpfile.decode(signed_file(key, values)))
    assert isinstance(public_key, rsa.RSAPublicKey)
    for at, old in enumerate(file[:-2]):
        value = old.value + 1 if isinstance(old.value, int) else f"{old.value}x"
        signed = read([*file[:at], Setting(old.name, value), *file[at + 1 :]])
        assert signed is not None
        broken = pytest.raises(InvalidSignature) if find(old.name).secure else contextlib.nullcontext()
        with broken:
            public_key.verify(signed.pkcs7[-256:], signed.message, padding.PKCS1v15(), hashes.SHA256())


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(data=st.data())
def test_any_change_of_a_signed_setting_breaks_the_signature(
    tmp_path: Path, folder: Path, key: SigningKey, data: st.DataObject
) -> None:
    file = rdpfile.parse(rdpfile.decode(signed_file(key, SECURE)))
    at = data.draw(st.sampled_from([i for i, each in enumerate(file) if each.name in (*SECURE, "signscope")]))
    old = file[at]
    new = st.integers(0, 9) if isinstance(old.value, int) else st.text("ab ,:\\ë🖥", max_size=9)
    value = data.draw(new.filter(lambda value: value != old.value))
    changed = [*file[:at], Setting(old.name, value), *file[at + 1 :]]
    if old.name == "signscope":
        with pytest.raises(WireError, match="signscope"):
            read(changed)
        return
    verified = holds(tmp_path, folder / "ca.pem", rdpfile.encode(rdpfile.build(changed)))
    assert verified == (old.name == "screen mode id")


def test_next_start_keeps_the_key(folder: Path, key: SigningKey) -> None:
    later = NOW + SIGNING_LIFE - timedelta(days=1)
    assert SigningKey.open(Authority.open(folder, now=NOW), "Another", now=later).sha1 == key.sha1


def test_expired_certificate_is_made_anew(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, now=NOW)
    first = SigningKey.open(authority, "Example Ltd", now=NOW)
    second = SigningKey.open(authority, "Example Ltd", now=NOW + SIGNING_LIFE)
    assert second.sha1 != first.sha1


def test_renewing_makes_another_key_that_stays(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, now=NOW)
    first = SigningKey.open(authority, "Example Ltd", now=NOW)
    second = SigningKey.renew(authority, "Example Ltd", now=NOW)
    assert second.sha1 != first.sha1
    assert SigningKey.open(authority, "Example Ltd", now=NOW).sha1 == second.sha1


def test_damaged_file_is_reported_and_kept(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, now=NOW)
    (tmp_path / FILE_NAME).write_bytes(b"garbage")
    with pytest.raises(CertificateProblem, match=FILE_NAME):
        SigningKey.open(authority, "Example Ltd", now=NOW)
    assert (tmp_path / FILE_NAME).read_bytes() == b"garbage"


def test_file_of_another_authority_is_reported(tmp_path: Path, folder: Path) -> None:
    authority = Authority.open(tmp_path, now=NOW)
    (tmp_path / FILE_NAME).write_bytes((folder / FILE_NAME).read_bytes())
    with pytest.raises(CertificateProblem, match="another authority"):
        SigningKey.open(authority, "Example Ltd", now=NOW)


@pytest.mark.parametrize("publisher", ["", "a" * 65, "a\nb", "a\u202eb"])
def test_publisher_is_a_short_printable_name(tmp_path: Path, publisher: str) -> None:
    with pytest.raises(CertificateProblem, match="publisher"):
        SigningKey.open(Authority.open(tmp_path, now=NOW), publisher, now=NOW)


def test_missing_folder_is_reported(tmp_path: Path, folder: Path) -> None:
    authority = Authority.open(folder, now=NOW)
    moved = Authority(tmp_path / "none", authority._certificate, authority._key)
    with pytest.raises(CertificateProblem, match="create its folder"):
        SigningKey.open(moved, "Example Ltd", now=NOW)


def administrators(
    folder: Path,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    usage: x509.ObjectIdentifier | None = None,
) -> tuple[Path, Path]:
    """Write a self-signed certificate and its key, and return their paths."""
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rdp.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "admin.pem").write_bytes(pem)
    (folder / "admin.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return folder / "admin.pem", folder / "admin.key"


@pytest.mark.parametrize(
    "usage", [None, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING, RDP_SIGNING]
)
def test_administrators_certificate_signs(tmp_path: Path, usage: x509.ObjectIdentifier | None) -> None:
    paths = administrators(tmp_path, usage=usage)
    key = SigningKey.load(*paths, now=NOW)
    assert cms_verifies(tmp_path, key.sign(MESSAGE), MESSAGE)
    assert key.facts.days_left(NOW) == 90
    assert key.root == key.chain[0]


def test_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    paths = administrators(tmp_path, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    with pytest.raises(CertificateProblem, match="may not sign"):
        SigningKey.load(*paths, now=NOW)


def test_key_other_than_rsa_of_2048_bits_is_refused(tmp_path: Path) -> None:
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)):
        with pytest.raises(CertificateProblem, match="no RSA key of at least 2048 bits"):
            SigningKey.load(*administrators(tmp_path, key), now=NOW)


def test_expired_certificate_of_the_administrator_still_signs_and_says_so(tmp_path: Path) -> None:
    later = NOW + timedelta(days=91)
    key = SigningKey.load(*administrators(tmp_path), now=later)
    assert key.sign(MESSAGE)
    assert key.facts.days_left(later) < 0


def test_certificate_of_the_future_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CertificateProblem, match="clock"):
        SigningKey.load(*administrators(tmp_path), now=NOW - timedelta(days=1))


def test_key_becomes_another_wherever_it_is_held(tmp_path: Path, key: SigningKey) -> None:
    held = SigningKey.load(*administrators(tmp_path), now=NOW)
    held.become(key)
    assert (held.sha1, held.chain, held.facts, held.path) == (key.sha1, key.chain, key.facts, key.path)
    assert held.sign(MESSAGE) == key.sign(MESSAGE)


def test_chain_with_a_gap_is_refused(tmp_path: Path, folder: Path) -> None:
    certificate, key = administrators(tmp_path)
    certificate.write_bytes(certificate.read_bytes() + (folder / "ca.pem").read_bytes())
    with pytest.raises(CertificateProblem, match="issued by the next"):
        SigningKey.load(certificate, key, now=NOW)
