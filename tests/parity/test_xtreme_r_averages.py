"""XTREME-R's averages of crafted predictions against recorded outputs of its evaluate.py.

The predictions are drawn from digests, so that the reference evaluator and this package score the
same ones although only its scores are recorded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xstilts.analysis.benchmark_averages import benchmark_averages
from xstilts.metrics import METRICS
from xstilts.tasks.benchmarks import XTREME, XTREME_R

RECORDED = json.loads(
    (Path(__file__).parent / "xtreme_r_averages.json").read_text(encoding="utf-8")
)
LAREQA = "lareqa-xquad-r"
EXAMPLES = 6
POS = ("NOUN", "VERB", "CCONJ", "SCONJ", "PUNCT")
NER = ("O", "O", "B-PER", "I-PER", "B-LOC")
WORDS = ("the cat", "a dog", "1999.", "Rome", "el gato", "der Hund", "big, red", "cat", "")

Pair = tuple[Any, Any]
"""Gold answer and prediction of an example."""


def drawn(*what: object, below: int) -> int:
    """A number below a limit that depends on the arguments alone."""
    return int(sha256("|".join(map(str, what)).encode()).hexdigest(), 16) % below


def _choice(labels: tuple[Any, ...]) -> Callable[[str, str, int], Pair]:
    def pair(task: str, language: str, number: int) -> Pair:
        gold = labels[drawn(task, language, number, "gold", below=len(labels))]
        is_right = drawn(task, language, number, "right", below=3) > 0
        other = labels[drawn(task, language, number, "other", below=len(labels))]
        return gold, gold if is_right else other

    return pair


def _tags(tags: tuple[str, ...]) -> Callable[[str, str, int], Pair]:
    one = _choice(tags)

    def pair(task: str, language: str, number: int) -> Pair:
        count = 2 + drawn(task, language, number, "words", below=5)
        pairs = [one(task, language, 100 * number + word) for word in range(count)]
        return tuple(gold for gold, _ in pairs), tuple(found for _, found in pairs)

    return pair


def _answer(task: str, language: str, number: int) -> Pair:
    golds = tuple(
        WORDS[drawn(task, language, number, index, below=len(WORDS) - 1)] for index in range(2)
    )
    return golds, WORDS[drawn(task, language, number, "found", below=len(WORDS))]


def _ranked(task: str, language: str, number: int) -> Pair:
    """The right entity, and up to 20 entities, the best first."""
    shown = [f"Q{1 + drawn(task, language, number, rank, below=900)}" for rank in range(20)]
    ranked = list(dict.fromkeys(shown))
    is_missing = drawn(task, language, number, "missing", below=3) == 0
    rank = drawn(task, language, number, "rank", below=len(ranked))
    return ("Q0" if is_missing else ranked[rank]), ranked


DRAW: dict[str, Callable[[str, str, int], Pair]] = {
    "xnli": _choice(("entailment", "neutral", "contradiction")),
    "xcopa": _choice((0, 1)),
    "udpos": _tags(POS),
    "pan-x": _tags(NER),
    "xquad": _answer,
    "mlqa": _answer,
    "tydiqa": _answer,
    "tatoeba": _choice(tuple(range(5))),
    "mewsli-x": _ranked,
}


def crafted(task: str, language: str) -> list[Pair]:
    """The examples of a task in a language."""
    return [DRAW[task](task, language, number) for number in range(EXAMPLES)]


def score(task: str, language: str) -> float:
    """The official metric of the crafted predictions of a task in a language."""
    gold, found = map(list, zip(*crafted(task, language), strict=True))
    if task == "mewsli-x":
        ranks = [
            [ranked.index(right) + 1] if right in ranked else []
            for right, ranked in zip(gold, found, strict=True)
        ]
        gold, found = [1] * len(ranks), ranks
    name = "accuracy" if task == "tatoeba" else XTREME_R.metrics[task]
    metric = METRICS.get(name)  # a direction of Tatoeba is the accuracy of its predicted lines
    return float(metric.value(metric.statistics(gold, found, language).sum(0)))


def frame(*, without: tuple[str, ...] = (), extra: tuple[Any, ...] = ()) -> pd.DataFrame:
    """The scores as `results` gives them; LAReQA, which the reference cannot score, has 0.5."""
    scores = [
        (task, code, score(task, code) if task in DRAW else 0.5)
        for task, codes in XTREME_R.languages.items()
        for code in codes
        if task not in without
    ]
    rows = [
        {
            "encoder": "e",
            "intermediate": "none",
            "target": task,
            "language": code,
            "split": "test",
            "seed": 0,
            "metric": (XTREME_R.metrics | XTREME.metrics)[task],
            "value": value,
        }
        for task, code, value in [*scores, *extra]
    ]
    return pd.DataFrame(rows)


def values(found: pd.DataFrame, *, english: bool = True) -> dict[str, float]:
    here = found[found["english"] == english]
    return {name: 100 * value for name, value in zip(here["name"], here["value"], strict=True)}


def test_every_average_that_evaluate_py_computes_is_equal() -> None:
    ours = values(benchmark_averages(frame(), XTREME_R))
    theirs = {**RECORDED["tasks"], **RECORDED["overall"]}
    theirs["retrieval-without-lareqa"] = theirs.pop("retrieval")
    assert theirs.pop("multi_choice") == pytest.approx(ours["xcopa"], abs=1e-9)
    assert {name: ours[name] for name in theirs} == {
        name: pytest.approx(value, abs=1e-9) for name, value in theirs.items()
    }
    assert ours.keys() - theirs.keys() == {LAREQA, "retrieval", "xtreme-r"}


def test_single_languages_equal_evaluate_py() -> None:
    for task in ("mewsli-x", "udpos"):
        for code, value in RECORDED["languages"][task].items():
            assert 100 * score(task, code) == pytest.approx(value, abs=1e-9), (task, code)


def test_the_overall_average_is_the_mean_of_ten_tasks_which_evaluate_py_never_computes() -> None:
    assert RECORDED["with_lareqa_folders"].startswith("KeyError")
    assert "all_task" not in RECORDED["overall"]
    ours = values(benchmark_averages(frame(), XTREME_R))
    tasks = [*RECORDED["tasks"].values(), 50]
    assert ours["xtreme-r"] == pytest.approx(sum(tasks) / 10, abs=1e-9)
    retrieval = [RECORDED["tasks"][name] for name in ("tatoeba", "mewsli-x")]
    assert ours["retrieval"] == pytest.approx((sum(retrieval) + 50) / 3, abs=1e-9)


def test_a_missing_task_leaves_its_groups_and_the_overall_average_empty() -> None:
    ours = values(benchmark_averages(frame(without=("tatoeba",)), XTREME_R))
    empty = {name for name, value in ours.items() if math.isnan(value)}
    assert empty == {"tatoeba", "retrieval", "retrieval-without-lareqa", "xtreme-r"}
    for name, value in RECORDED["without_tatoeba"].items():
        assert ours["xcopa" if name == "multi_choice" else name] == pytest.approx(value, abs=1e-9)


def test_xtreme_averages_ignore_the_languages_that_xtreme_r_adds() -> None:
    ours = values(benchmark_averages(frame(), XTREME))
    for task in ("udpos", "pan-x", "xquad", "tatoeba"):
        codes = XTREME.languages[task]
        mean = 100 * sum(score(task, code) for code in codes) / len(codes)
        assert ours[task] == pytest.approx(mean, abs=1e-9)
        assert ours[task] != pytest.approx(RECORDED["tasks"][task], abs=1e-6)


def test_a_language_outside_of_the_table_is_ignored() -> None:
    extra = (("xcopa", "en", 0.0), ("paws-x", "de", 0.0))
    assert values(benchmark_averages(frame(extra=extra), XTREME_R)) == values(
        benchmark_averages(frame(), XTREME_R)
    )
