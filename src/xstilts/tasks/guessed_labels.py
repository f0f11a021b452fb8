"""The labels of a guessed task: all that its files have, with one spelling for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xstilts.config.file_task import FileTask
from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.formats.base import BadRow, FileNote
from xstilts.formats.tag_schemes import standard_tags
from xstilts.tasks.guessed_files import GuessedFiles
from xstilts.tasks.user_tasks import read_examples

NUMBER = re.compile(r"-?\d+(\.\d+)?")
WHOLE = re.compile(r"(-?\d+)\.0+")
TRUTH_VALUES = ["true", "false"]
"""What `true` and `false` of JSON and Parquet become."""
SHOWN = 12


@dataclass(frozen=True)
class GuessedLabels:
    """The labels of a task.

    Args:
        labels: sorted; O first among tags, numbers in their order.
        label_map: label in the files → one of `labels`.
        guesses: what was assumed, in words.
    """

    labels: tuple[str, ...]
    label_map: Mapping[str, str] = field(default_factory=dict)
    guesses: tuple[str, ...] = ()


def guess_labels(declaration: Mapping[str, Any], files: GuessedFiles) -> GuessedLabels:
    """Every label in the files of a declaration without labels.

    Raises:
        DataError: no row has a label, or none can be read.
    """
    spec = FORMATS.get(declaration["format"])
    task = FileTask.model_validate({**declaration, "labels": TRUTH_VALUES})
    found, bad = set[str](), list[BadRow]()
    for (split, _), path in files.paths.items():
        for example in read_examples(task, path, split):
            if isinstance(example, BadRow):
                bad += [] if isinstance(example, FileNote) or bad else [example]
                continue
            (gold,) = spec.gold_of_examples([example])
            found.update(gold if spec.class_of == "word" else [gold])
    found = {label for label in found if label.strip()}
    if not found:
        raise _no_labels(files, bad)
    if spec.name == "multiple_choice":
        return _shown(sorted(found))
    ordered = sorted(found, key=_label_order)
    if spec.class_of == "word":
        spelled = standard_tags(ordered)
        note = f"label_map: {len(spelled)} tags are spelled differently from B-PER"
    else:
        spelled = _one_spelling(ordered)
        note = f"label_map: other spellings of labels: {', '.join(spelled)}"
    labels = sorted({spelled.get(label, label) for label in ordered}, key=_label_order)
    return _shown(labels, spelled, [note, *_alike(labels)] if spelled else _alike(labels))


def _shown(
    labels: Sequence[str], label_map: Mapping[str, str] | None = None, notes: Iterable[str] = ()
) -> GuessedLabels:
    shown = ", ".join(labels[:SHOWN]) + (" …" if len(labels) > SHOWN else "")
    listed = f"labels: {len(labels)} in the files: {shown}"
    return GuessedLabels(tuple(labels), label_map or {}, (*notes, listed))


def _no_labels(files: GuessedFiles, bad: Sequence[BadRow]) -> DataError:
    path = next(iter(files.paths.values()))
    if not bad:
        return DataError("no row has a label", where=str(path), todo="write the task yourself")
    return DataError(
        f"no row can be read: {bad[0].problem}",
        where=bad[0].where or str(path),
        todo="write texts and labels to columns of their own, without objects or lists",
    )


def _one_spelling(labels: Sequence[str]) -> dict[str, str]:
    """Label → the one that it is another spelling of: 1.0 of 1, True of true.

    One file may have integers, and another fractions since some of its cells are empty.
    """
    whole = {label: match[1] for label in labels if (match := WHOLE.fullmatch(label))}
    truth = {label: label.lower() for label in labels if label.lower() in TRUTH_VALUES}
    return {
        label: one for label, one in {**whole, **truth}.items() if one != label and one in labels
    }


def _alike(labels: Sequence[str]) -> list[str]:
    """What to know of labels that differ in case alone."""
    by_case = dict[str, list[str]]()
    for label in labels:
        by_case.setdefault(label.casefold(), []).append(label)
    groups = [" and ".join(group) for group in by_case.values() if len(group) > 1]
    if not groups:
        return []
    return [f"labels that differ in case alone, merge them by `label_map`: {', '.join(groups)}"]


def _label_order(label: str) -> tuple[bool, bool, float, str, str]:
    is_number = NUMBER.fullmatch(label) is not None
    tag_type = label[2:] if label[1:2] == "-" else label
    return label != "O", not is_number, float(label) if is_number else 0.0, tag_type, label
