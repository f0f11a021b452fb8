"""`check_task`: the contract of a task, for the tests of any package that adds one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations, islice

from xstilts.formats.base import BadRow, Example
from xstilts.metrics import METRICS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import validated
from xstilts.testing.task_images import check_images, check_shared_images

ROUNDING = 1e-9
"""How much less than 1 perfect predictions may score."""


def check_task(
    task: TaskSpec,
    *,
    languages: Collection[str] | None = None,
    rows: int = 50,
    tolerated_overlap: float = 0.0,
) -> None:
    """Assert that a task keeps its contract: call it from a test.

    Every split and language is readable and returns the same examples twice, in the class of its
    format and with known labels. Train, dev and test have no ids, no examples and no images in
    common. Gold answers are not blank; perfect predictions score 1, and shuffled ones less unless
    they are all equal. The fingerprint is stable. Images can be decoded.

    Args:
        languages: languages to check; all by default.
        rows: number of examples to check in each split and language; overlap is always checked
            for all examples, and that of images by their names.
        tolerated_overlap: proportion of a split that another split may contain, for published
            data sets with known duplicates.

    Raises:
        AssertionError: names the task, split and language, and what is wrong.
        DataError: too many rows are invalid.
    """
    codes = {code for split in task.splits.values() for code in split}
    for language in sorted(codes if languages is None else codes & set(languages)):
        splits = [split for split, have in task.splits.items() if language in have]
        for split in splits:
            _check_split(task, split, language, rows)
        _check_overlap(task, language, splits, tolerated_overlap, rows)


def _check_split(task: TaskSpec, split: str, language: str, rows: int) -> None:
    name = f"{task.name} {split} {language}"
    first = list(islice(task.read(split, language), rows))
    assert first, f"{name} is empty"
    assert first == list(islice(task.read(split, language), rows)), f"{name} changes"
    assert task.fingerprint(split, language) == task.fingerprint(split, language), name
    kept, _ = validated(first, task, split, language)
    check_images(task, split, kept)
    if task.format_spec.gold and task.format_spec.training:
        _check_metric(task, kept, language, name)


def _check_overlap(
    task: TaskSpec, language: str, splits: Sequence[str], tolerated: float, rows: int
) -> None:
    """Assert that no two splits have ids or, beyond the tolerance, examples in common."""
    content = task.format_spec.content
    examples = {
        split: [
            example for example in task.read(split, language) if not isinstance(example, BadRow)
        ]
        for split in splits
    }
    check_shared_images(task, examples, rows)
    ids = {split: {example.id for example in every} for split, every in examples.items()}
    contents = {split: [content(example) for example in every] for split, every in examples.items()}
    for first, second in combinations(splits, 2):
        name = f"{task.name} {language}: {first} and {second}"
        assert not (common := ids[first] & ids[second]), (
            f"{name} have {len(common)} ids in common, such as {min(common)!r}"
        )
        for split, other in ((first, second), (second, first)):
            known = set(contents[other])
            shared = sum(item in known for item in contents[split])
            assert shared <= tolerated * len(contents[split]), (
                f"{name} overlap: {shared} of {len(contents[split])} examples of {split} "
                f"are in {other}"
            )


def _check_metric(task: TaskSpec, examples: Sequence[Example], language: str, name: str) -> None:
    spec, metric = task.format_spec, METRICS.get(task.metrics[0])
    assert spec.gold is not None
    gold = spec.gold_of_examples(examples)
    assert not spec.gold_is_blank(gold), f"{name}: blank gold"
    perfect = [spec.gold.as_prediction(answer) for answer in gold]
    best = metric.value(metric.statistics(gold, perfect, language).sum(0))
    assert abs(best - 1.0) < ROUNDING, f"{name}: perfect predictions score {best}"
    shuffled = perfect[1:] + perfect[:1]
    if shuffled == perfect:  # as ranks, which are all 1
        return
    assert metric.value(metric.statistics(gold, shuffled, language).sum(0)) < 1.0, (
        f"{name}: any order scores 1"
    )
