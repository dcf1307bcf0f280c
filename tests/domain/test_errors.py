"""Every reason has its sentence, and a refusal carries both reason and detail."""

import re

import pytest

from dialback.domain.errors import SENTENCES, Reason, Refused, sentence_for_user


@pytest.mark.parametrize("reason", Reason)
def test_reason_has_one_sentence_for_a_person(reason: Reason) -> None:
    sentence = SENTENCES[reason]
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert sentence.isprintable()


@pytest.mark.parametrize("reason", Reason)
def test_user_is_told_what_they_can_do_without_a_command_or_a_log(reason: Reason) -> None:
    sentence = sentence_for_user(reason)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert not re.search(r"`|dialback|doctor|[tT]he (agent's )?log|add (one|a host)", sentence)


def test_no_two_reasons_share_a_sentence() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES) == len(Reason)
    assert len({sentence_for_user(reason) for reason in Reason}) == len(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_value_of_a_reason_is_a_label_that_logs_and_metrics_can_carry(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)
    assert reason.value == reason.name.lower().replace("_", "-")


def test_refusal_says_reason_and_detail() -> None:
    refused = Refused(Reason.AGENT_REFUSED, "10.0.0.1:3389")
    assert (refused.reason, refused.detail) == (Reason.AGENT_REFUSED, "10.0.0.1:3389")
    assert str(refused) == "agent-refused: 10.0.0.1:3389"


def test_refusal_without_detail_says_the_reason_alone() -> None:
    assert str(Refused(Reason.HOST_OFFLINE)) == "host-offline"
