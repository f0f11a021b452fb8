"""Controls: the same examples with their labels shuffled, so that a gain is not one of the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xstilts.config.intermediate import parse_setting
from xstilts.core.errors import ConfigError
from xstilts.core.hashing import seed_of
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.row_problems import RowProblems

ENDING = "-shuffled-labels"
COLUMNS = ("label", "score", "tags")
"""Fields of examples that can be shuffled: a label or score of the text, or tags of its words."""

NOT_SHUFFLED = "own label kept, as no other example has as many words or choices"


def original_name(name: str) -> str:
    """The task that a control is named after; the name itself if it is not that of a control."""
    return name.removesuffix(ENDING)


def is_control(name: str) -> bool:
    """Whether a task is such a control; the ending is reserved for them."""
    return name.endswith(ENDING)


def has_control(setting: str) -> bool:
    """Whether a task of an intermediate setting is such a control."""
    return any(map(is_control, parse_setting(setting).tasks))


def find_task(name: str, find: Callable[[str], TaskSpec]) -> TaskSpec:
    """The task of that name, or the control of the task that the name begins with.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: the labels of the task cannot be shuffled.
    """
    original = find(original_name(name))
    return shuffled_labels(original) if is_control(name) else original


def shuffled_labels(task: TaskSpec) -> TaskSpec:
    """The control of a task: the same training rows, whose labels are permuted among them.

    It shows what training on these texts changes without anything to learn from their labels
    (Zhang et al. 2017, arXiv 1611.03530, train on permuted labels).

    Raises:
        ConfigError: an example of the task has no label of its own.
    """
    gold = task.format_spec.gold
    if gold is None or gold.column not in COLUMNS:
        raise ConfigError(
            f"{task.name}{ENDING}: the examples of {task.name} (format {task.format}) have no "
            "labels that could be shuffled",
            todo="use it for classification, regression, multiple choice and tagging",
        )
    return replace(
        task,
        name=f"{task.name}{ENDING}",
        shuffled_from=task.name,
        train_task="",
        summary=f"{task.name} with its labels shuffled: what do the texts alone change?",
    )


def with_shuffled_labels(
    examples: Sequence[Any], task: TaskSpec, split: str, problems: RowProblems
) -> list[Any]:
    """The examples of a control with permuted labels; of any other task as they are.

    Each label keeps its number of examples. Only examples with equally many choices, or words,
    exchange their labels, or their sequences of tags; `problems` gets those that have no partner.
    """
    gold = task.format_spec.gold
    if not task.shuffled_from or gold is None:
        return list(examples)
    shuffled = list(examples)
    for size in sorted(set(map(_size, examples))):
        group = [index for index, one in enumerate(examples) if _size(one) == size]
        if len(group) == 1:
            problems.add_kept(NOT_SHUFFLED, examples[group[0]])
        order = np.random.default_rng(seed_of("shuffled labels", split, size)).permutation(group)
        for index, source in zip(group, order.tolist(), strict=True):
            label = getattr(examples[source], gold.column)
            shuffled[index] = replace(examples[index], **{gold.column: label})
    return shuffled


def _size(example: Any) -> int:
    """The number of choices or of tags of an example; 0 in other formats."""
    return len(getattr(example, "choices", getattr(example, "tags", ())))
