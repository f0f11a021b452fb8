"""`check_task` rejects tasks that break their contract; the documented task keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from xstilts.formats.classification import TextExample
from xstilts.tasks.base import TaskSpec
from xstilts.testing.tasks import check_task

PAGE = Path(__file__).parents[3] / "docs" / "extending" / "task.md"
Rows = Mapping[str, Sequence[tuple[str, str, str]]]
DISTINCT = {
    "train": [("t0", "a joy", "positive"), ("t1", "two wasted hours", "negative")],
    "dev": [("d0", "great", "positive"), ("d1", "no plot", "negative")],
    "test": [("e0", "moving", "positive"), ("e1", "I left early", "negative")],
}


def task_of(rows: Rows) -> TaskSpec:
    return TaskSpec(
        name="reviews",
        version=1,
        format="classification",
        splits=dict.fromkeys(rows, ("en",)),
        labels=("negative", "positive"),
        metrics=("accuracy",),
        read=lambda split, _language: [TextExample(*row) for row in rows[split]],
        fingerprint=lambda _split, _language: "",
    )


def test_distinct_splits_pass() -> None:
    check_task(task_of(DISTINCT))


@pytest.mark.parametrize("split", ["train", "dev", "test"])
@pytest.mark.parametrize("other", ["train", "dev", "test"])
def test_an_id_in_two_splits_is_rejected(split: str, other: str) -> None:
    (_, text, label), second = DISTINCT[split]
    rows = DISTINCT | {split: [(DISTINCT[other][0][0], text, label), second]}
    if split == other:
        check_task(task_of(rows))
    else:
        with pytest.raises(AssertionError, match="1 ids in common"):
            check_task(task_of(rows))


@pytest.mark.parametrize(("split", "other"), [("train", "dev"), ("train", "test"), ("dev", "test")])
@pytest.mark.parametrize("label", ["positive", "negative"])
def test_a_text_in_two_splits_is_rejected_even_with_another_label(
    split: str, other: str, label: str
) -> None:
    rows = DISTINCT | {split: [*DISTINCT[split], ("new", DISTINCT[other][0][1], label)]}
    with pytest.raises(AssertionError, match=rf"{split} and {other} overlap"):
        check_task(task_of(rows))
    check_task(task_of(rows), tolerated_overlap=0.5)


def test_overlap_beyond_the_checked_rows_is_rejected() -> None:
    many = [(f"t{n}", f"text {n}", ("negative", "positive")[n % 2]) for n in range(9)]
    rows = DISTINCT | {"train": many, "dev": [*DISTINCT["dev"], ("d2", "text 8", "negative")]}
    with pytest.raises(AssertionError, match="train and dev overlap"):
        check_task(task_of(rows), rows=2)


def test_the_documented_task_passes_check_task(tmp_path: Path) -> None:
    module, test = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(module, namespace)
    exec(test, namespace)
    assert namespace["REVIEWS"].name == "reviews"
    namespace["test_reviews_pass_check_task"](tmp_path)


def test_the_documented_task_without_distinct_splits_fails(tmp_path: Path) -> None:
    module, test = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(module, namespace)
    exec(test, namespace)
    namespace["ROWS"]["dev"] = namespace["ROWS"]["train"]
    with pytest.raises(AssertionError, match="train and dev overlap"):
        namespace["test_reviews_pass_check_task"](tmp_path)
