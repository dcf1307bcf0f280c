"""My desktops and apps, and their connection files."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from dialback.domain.approvals import number_of
from dialback.domain.hosts import HostReport
from dialback.domain.ids import ApplicationGroupId, ResourceId, ResourceName, UserId
from dialback.domain.pools import HostPool, PoolHost, PoolKind
from dialback.domain.tenancy import MAIN
from dialback.identity.tokens import hash_token
from dialback.web.portal.desktops import SHOWN
from dialback.wire import rdpfile, rdpsign
from tests.openssl import cms_verifies
from tests.web.portal.stage import ACME, HOST, HOSTILE, NOW, PIN, PortalStage, field_of, text_of


def settings_of(answer: httpx.Response) -> dict[str, str]:
    """Return the settings of a downloaded file."""
    return {setting.name: str(setting.value) for setting in rdpfile.parse(rdpfile.decode(answer.content))}


async def test_desktops_and_apps_are_listed(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/")
    text = text_of(answer)
    assert answer.status_code == 200
    assert "Office desktop" in text
    assert text.index("Documents") < text.index("Writer")


async def test_nothing_assigned_says_what_to_do(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("hella")).get("/")
    assert "Ask your administrator to assign you" in text_of(answer)
    assert "Office desktop" not in answer.text


async def test_search_works_as_a_plain_form_and_for_the_script(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    page, part = await anna.get("/?q=WRIT"), await anna.part("/?q=WRIT")
    for answer in (page, part):
        assert "Writer" in answer.text
        assert "Office desktop" not in answer.text
    assert "<html" in page.text
    assert "<html" not in part.text


async def test_search_without_result_shows_the_query_as_text(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).ask("GET", "/", params={"q": HOSTILE})
    assert "<script>alert" not in answer.text
    assert HOSTILE in text_of(answer)


async def test_of_very_many_the_first_are_shown_and_search_finds_the_others(portal: PortalStage) -> None:
    for number in range(SHOWN):
        name = f"a-{number:03}"
        more = replace(portal.office(), id=ResourceId(name), name=ResourceName(name), title=name)
        await portal.publish(more)
    anna = await portal.signed_in("anna")
    text = text_of(await anna.get("/"))
    assert f"These are {SHOWN} of {SHOWN + 2}" in text
    assert f"a-{SHOWN - 1}" not in text
    for answer in (await anna.get(f"/?q={SHOWN - 1}"), await anna.part(f"/?q={SHOWN - 1}")):
        assert f"a-{SHOWN - 1}" in answer.text
        assert "These are" not in answer.text


async def test_hostile_title_is_shown_as_what_it_is(portal: PortalStage) -> None:
    title = HOSTILE[:64]
    await portal.publish(replace(portal.office(), title=title, folders=(title.replace("/", "-"),)))
    answer = await (await portal.signed_in("anna")).get("/")
    assert "<script>alert" not in answer.text
    assert title in text_of(answer)


async def test_stored_icon_is_asked_by_its_name(portal: PortalStage) -> None:
    await portal.publish(replace(portal.office(), icon="abc123"))
    assert 'src="/icons/abc123-64.png"' in (await (await portal.signed_in("anna")).get("/")).text


async def test_connect_downloads_a_signed_file(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).post("/connect/office")
    assert answer.headers["content-type"] == "application/x-rdp"
    assert answer.headers["content-disposition"] == 'attachment; filename="office.rdp"'
    assert answer.headers["cache-control"] == "no-store"
    settings = settings_of(answer)
    assert settings["full address"] == "office"
    assert settings["username"] == "anna"
    assert "signature" in settings
    token, _ = await portal.store.token(hash_token(settings["gatewayaccesstoken"]))
    assert token is not None
    assert (token.tenant, token.user_id, token.resource) == (MAIN, "anna", "office")
    assert token.expires_at == NOW + timedelta(minutes=10)
    assert portal.recorded.actions == ["connection-file.make"]


@pytest.mark.parametrize(
    "path", ["/connect/acme-office", "/connect/none", "/connect/OFFICE%0d%0a", "/connect/%F0%9F%96%A5"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_not_mine_is_not_there(portal: PortalStage, method: str, path: str) -> None:
    answer = await (await portal.signed_in("anna")).ask(method, path)
    assert answer.status_code == 404
    assert "not yours to see" in text_of(answer)
    assert await portal.store.tokens_of(MAIN, UserId("anna")) == []


async def test_another_tenants_person_gets_their_own(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna", ACME)
    assert (await anna.post("/connect/office")).status_code == 404
    assert (await anna.post("/connect/acme-office")).status_code == 200


async def test_file_comes_after_the_number_where_an_approval_is_wanted(portal: PortalStage) -> None:
    await portal.want_approval()
    anna = await portal.signed_in("anna")
    page = await anna.post("/connect/office")
    token = field_of(page, "token")
    assert f"Your number is {number_of(hash_token(token))}" in text_of(page)
    assert page.headers["cache-control"] == "no-store"
    answer = await anna.post("/connect/office/file", token=token)
    assert settings_of(answer)["gatewayaccesstoken"] == token
    assert len(await portal.store.tokens_of(MAIN, UserId("anna"))) == 1


async def test_file_is_made_for_the_own_good_token_alone(portal: PortalStage) -> None:
    await portal.want_approval()
    anna, adam = await portal.signed_in("anna"), await portal.signed_in("adam")
    token = field_of(await anna.post("/connect/office"), "token")
    assert (await adam.post("/connect/office/file", token=token)).status_code == 404
    assert (await anna.post("/connect/writer/file", token=token)).status_code == 404
    assert (await anna.post("/connect/office/file", token="x" * 43)).status_code == 404
    assert (await anna.post("/connect/office/file")).status_code == 404
    portal.later(timedelta(minutes=10))
    assert (await anna.post("/connect/office/file", token=token)).status_code == 404


async def test_revoked_token_makes_no_file(portal: PortalStage) -> None:
    await portal.want_approval()
    anna = await portal.signed_in("anna")
    token = field_of(await anna.post("/connect/office"), "token")
    await portal.store.revoke_token(hash_token(token), NOW)
    assert (await anna.post("/connect/office/file", token=token)).status_code == 404


async def test_command_for_freerdp_is_pinned_to_the_known_certificate(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).part("/connect/office")
    pin = ":".join([PIN[:2]] * 32)
    assert f"xfreerdp office.rdp /cert:fingerprint:sha256:{pin}" in text_of(answer)
    assert "<html" not in answer.text


async def test_command_is_not_pinned_when_the_certificate_is_unknown(portal: PortalStage) -> None:
    await portal.store.save_report(HOST, HostReport("blue-01", "Debian 12", "1"), NOW)
    text = text_of(await (await portal.signed_in("anna")).get("/connect/office"))
    assert "xfreerdp office.rdp Copy" in text
    assert "compare its fingerprint" in text


async def test_command_is_pinned_to_the_own_host_of_a_personal_pool(portal: PortalStage) -> None:
    pool = await portal.directory.get(HostPool, MAIN, "pool")
    assert pool is not None
    await portal.directory.save(replace(pool, kind=PoolKind.PERSONAL))
    anna = await portal.signed_in("anna")
    assert "fingerprint:sha256" not in (await anna.get("/connect/office")).text
    await portal.directory.save_pool_host(PoolHost(MAIN, pool.id, HOST, owner=UserId("anna")))
    assert "fingerprint:sha256" in (await anna.get("/connect/office")).text


async def test_what_was_used_last_stands_first(portal: PortalStage) -> None:
    await portal.publish(
        replace(portal.office(), id=ResourceId("a"), name=ResourceName("a"), title="Aardvark")
    )
    text = text_of(await (await portal.signed_in("anna")).get("/"))
    assert text.index("Office desktop") < text.index("Aardvark")


async def test_assignment_taken_back_shows_at_the_next_look(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    for assignment in await portal.directory.assignments(MAIN, ApplicationGroupId("desktops")):
        await portal.directory.unassign(assignment)
    assert "Office desktop" not in (await anna.get("/")).text
    assert (await anna.post("/connect/office")).status_code == 404


async def test_signature_holds_before_openssl(portal: PortalStage, tmp_path: Path) -> None:
    answer = await (await portal.signed_in("anna")).post("/connect/office")
    signed = rdpsign.read(rdpfile.parse(rdpfile.decode(answer.content)))
    assert signed is not None
    assert cms_verifies(tmp_path, signed.pkcs7, signed.message)
