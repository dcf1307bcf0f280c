from dialback.domain.errors import SENTENCES, Reason
from dialback.web.api.problems import TITLES, ApiReason
from dialback.web.pages import code
from tests.web.portal.stage import PortalStage


async def test_type_of_every_problem_leads_to_its_words(portal: PortalStage) -> None:
    page = await portal.browser().get("/reasons")

    assert page.status_code == 200
    for reason in (*ApiReason, *Reason):
        assert page.text.count(f'id="{reason}"') == 1
    for sentence in (*TITLES.values(), *SENTENCES.values()):
        assert code(sentence) in page.text
