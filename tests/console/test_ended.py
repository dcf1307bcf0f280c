"""Why a visit ended, as the platform tells it."""

from typing import Any

import pytest

from dialback.console import ended as module
from dialback.console.ended import DETAIL_CHARS, why_ended
from dialback.domain.errors import Reason


class Answers:
    """What the platform answers, one after the other; the last again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self) -> Any:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


OPEN = {"reason": None, "detail": ""}


def ended(reason: Reason, detail: str = "") -> dict[str, Any]:
    return {"reason": reason.value, "detail": detail}


@pytest.mark.parametrize(
    "reason",
    [
        Reason.TENANT_SUSPENDED,
        Reason.TENANT_LEASE_OVER,
        Reason.TENANT_LIMIT,
        Reason.STAFF_NOT_ASSIGNED,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_REVOKED,
        Reason.USER_DISABLED,
        Reason.GRANT_REVOKED,
        Reason.GRANT_EXPIRED,
        Reason.CONSENT_FORBIDDEN,
        Reason.CUT_BY_ADMINISTRATOR,
        Reason.HOST_LOST,
        Reason.SERVER_STOPPED,
    ],
)
async def test_visit_that_was_cut_is_told_with_its_reason(reason: Reason) -> None:
    refused = await why_ended(Answers(ended(reason, "the detail")))
    assert refused is not None
    assert (refused.reason, refused.detail) == (reason, "the detail")


@pytest.mark.parametrize(
    "reason", [Reason.CLIENT_ENDED, Reason.CLIENT_LEFT, Reason.CLIENT_LOST, Reason.HOST_ENDED]
)
async def test_end_that_a_person_made_is_nothing_to_tell(reason: Reason) -> None:
    assert await why_ended(Answers(ended(reason))) is None


async def test_platform_is_asked_again_until_it_has_written_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0)
    answers = Answers(OPEN, OPEN, ended(Reason.TENANT_SUSPENDED))
    refused = await why_ended(answers)
    assert refused is not None
    assert refused.reason is Reason.TENANT_SUSPENDED
    assert answers.asked == 3


async def test_platform_that_never_says_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_S", 0.05)
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    assert await why_ended(Answers(OPEN)) is None


@pytest.mark.parametrize(
    "answer", [OSError("the network is down"), {}, None, {"reason": "of a newer platform"}, {"reason": 5}]
)
async def test_answer_that_is_none_is_no_reason_to_fail(answer: Any) -> None:
    assert await why_ended(Answers(answer)) is None


async def test_nobody_to_ask_is_no_reason_to_fail() -> None:
    assert await why_ended(None) is None


async def test_detail_is_bounded() -> None:
    refused = await why_ended(Answers(ended(Reason.HOST_LOST, "x" * 5000)))
    assert refused is not None
    assert refused.detail == "x" * DETAIL_CHARS
