from dataclasses import replace

import pytest

from dialback.domain.accounts import parse_login
from dialback.domain.catalog import ApplicationGroup, Workspace
from dialback.domain.ids import WorkspaceId
from dialback.domain.tenancy import MAIN
from dialback.web.portal.subscribe import login_of
from tests.web.portal.stage import ACME, HOSTILE, PortalStage, text_of


async def move(portal: PortalStage, group: str, workspace: WorkspaceId | None) -> None:
    """Show an application group in another workspace, or in none."""
    found = await portal.directory.get(ApplicationGroup, MAIN, group)
    assert found is not None
    await portal.directory.save(replace(found, workspace=workspace))


async def test_page_says_what_clients_ask_for(portal: PortalStage) -> None:
    text = text_of(await (await portal.signed_in("anna")).get("/subscribe"))
    assert "https://gw.example.org/RDWeb/Feed/webfeed.aspx" in text
    assert '_msradc.example.org. 300 IN TXT "https://gw.example.org/RDWeb/Feed/webfeed.aspx"' in text
    for platform in ("Windows", "macOS, iPhone and iPad", "Android", "Remmina"):
        assert platform in text


async def test_setup_file_is_linked(portal: PortalStage) -> None:
    assert 'href="/feed/workspace.wcx"' in (await (await portal.signed_in("anna")).get("/subscribe")).text


async def test_certificate_of_the_authority_is_linked(portal: PortalStage) -> None:
    assert 'href="/ca.pem"' in (await (await portal.signed_in("anna")).get("/subscribe")).text


async def test_page_says_of_no_client_that_it_heeds_what_was_not_seen(portal: PortalStage) -> None:
    # As the table in docs/protocols/rdp-file.md has it, where Windows App is "not known".
    text = text_of(await (await portal.signed_in("anna")).get("/subscribe"))
    said = text[text.index("What is enforced where") :]
    assert "FreeRDP 3 heed both" in said
    assert "Windows App" not in said


async def test_each_workspace_is_linked_where_there_are_several(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    assert "One workspace only" not in (await anna.get("/subscribe")).text
    await portal.directory.save(Workspace(MAIN, WorkspaceId("second"), HOSTILE))
    await portal.directory.save(Workspace(MAIN, WorkspaceId("third"), "Not hers"))
    await move(portal, "apps", WorkspaceId("second"))

    answer = await anna.get("/subscribe")
    for id, name in (("work", "Work"), ("second", HOSTILE)):
        assert f"https://gw.example.org/feed/{id}/webfeed.aspx" in text_of(answer)
        assert f'href="/feed/{id}/workspace.wcx"' in answer.text
        assert name in text_of(answer)
    assert "<script>alert" not in answer.text
    assert "/feed/third/" not in answer.text


async def test_workspace_is_linked_where_something_is_in_none(portal: PortalStage) -> None:
    await move(portal, "apps", None)
    text = (await (await portal.signed_in("anna")).get("/subscribe")).text
    assert 'href="/feed/work/workspace.wcx"' in text


async def test_login_names_a_tenant_that_is_not_the_first(portal: PortalStage) -> None:
    assert "acme\\anna" in text_of(await (await portal.signed_in("anna", ACME)).get("/subscribe"))
    assert login_of("main", "anna") == "anna"


@pytest.mark.parametrize("tenant", ["main", "acme"])
@pytest.mark.parametrize("name", ["anna", "CORP\\alice", "main\\anna", "anna@acme.example"])
def test_login_that_is_shown_is_the_one_that_is_read(tenant: str, name: str) -> None:
    assert parse_login(login_of(tenant, name)) == (tenant, name)
