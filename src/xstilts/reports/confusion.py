"""Which labels are confused with which, by language.

Targets with few classes have a matrix per language; others, such as tags of words, have the most
frequent confusions of each language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from xstilts.analysis.gains import ENGLISH
from xstilts.languages import language
from xstilts.reports.answered_tests import OUTSIDE, AnsweredTest, tag_kind

CLASSES = 6
"""Classes of a matrix, at most."""
LANGUAGES = 24
"""Languages of a target that have a matrix, at most: those with the most errors."""
CONFUSIONS = 3
"""Confusions of a language that are named."""
NO_SPAN = "no span"
Counts = Counter[tuple[str, str]]
"""(gold, predicted) → examples or words, of all seeds."""


@dataclass(frozen=True)
class ConfusionCell:
    """A share of the examples of a gold label, in percent; `strength` is between 0 and 1."""

    text: str
    strength: str
    is_right: bool


@dataclass(frozen=True)
class ConfusionMatrix:
    """The predictions of one language: a row per gold label, a column per predicted one."""

    language: str
    right: str
    rows: tuple[tuple[str, tuple[ConfusionCell, ...]], ...]


@dataclass(frozen=True)
class LanguageConfusions:
    """The most frequent confusions of a language, and the share of right answers in percent."""

    language: str
    right: str
    confusions: tuple[str, ...]


@dataclass(frozen=True)
class TargetConfusion:
    """The confusions of a target after a setting: matrices, or lists.

    Args:
        unit: what is counted: examples or words.
        left_out: languages without a matrix.
    """

    target: str
    setting: str
    seeds: int
    unit: str
    labels: tuple[str, ...] = ()
    matrices: tuple[ConfusionMatrix, ...] = ()
    lists: tuple[LanguageConfusions, ...] = ()
    left_out: int = 0


def target_confusion(
    target: str, setting: str, tests: Iterable[AnsweredTest]
) -> TargetConfusion | None:
    """The confusions of a target; None if its answers are no labels, or without tests."""
    tests = [test for test in tests if test.gold_spec.class_of]
    if not tests:
        return None
    counts = {test.language: _counts(test) for test in tests}
    counts = {code: of for code, of in counts.items() if of}
    order = sorted(counts, key=lambda code: (code != ENGLISH, code))
    labels = sorted({label for of in counts.values() for pair in of for label in pair})
    unit = "words" if tests[0].gold_spec.class_of == "word" else "examples"
    seeds = max(len(test.cells) for test in tests)
    if len(labels) > CLASSES:
        lists = tuple(_confusions(code, counts[code]) for code in order)
        return TargetConfusion(target, setting, seeds, unit, lists=lists)
    worst = sorted(order, key=lambda code: _share_right(counts[code]))[:LANGUAGES]
    shown = [code for code in order if code in worst]
    matrices = tuple(_matrix(code, counts[code], labels) for code in shown)
    return TargetConfusion(
        target, setting, seeds, unit, tuple(labels), matrices, left_out=len(order) - len(shown)
    )


def _counts(test: AnsweredTest) -> Counts:
    """How often each label is predicted for each; words outside of spans count if either is in."""
    counts: Counts = Counter()
    for gold, answer in test.pairs():
        counts.update(_labels(gold, answer))
    return counts


def _labels(gold: Any, answer: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(gold, list | tuple):
        yield str(gold), str(answer)
        return
    for of_gold, predicted in zip(gold, answer or (), strict=False):
        if of_gold in OUTSIDE and predicted in OUTSIDE:
            continue
        yield _kind(of_gold), _kind(predicted)


def _kind(tag: Any) -> str:
    return NO_SPAN if tag in OUTSIDE else tag_kind(str(tag))


def _share_right(counts: Counts) -> float:
    right = sum(n for (gold, predicted), n in counts.items() if gold == predicted)
    return right / counts.total()


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _named(code: str) -> str:
    return f"{language(code).name} ({code})"


def _matrix(code: str, counts: Counts, labels: Iterable[str]) -> ConfusionMatrix:
    labels = list(labels)
    rows = []
    for gold in labels:
        total = sum(counts[gold, predicted] for predicted in labels)
        shares = [counts[gold, predicted] / total if total else 0.0 for predicted in labels]
        cells = tuple(
            ConfusionCell(_percent(share) if total else "–", f"{share:.2f}", gold == predicted)
            for predicted, share in zip(labels, shares, strict=True)
        )
        rows.append((gold, cells))
    return ConfusionMatrix(_named(code), _percent(_share_right(counts)), tuple(rows))


def _confusions(code: str, counts: Counts) -> LanguageConfusions:
    """The confusions by frequency, with the share of the gold label's that they are."""
    totals: Counter[str] = Counter()
    for (gold, _), n in counts.items():
        totals[gold] += n
    wrong = [(n, pair) for pair, n in counts.items() if pair[0] != pair[1]]
    wrong.sort(key=lambda one: (-one[0], one[1]))
    texts = tuple(
        f"{gold} → {predicted}" + ("" if gold == NO_SPAN else f" ({_percent(n / totals[gold])} %)")
        for n, (gold, predicted) in wrong[:CONFUSIONS]
    )
    return LanguageConfusions(_named(code), _percent(_share_right(counts)), texts)
