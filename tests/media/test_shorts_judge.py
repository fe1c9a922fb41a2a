"""A language model as the judge of highlights, against a server that speaks its protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from tasks.contracts.shorts import Evidence, Highlight
from tasks.errors import PermanentError, TransientError
from tasks.shorts.highlights import Wish, find_highlights
from tasks.shorts.judge import LanguageModel
from tests.media.platforms import Answer, Platform, Request, Running
from tests.unit.shorts.test_highlights import LONG, features

NOTHING = Evidence(0, 0, 0, 0, 0, 0)
TWO = [Highlight(0, 20, 0.5, NOTHING, text="Dull words."), Highlight(30, 50, 0.4, NOTHING, text="Why tides rise!")]


@dataclass
class ChatServer(Platform):
    """Answers chats: excerpts with an exclamation mark are good. :param says: this instead."""

    says: str = ""
    asked: list[dict[str, object]] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        assert (request.path, request.token) == ("/v1/chat/completions", "k3y")
        told = json.loads(request.json["messages"][1]["content"])["excerpts"]
        self.asked.append(request.json)
        scores = [0.9 if "!" in one["text"] else 0.2 for one in told]
        content = self.says or json.dumps({"scores": scores})
        return 200, {"choices": [{"message": {"role": "assistant", "content": content}}]}, {}


def judge(server: ChatServer) -> LanguageModel:
    return LanguageModel(f"{server.base_url}/v1", "some-model", "k3y", wait=lambda seconds: None)


def test_all_candidates_are_judged_by_one_question() -> None:
    with Running(server := ChatServer()):
        scores = judge(server).score(TWO)

    assert scores == [0.2, 0.9]
    [asked] = server.asked
    assert (asked["model"], asked["temperature"]) == ("some-model", 0)


def test_the_judge_decides_among_the_best_by_evidence() -> None:
    with Running(server := ChatServer(says=json.dumps({"scores": [0.1, 0.2, 0.95, 0.3]}))):
        [chosen] = find_highlights(LONG, features(LONG), Wish(count=1, longest_s=20), scorer=judge(server))

    assert (chosen.scorer, chosen.score) == ("model", 0.95)
    assert chosen.evidence.boundary > 0, "what the evidence says stays"


def test_a_busy_model_is_asked_again() -> None:
    busy = (429, {"error": {"message": "slow down"}}, dict[str, str]())
    with Running(server := ChatServer(refusals=[busy, busy])):
        assert judge(server).score(TWO) == [0.2, 0.9]
        server.refusals = [busy] * 3
        with pytest.raises(TransientError) as away:
            judge(server).score(TWO)

    assert away.value.code == "judge.unavailable"


@pytest.mark.parametrize("says", ["I like them.", '{"scores": [1]}', '{"scores": [0.5, 7]}', '{"scores": "no"}'])
def test_an_answer_without_a_score_for_each_is_refused(says: str) -> None:
    with Running(server := ChatServer(says=says)), pytest.raises(PermanentError) as refused:
        judge(server).score(TWO)

    assert refused.value.code == "judge.refused"
