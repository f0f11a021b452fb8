"""The contract of a task: what every task must pass, ours and yours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from xstilts.formats import EMBEDDED, TRAINED
from xstilts.formats.classification import TextExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.retrieval import RetrievalExample
from xstilts.formats.span import SpanExample
from xstilts.formats.tagging import TaggedExample
from xstilts.metrics import METRICS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import gold_is_blank, validated

GOLD = ("label", "tags", "answers")
KINDS = {
    "classification": TextExample,
    "multiple_choice": ChoiceExample,
    "span": SpanExample,
    "tagging": TaggedExample,
    "retrieval": RetrievalExample,
}


def check_task(task: TaskSpec, *, languages: tuple[str, ...] | None = None, rows: int = 50) -> None:
    """Assert that a task keeps its promises: call it from a test.

    Every split and language reads; the same examples come twice; they are of the format's
    kind, with known labels; gold is not blank; perfect predictions score 1 and wrong ones
    less; the fingerprint is stable.
    """
    assert task.format in TRAINED or task.format in EMBEDDED
    for split, codes in task.splits.items():
        for language in codes if languages is None else set(codes) & set(languages):
            _check_split(task, split, language, rows)
            assert task.fingerprint(split, language) == task.fingerprint(split, language)


def _check_split(task: TaskSpec, split: str, language: str, rows: int) -> None:
    place = f"{task.name} {split} {language}"
    first = list(islice(task.read(split, language), rows))
    assert first, f"{place} is empty"
    assert first == list(islice(task.read(split, language), rows)), f"{place} changes"
    kind = KINDS.get(task.format)
    assert kind is None or all(isinstance(example, kind) for example in first), place
    kept, _ = validated(first, task, split, language)
    assert kept, f"{place} has no usable example"
    if task.format in TRAINED:
        _check_metric(task, kept, language, place)


def _check_metric(task: TaskSpec, examples: Sequence[object], language: str, place: str) -> None:
    gold = [next(getattr(one, name) for name in GOLD if hasattr(one, name)) for one in examples]
    assert not gold_is_blank(gold, task.format), f"{place}: blank gold"
    metric = METRICS.get(task.metrics[0])
    perfect = [one[0] if one else "" for one in gold] if task.format == "span" else gold
    best = metric.value(metric.statistics(gold, perfect, language).sum(0))
    turned = perfect[1:] + perfect[:1]
    assert best == 1.0, f"{place}: perfect predictions score {best}"
    assert metric.value(metric.statistics(gold, turned, language).sum(0)) < 1.0, (
        f"{place}: any order scores 1"
    )
