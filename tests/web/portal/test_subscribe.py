from dialback.web.portal.subscribe import login_of
from tests.web.portal.stage import ACME, PortalStage, text_of


async def test_page_says_what_clients_ask_for(portal: PortalStage) -> None:
    text = text_of(await (await portal.signed_in("anna")).get("/subscribe"))
    assert "https://gw.example.org/RDWeb/Feed/webfeed.aspx" in text
    assert '_msradc.example.org. 300 IN TXT "https://gw.example.org/RDWeb/Feed/webfeed.aspx"' in text
    for platform in ("Windows", "macOS, iPhone and iPad", "Android", "Remmina"):
        assert platform in text


async def test_setup_file_is_linked(portal: PortalStage) -> None:
    assert 'href="/feed/workspace.wcx"' in (await (await portal.signed_in("anna")).get("/subscribe")).text


async def test_login_names_a_tenant_that_is_not_the_first(portal: PortalStage) -> None:
    assert "acme\\anna" in text_of(await (await portal.signed_in("anna", ACME)).get("/subscribe"))
    assert login_of("main", "anna") == "anna"
