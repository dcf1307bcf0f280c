import pytest

from dialback.domain.errors import SENTENCES, Problem, Reason, Refused, sentence_for_user
from dialback.web.problems import NO_ROLE
from tests.web.portal.stage import PortalStage, text_of


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (Refused(Reason.HOST_OFFLINE, "secret"), 403, sentence_for_user(Reason.HOST_OFFLINE)),
        (Refused(Reason.STORE_UNAVAILABLE, "secret"), 503, sentence_for_user(Reason.STORE_UNAVAILABLE)),
        (Problem("the thing is broken; mend it"), 409, "The thing is broken; mend it."),
    ],
)
async def test_failure_is_told_in_words(
    portal: PortalStage, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    anna = await portal.signed_in("anna")

    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(portal.directory, "resources_of", fails)
    answer = await anna.get("/")
    assert answer.status_code == status
    assert said in text_of(answer)
    assert "secret" not in answer.text


async def test_administrator_is_told_what_administrators_can_do(
    portal: PortalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    adam = await portal.signed_in("adam")

    async def fails(*_: object) -> None:
        raise Refused(Reason.STORE_UNAVAILABLE)

    monkeypatch.setattr(portal.directory, "count_sessions", fails)
    answer = await adam.get("/admin")
    assert answer.status_code == 503
    assert SENTENCES[Reason.STORE_UNAVAILABLE].replace("`", "") in text_of(answer)


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/users", "/admin/connections", "/admin/publisher", "/admin/audit"]
)
async def test_page_of_administrators_says_so_to_others(portal: PortalStage, path: str) -> None:
    answer = await (await portal.signed_in("anna")).get(path)
    assert answer.status_code == 403
    assert NO_ROLE in text_of(answer)


async def test_form_of_who_is_signed_out_leads_to_the_sign_in(portal: PortalStage) -> None:
    answer = await portal.browser().post("/devices/password", old="x")
    assert answer.headers["location"] == "/signin"
