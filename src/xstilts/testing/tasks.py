"""`check_task`: the contract of a task, for the tests of any package that adds one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice

from xstilts.formats.base import Example
from xstilts.metrics import METRICS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import TOLERATED, validated


def check_task(task: TaskSpec, *, languages: Collection[str] | None = None, rows: int = 50) -> None:
    """Assert that a task keeps its contract: call it from a test.

    Every split and language can be read and gives the same examples twice, in the class of its
    format and with known labels. Dev and test have no examples of train. Gold answers are not
    blank; perfect predictions score 1 and shuffled ones less. The fingerprint is stable.

    Args:
        languages: those to check; all by default.
        rows: examples that are read of each split and language.

    Raises:
        AssertionError: names the task, split and language, and what is wrong.
        DataError: too many rows cannot be used.
    """
    codes = {code for split in task.splits.values() for code in split}
    for language in sorted(codes if languages is None else codes & set(languages)):
        splits = {
            split: _checked_examples(task, split, language, rows)
            for split, have in task.splits.items()
            if language in have
        }
        _check_overlap(task, language, splits)


def _checked_examples(task: TaskSpec, split: str, language: str, rows: int) -> list[Example]:
    name = f"{task.name} {split} {language}"
    first = list(islice(task.read(split, language), rows))
    assert first, f"{name} is empty"
    assert first == list(islice(task.read(split, language), rows)), f"{name} changes"
    assert task.fingerprint(split, language) == task.fingerprint(split, language), name
    kept, _ = validated(first, task, split, language)
    if task.format_spec.gold and task.format_spec.training:
        _check_metric(task, kept, language, name)
    return kept


def _check_overlap(task: TaskSpec, language: str, splits: Mapping[str, Sequence[Example]]) -> None:
    """Nearly no dev or test example may be in train."""
    content = task.format_spec.content
    trained = {content(example) for example in splits.get("train", ())}
    for split in splits.keys() - {"train"}:
        shared = sum(content(example) in trained for example in splits[split])
        assert shared <= TOLERATED * len(splits[split]), (
            f"{task.name} {language}: {shared} examples of {split} are in train"
        )


def _check_metric(task: TaskSpec, examples: Sequence[Example], language: str, name: str) -> None:
    spec, metric = task.format_spec, METRICS.get(task.metrics[0])
    assert spec.gold is not None
    gold = spec.gold_of_examples(examples)
    assert not spec.gold_is_blank(gold), f"{name}: blank gold"
    perfect = [spec.gold.as_prediction(answer) for answer in gold]
    best = metric.value(metric.statistics(gold, perfect, language).sum(0))
    assert best == 1.0, f"{name}: perfect predictions score {best}"
    shuffled = perfect[1:] + perfect[:1]
    assert metric.value(metric.statistics(gold, shuffled, language).sum(0)) < 1.0, (
        f"{name}: any order scores 1"
    )
