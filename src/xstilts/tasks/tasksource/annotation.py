"""What tasksource says of a task, as far as the names of columns can express it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xstilts.tasks.tasksource.source_column import SourceColumn

FORMATS = {
    "Classification": "classification",
    "MultipleChoice": "multiple_choice",
    "TokenClassification": "tagging",
}
"""Type of task in tasksource → format."""
SPLITS = ("train", "dev", "test")
HARMLESS = frozenset(("identity", "remove_neg_1"))
"""Functions on the rows: none, and the removal of rows without a label, which we remove too."""
SECOND = "sentence2"
"""The second text of every classification that names none: read where a data set has it."""
NUMBERED = re.compile(r"choice\d+")
NAMED = "name.<locals>.<lambda>"
"""tasksource's `name(column, classes)`, a function that holds the names of the classes."""


class NotExpressible(Exception):
    """Names of columns do not express what tasksource does; the text says what that is."""


@dataclass(frozen=True)
class Annotation:
    """One task as tasksource describes it.

    Args:
        id: its name there, such as `glue/rte`.
        format: ours.
        dataset, config: on the Hub; config is blank where the data set has only one.
        revision: that tasksource pins; blank: the newest.
        splits: train, dev or test → its name in the data set.
        columns: column of the format → where it is read; the list `choices` stands for its own.
        label_names: value in the data set → label; empty where the data set names its classes.
        max_rows: training rows that tasksource takes at most; none: all.
        problem: why xstilts cannot read it; blank if it can.
    """

    id: str
    format: str
    dataset: str
    config: str = ""
    revision: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, SourceColumn] = field(default_factory=dict)
    label_names: Mapping[str, str] = field(default_factory=dict)
    max_rows: int | None = None
    problem: str = ""


def annotation_of(row: Any) -> Annotation:
    """The annotation in a row of `tasksource.list_tasks()`."""
    mapping = row.mapping
    is_score = getattr(mapping, "regression", False) is True
    found = Annotation(
        id=row.id,
        format="regression" if is_score else FORMATS.get(row.task_type, row.task_type),
        dataset=row.dataset_name,
        config=row.config_name or "",
        max_rows=mapping.max_examples,
    )
    try:
        return _complete(found, mapping, is_soft=row.soft_labels and not is_score)
    except NotExpressible as problem:
        return replace(found, problem=str(problem))


def _complete(found: Annotation, mapping: Any, *, is_soft: bool) -> Annotation:
    if found.format not in (*FORMATS.values(), "regression"):
        raise NotExpressible(f"xstilts has no format for the type {found.format}")
    if is_soft:
        raise NotExpressible("its labels are computed from the votes of several annotators")
    for name in ("pre_process", "post_process"):
        function = getattr(getattr(mapping, name), "__name__", "?")
        if function not in HARMLESS:
            raise NotExpressible(f"its rows are changed by Python code ({name}: {function})")
    options = dict(mapping.load_dataset_kwargs)
    revision = str(options.pop("revision", "") or "")
    if options or "/" not in found.dataset:
        how = ", ".join(sorted(options)) or found.dataset
        raise NotExpressible(f"it is not read from a data set by its name, but by {how}")
    fields = {name: one for name in mapping if (one := getattr(mapping, name, None)) is not None}
    gold, names = _label_column(fields["labels"])
    given = {str(value): str(label) for value, label in mapping.label_values.items()}
    return replace(
        found,
        revision=revision,
        splits={ours: name for ours, name in zip(SPLITS, mapping.splits, strict=True) if name},
        columns={**_inputs(found.format, fields), _gold(found.format): gold},
        label_names=given or names,
    )


def _gold(format_name: str) -> str:
    return {"tagging": "tags", "regression": "score"}.get(format_name, "label")


def _inputs(format_name: str, fields: Mapping[str, Any]) -> dict[str, SourceColumn]:
    """The columns of the format besides the labels."""
    if format_name == "tagging":
        return {"tokens": _column("tokens", fields["tokens"])}
    if format_name == "multiple_choice":
        return {"text": _column("inputs", fields["inputs"]), **_choices(fields)}
    second = _column(SECOND, fields.get(SECOND, SECOND))
    if second.paths == (SECOND,):
        second = second.model_copy(update={"if_present": True})
    return {"text": _column("sentence1", fields["sentence1"]), "text_pair": second}


def _choices(fields: Mapping[str, Any]) -> dict[str, SourceColumn]:
    if "choices_list" in fields:
        return {"choices": _column("choices_list", fields["choices_list"])}
    names = sorted((name for name in fields if NUMBERED.fullmatch(name)), key=_number)
    return {f"choice{at}": _column(name, fields[name]) for at, name in enumerate(names, 1)}


def _number(name: str) -> int:
    return int(name.removeprefix("choice"))


def _column(field_name: str, value: Any) -> SourceColumn:
    """Where a field is read: a column, columns that are joined, a member, or one value.

    Raises:
        NotExpressible: it is computed by a function.
    """
    if isinstance(value, str):
        return SourceColumn(paths=(value,))
    kind = type(value).__name__
    if kind == "cat" and all(isinstance(name, str) for name in value.fields):
        return SourceColumn(paths=tuple(value.fields), separator=value.separator)
    if kind == "dotgetter" and "[" not in value.path:
        return SourceColumn(paths=(value.path,))
    if kind == "pretty_f" and isinstance(value.value, str | int):
        return SourceColumn(constant=str(value.value))
    function = getattr(value, "__name__", kind)
    raise NotExpressible(f"its {field_name} are computed by Python code ({function})")


def _label_column(labels: Any) -> tuple[SourceColumn, dict[str, str]]:
    """Where labels are read, and the names of their values where a function gives them."""
    if getattr(labels, "__qualname__", "") == NAMED:
        variables = zip(labels.__code__.co_freevars, labels.__closure__, strict=True)
        held = {name: cell.cell_contents for name, cell in variables}
        classes = held.get("classes")
        if isinstance(classes, list | tuple) and isinstance(held.get("label_name"), str):
            names = {str(number): str(name) for number, name in enumerate(classes)}
            return SourceColumn(paths=(held["label_name"],)), names
    return _column("labels", labels), {}
