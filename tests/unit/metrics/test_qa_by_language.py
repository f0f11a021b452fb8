"""Known errors of the official question answering rules, and the fixed rules."""

from __future__ import annotations

import pytest

from xstilts.metrics import METRICS, mlqa, squad
from xstilts.metrics import qa_by_language as answers
from xstilts.metrics.qa_by_language import normalize_answer
from xstilts.metrics.squad import GoldAnswers
from xstilts.tasks import TASKS

Score = tuple[float, float]


def fixed(golds: GoldAnswers, answer: str, language: str) -> Score:
    exact, f1, _ = answers.statistics([golds], [answer], language)[0].tolist()
    return exact, pytest.approx(f1)


def by_squad(golds: GoldAnswers, answer: str) -> Score:
    exact, f1, _ = squad.statistics_v1([golds], [answer], "en")[0].tolist()
    return exact, pytest.approx(f1)


def by_mlqa(golds: GoldAnswers, answer: str, language: str) -> Score:
    exact, f1, _ = mlqa.statistics([golds], [answer], language)[0].tolist()
    return exact, pytest.approx(f1)


@pytest.mark.parametrize(
    ("language", "gold", "answer", "official", "wanted"),
    [
        # Unicode punctuation
        ("de", "„Ja“", "Ja", (0, 0), (1, 1)),
        ("zh", "《红楼梦》", "红楼梦", (0, 0), (1, 1)),
        ("ar", "القاهرة،", "القاهرة", (0, 0), (1, 1)),
        # case
        ("de", "Straße", "STRASSE", (0, 0), (1, 1)),
        ("el", "ΟΔΟΣ", "οδοσ", (0, 0), (1, 1)),
        ("tr", "Işık", "ışık", (0, 0), (1, 1)),
        ("tr", "İzmir", "izmir", (0, 0), (1, 1)),
        ("zh", "２０１０年", "2010年", (0, 0), (1, 1)),
        # articles of the language, and of no other
        ("es", "el mar", "mar", (0, 2 / 3), (1, 1)),
        ("es", "a Roma", "Roma", (1, 1), (0, 2 / 3)),
        ("el", "η Αθήνα", "Αθήνα", (0, 2 / 3), (1, 1)),
        ("vi", "a the", "the a", (1, 0), (0, 1)),
        ("ar", "الكتاب", "كتاب", (0, 0), (1, 1)),
        # scripts without spaces
        ("zh", "北京大学", "北京", (0, 0), (0, 2 / 3)),
        ("ja", "東京タワー", "東京", (0, 0), (0, 4 / 7)),
        ("th", "กรุงเทพ", "กรุง", (0, 0), (0, 3 * 2 / (6 + 3))),
        ("zh", "iPhone 手机", "iPhone手机", (0, 0), (1, 1)),
        # nothing is left
        ("en", "The", "the", (1, 0), (1, 1)),
        ("en", "%", "-", (1, 0), (0, 0)),
        ("en", "the cat", "a cat", (1, 1), (1, 1)),
    ],
)
def test_fixed_squad_rules_differ_from_the_official_ones_where_documented(
    language: str, gold: str, answer: str, official: Score, wanted: Score
) -> None:
    assert by_squad([gold], answer) == official
    assert fixed([gold], answer, language) == wanted


@pytest.mark.parametrize(
    ("language", "gold", "answer", "official", "wanted"),
    [
        ("ar", "خيال", "خي", (1, 1), (0, 0)),  # alef-lam at the end of "imagination"
        ("ar", "سالم", "حالم", (0, 1 / 2), (0, 0)),  # inside it makes two tokens of a word
        ("ar", "الكتاب", "كتاب", (1, 1), (1, 1)),
        ("vi", "của Huế", "là Huế", (1, 1), (0, 1 / 2)),  # "of Huế", "is Huế"
        ("zh", "東京タワー", "東京", (0, 4 / 5), (0, 4 / 7)),  # kana are characters as well
        ("zh", "𠮷野家", "野家", (0, 4 / 5), (0, 4 / 5)),
        ("de", "die", "der", (1, 0), (0, 0)),
    ],
)
def test_fixed_mlqa_rules_differ_from_the_official_ones_where_documented(
    language: str, gold: str, answer: str, official: Score, wanted: Score
) -> None:
    assert by_mlqa([gold], answer, language) == official
    assert fixed([gold], answer, language) == wanted


def test_combining_marks_stay_on_their_characters() -> None:
    assert normalize_answer("ที่นี่", "th") == "ที่ นี่"
    assert normalize_answer("မြန်မာ", "my").split() == ["မြ", "န်", "မာ"]
    assert normalize_answer("हिन्दी में", "hi") == "हिन्दी में"


def test_an_empty_answer_is_right_for_unanswerable_questions() -> None:
    assert fixed([], "", "fi") == (1, 1)
    assert fixed([], "x", "fi") == (0, 0)
    assert fixed(["y", "x"], "X.", "fi") == (1, 1)


@pytest.mark.parametrize("name", ["xquad", "mlqa", "tydiqa"])
def test_the_main_metric_stays_official(name: str) -> None:
    metrics = TASKS.get(name).metrics
    assert METRICS.get(metrics[0]).name == ("mlqa_mean" if name == "mlqa" else "qa_mean")
    assert metrics[3:] == ("qa_mean_fixed", "exact_match_fixed", "token_f1_fixed")
