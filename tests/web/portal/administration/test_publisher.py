from datetime import timedelta
from pathlib import Path

from cryptography import x509

from dialback.identity.publisher import registry_file
from dialback.identity.signing import SigningKey
from tests.web.portal.stage import PortalStage, links_of, text_of


async def test_thumbprints_and_snippets_are_shown(portal: PortalStage, publisher: SigningKey) -> None:
    text = text_of(await (await portal.signed_in("adam")).get("/admin/publisher"))
    assert publisher.sha1 in text
    assert publisher.sha256 in text
    assert f'"TrustedCertThumbprints"="{publisher.sha1}"' in text
    assert "Specify SHA1 thumbprints of certificates representing trusted .rdp publishers" in text


async def test_registry_file_is_downloaded(portal: PortalStage, publisher: SigningKey) -> None:
    answer = await (await portal.signed_in("adam")).get("/admin/publisher.reg")
    assert answer.headers["content-disposition"] == 'attachment; filename="trust-publisher.reg"'
    assert answer.text == registry_file(publisher.sha1)


async def test_root_is_that_of_the_certificate_that_signs(portal: PortalStage, publisher: SigningKey) -> None:
    adam = await portal.signed_in("adam")
    page = await adam.get("/admin/publisher")
    assert "/admin/publisher-ca.pem" in links_of(page)
    assert "/ca.pem" not in links_of(page)
    answer = await adam.get("/admin/publisher-ca.pem")
    assert answer.headers["content-disposition"] == 'attachment; filename="publisher-ca.pem"'
    assert x509.load_pem_x509_certificate(answer.content) == publisher.chain[-1]


async def test_root_that_is_not_kept_is_not_offered(tmp_path: Path, publisher: SigningKey) -> None:
    alone = tmp_path / "signing.pem"
    alone.write_text(publisher.path.read_text().rpartition("-----BEGIN CERTIFICATE")[0])
    stage = PortalStage(SigningKey.load(alone, alone))
    await stage.fill()
    adam = await stage.signed_in("adam")
    page = await adam.get("/admin/publisher")
    assert publisher.chain[-1].subject.rfc4514_string() in text_of(page)
    assert "Its root is not kept here" in text_of(page)
    assert not [link for link in links_of(page) if link.endswith("ca.pem")]
    assert (await adam.get("/admin/publisher-ca.pem")).status_code == 404


async def test_certificate_that_expires_soon_is_warned_of(portal: PortalStage, publisher: SigningKey) -> None:
    portal.later(publisher.facts.not_after - portal.now - timedelta(days=20))
    text = text_of(await (await portal.signed_in("adam")).get("/admin/publisher"))
    assert "The certificate expires in" in text


async def test_certificate_that_has_expired_is_said_to_be_worth_nothing(
    portal: PortalStage, publisher: SigningKey
) -> None:
    portal.later(publisher.facts.not_after - portal.now + timedelta(days=1))
    text = text_of(await (await portal.signed_in("adam")).get("/admin/publisher"))
    assert "The certificate has expired" in text


async def test_helpdesk_does_not_see_it(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    for path in ("/admin/publisher", "/admin/publisher.reg", "/admin/publisher-ca.pem"):
        assert (await hella.get(path)).status_code == 403
